"""The resize microscope: what remains of a lesion at the input size of a trunk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mammo.errors import MammoError
from mammo.images.film import Mask, block_average, block_side
from mammo.images.resize import RESIZES, Picture

MAX_SIDE = 900
"""Largest side in pixels at which the original is shown."""
CLOSEUP_SIDE = 320
"""Side of every close-up in pixels."""
PAGE_SIDE = 320
"""Width in pixels at which a page shows each of three versions; outlines stay visible at it."""
SURROUNDINGS = 2.5
"""Side of a close-up, as a multiple of the longer side of its lesion."""

FEW = 20
"""A lesion of fewer pixels can hardly be distinguished from noise: a disc five pixels across."""
SKEWED = 1.1
"""Factor from which a change of a lesion's shape is reported."""

LINE, HALO = (255, 196, 0), (24, 24, 24)
"""Colours of the outline and of the line around it: one of them is visible on any grey."""

RGB = NDArray[np.uint8]
Box = tuple[float, float, float, float]
"""Top, left, bottom and right (exclusive), in pixels."""


@dataclass(frozen=True)
class MarkedPicture:
    """A picture and the mask of its lesions, both of shape (rows, columns)."""

    picture: Picture
    region: Mask


@dataclass(frozen=True)
class ResizeView:
    """One version of a mammogram: the original, or the result of a resize.

    `full` is the version itself, the original shrunk to MAX_SIDE; `closeup` is CLOSEUP_SIDE x CLOSEUP_SIDE pixels
    around the largest lesion, None where there is none: pass one lesion at a time for a close-up of each. Areas and
    sizes are in the version's own pixels, for the original those of the file: `lesion_pixels` sums the share of every
    pixel that lesion covers, so it does not depend on where the pixels' edges fall; `clear_pixels` counts the pixels
    that lesion covers by at least a half. `sizes` holds (width, height) of every separate lesion, the largest first.
    """

    name: str
    label: str
    full: MarkedPicture
    closeup: MarkedPicture | None
    lesion_pixels: float
    clear_pixels: int
    sizes: tuple[tuple[float, float], ...]

    @property
    def box(self) -> tuple[int, int, int, int] | None:
        """Top, left, bottom and right (exclusive) of all lesions in the pixels of `full`, or None."""
        return _box(self.full.region)


def resize_views(picture: Picture, mask: Mask | None, size: int) -> list[ResizeView]:
    """Return the original and the result of every entry of RESIZES at `size`, in their order.

    `picture` and `mask` have the shape (rows, columns) of the file. Raises MammoError where their shapes differ.
    """
    mask = np.zeros(picture.shape, np.bool_) if mask is None else mask
    if mask.shape != picture.shape:
        raise MammoError(f"The mask's shape {mask.shape} differs from the picture's {picture.shape}; resize it first.")
    lesions = _lesions(mask)
    return [_original(picture, mask, lesions), *(_resized(name, picture, mask, lesions, size) for name in RESIZES)]


def advice(views: Sequence[ResizeView], sizes: Sequence[int]) -> str:
    """Return advice on the choice of a resize, from the figures of `resize_views`; empty where no lesion is outlined.

    `sizes` are the sizes that the user can choose instead.
    """
    original, *resized = views
    if original.closeup is None:
        return ""
    best = max(resized, key=lambda view: view.lesion_pixels)
    behind = [view for view in resized if view.lesion_pixels < 0.99 * best.lesion_pixels]
    less = f", {', '.join(f'{view.label} {_pixels(view.lesion_pixels)}' for view in behind)}" if behind else ""
    sentences = [f"{best.label if behind else 'Every resize'} keeps {'most' if behind else 'as much'}: "
            f"{_pixels(best.lesion_pixels)} pixels inside the outlines{less}."]  # fmt: skip
    sentences += [sentence for view in resized if (sentence := _skew(view, original))]
    if best.lesion_pixels >= FEW:
        return " ".join(sentences)
    size_now = max(best.full.picture.shape)
    enough = [size for size in sorted(sizes) if best.lesion_pixels * (size / size_now) ** 2 >= FEW]
    larger = f"{best.label} at {enough[0]} pixels or more, or " if enough else ""
    sentences.append(
        f"Fewer than {FEW} pixels can hardly be told from noise, whatever the head: take {larger}crops of lesions."
    )
    return " ".join(sentences)


def _pixels(number: float) -> str:
    return f"{number:,.0f}" if number >= 10 else f"{number:.1f}"


def _skew(view: ResizeView, original: ResizeView) -> str:
    """Return a sentence on how a resize changes the shape of the largest lesion; empty where it hardly does."""
    (wide, tall), (own_wide, own_tall) = view.sizes[0], original.sizes[0]
    factor = (wide / tall) / (own_wide / own_tall)
    if max(factor, 1 / factor) < SKEWED:
        return ""
    sides = ("wide", "height") if factor > 1 else ("tall", "width")
    times = f"{max(factor, 1 / factor):.1f} times"
    return f"{view.label} makes lesions {times} as {sides[0]} for their {sides[1]} as they are."


def draw_outlines(frame: MarkedPicture) -> RGB:
    """Return the picture as RGB (rows, columns, 3) with thin outlines just outside the lesions, about MAX_SIDE large.

    Pixels are enlarged by an integer factor and stay sharp-edged squares; no lesion is painted over.
    """
    factor = max(1, MAX_SIDE // max(frame.picture.shape))
    grey = (np.clip(frame.picture, 0, 1) * 255 + 0.5).astype(np.uint8)
    image = np.repeat(_enlarged(grey, factor)[:, :, None], 3, axis=2)
    line, halo = _outline(_enlarged(frame.region, factor))
    image[halo], image[line] = HALO, LINE
    return image


def _original(picture: Picture, mask: Mask, lesions: list[Box]) -> ResizeView:
    factor = block_side(picture.shape, MAX_SIDE)
    shown = block_average(picture, MAX_SIDE)
    edges = [np.minimum(np.arange(n + 1) * factor, side) for n, side in zip(shown.shape, picture.shape, strict=True)]
    moved = [(b[0] / factor, b[1] / factor, b[2] / factor, b[3] / factor) for b in lesions]
    full = MarkedPicture(shown, _clear(_coverage(mask, edges[0], edges[1]), moved))
    closeup = _closeup(MarkedPicture(picture, mask), lesions[0]) if lesions else None
    count = int(np.count_nonzero(mask))
    return ResizeView("original", "Original", full, closeup, float(count), count, _sizes(lesions, 1.0, 1.0))


def _resized(name: str, picture: Picture, mask: Mask, lesions: list[Box], size: int) -> ResizeView:
    """Return the result of the resize `name`: exactly the pixels that a trunk gets in extraction."""
    resize = RESIZES[name]
    top, left, rows, columns = resize.placement(picture.shape, size)
    edges = [np.linspace(0, side, n + 1) for n, side in zip((rows, columns), picture.shape, strict=True)]
    covered = np.zeros((size, size), np.float32)
    covered[top : top + rows, left : left + columns] = _coverage(mask, edges[0], edges[1])
    tall, wide = rows / picture.shape[0], columns / picture.shape[1]
    moved = [(top + b[0] * tall, left + b[1] * wide, top + b[2] * tall, left + b[3] * wide) for b in lesions]
    full = MarkedPicture(resize.apply(picture, size), _clear(covered, moved))
    closeup = _closeup(full, moved[0]) if moved else None
    count = int(np.count_nonzero(covered >= 0.5))
    return ResizeView(name, resize.label, full, closeup, float(covered.sum()), count, _sizes(lesions, tall, wide))


def _sizes(lesions: list[Box], tall: float, wide: float) -> tuple[tuple[float, float], ...]:
    return tuple(((right - left) * wide, (bottom - top) * tall) for top, left, bottom, right in lesions)


def _box(mask: Mask) -> tuple[int, int, int, int] | None:
    """Return the box around all True pixels, None where there are none."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    if not rows.size:
        return None
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1


def _lesions(mask: Mask) -> list[Box]:
    """Return the box of every separate lesion, the largest first."""
    from scipy.ndimage import find_objects

    label: Any = import_module("skimage.measure").label
    around = _box(mask)
    if around is None:
        return []
    top, left, bottom, right = around
    slices: Any = find_objects(label(mask[top:bottom, left:right]))
    boxes = [(top + y.start, left + x.start, top + y.stop, left + x.stop) for y, x in slices]
    return sorted(boxes, key=lambda box: (box[0] - box[2]) * (box[3] - box[1]))


def _coverage(mask: Mask, rows: NDArray[Any], columns: NDArray[Any]) -> Picture:
    """Return the share of every new pixel that the mask covers; `rows` and `columns` are its edges in old pixels."""
    covered = np.zeros((len(rows) - 1, len(columns) - 1), np.float32)
    around = _box(mask)
    if around is None:
        return covered
    top, left, bottom, right = around
    down, across = _overlap(rows, top, bottom), _overlap(columns, left, right)
    covered[:] = down @ mask[top:bottom, left:right].astype(np.float32) @ across.T
    return covered


def _overlap(edges: NDArray[Any], start: int, stop: int) -> Picture:
    """Return the share of every new pixel (rows) that each old pixel (columns) covers, on one axis."""
    old = np.arange(start, stop)[None, :]
    low, high = edges[:-1, None], edges[1:, None]
    shared = np.minimum(high, old + 1) - np.maximum(low, old)
    overlap: Picture = (np.maximum(shared, 0) / (high - low)).astype(np.float32)
    return overlap


def _clear(covered: Picture, lesions: list[Box]) -> Mask:
    """Return the pixels covered by at least a half; for a lesion too small for that, those that it covers most."""
    clear: Mask = covered >= 0.5
    for top, left, bottom, right in lesions:
        box = slice(int(top), int(np.ceil(bottom))), slice(int(left), int(np.ceil(right)))
        if not clear[box].any():
            clear[box] = covered[box] >= covered[box].max()
    return clear


def _closeup(frame: MarkedPicture, around: Box) -> MarkedPicture:
    """Return a square window around a box of the picture, at CLOSEUP_SIDE x CLOSEUP_SIDE.

    Enlarged pixels stay sharp-edged squares; when shrinking, pixels are averaged.
    """
    rows, columns = _window(around, frame.picture.shape)
    picture, region = frame.picture[rows, columns], frame.region[rows, columns]
    if max(picture.shape) > CLOSEUP_SIDE:
        picture = _shrunk(picture)
        region = _shrunk(region.astype(np.float32)) >= 0.5
    return MarkedPicture(_square(picture), _square(region))


def _shrunk(picture: Picture) -> Picture:
    """Return the picture with a longer side of CLOSEUP_SIDE pixels; blocks are averaged first."""
    transform: Any = import_module("skimage.transform")
    picture = block_average(picture, 2 * CLOSEUP_SIDE)
    shape = tuple(max(1, round(side * CLOSEUP_SIDE / max(picture.shape))) for side in picture.shape)
    shrunk: Picture = transform.resize(picture, shape, preserve_range=True).astype(np.float32)
    return shrunk


def _window(around: Box, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Return the rows and columns of a square around a box, moved into a picture of `shape`, and no larger than it."""
    top, left, bottom, right = around
    side = max(9, round(SURROUNDINGS * max(bottom - top, right - left)))
    spans = []
    for low, high, length in ((top, bottom, shape[0]), (left, right, shape[1])):
        start = max(0, min(round((low + high - side) / 2), length - side))
        spans.append(slice(start, min(length, start + side)))
    return spans[0], spans[1]


def _square(values: NDArray[Any]) -> NDArray[Any]:
    """Return `values` enlarged to CLOSEUP_SIDE x CLOSEUP_SIDE by repetition, padded to a square first."""
    side = max(values.shape)
    padding = [((side - n) // 2, side - n - (side - n) // 2) for n in values.shape]
    index = ((np.arange(CLOSEUP_SIDE) + 0.5) * side / CLOSEUP_SIDE).astype(np.intp)
    return np.pad(values, padding)[np.ix_(index, index)]


def _enlarged(values: NDArray[Any], factor: int) -> NDArray[Any]:
    return np.repeat(np.repeat(values, factor, axis=0), factor, axis=1)


def _outline(region: Mask) -> tuple[Mask, Mask]:
    """Return a line just outside the region, and a line around that; a pixel wide at a display width of PAGE_SIDE."""
    from scipy.ndimage import binary_dilation

    line = np.zeros(region.shape, np.bool_)
    halo = line.copy()
    around = _box(region)
    if around is None:
        return line, halo
    wide = max(1, round(max(region.shape) / PAGE_SIDE))
    room = wide + 2
    window = tuple(slice(max(0, low - room), high + room) for low, high in zip(around[:2], around[2:], strict=True))
    inner = region[window]
    first = binary_dilation(inner, np.ones((3, 3)), iterations=wide)
    line[window] = first & ~inner
    halo[window] = binary_dilation(first, np.ones((3, 3))) & ~first
    return line, halo
