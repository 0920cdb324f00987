"""The resize microscope: what is left of a lesion at the size a trunk takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mammo.errors import MammoError
from mammo.images.film import Mask, average, blocks
from mammo.images.resize import RESIZES, Picture

SCREEN = 900
"""Longer side in pixels, at most, of the original as it is shown."""
CLOSE = 320
"""Side in pixels of every close-up."""
SHOWN = 320
"""Side in pixels at which a page shows three versions side by side: thinner lines would be lost there."""
SURROUNDINGS = 2.5
"""Side of a close-up over the longer side of the lesion in its middle."""

FEW = 20
"""Pixels of a lesion below which hardly anything tells it from noise: a disc of five pixels across."""
SKEWED = 1.1
"""From which factor on a lesion's changed shape is worth a word."""

LINE, HALO = (255, 196, 0), (24, 24, 24)
"""The outline's colour and that of the line around it: one of them stands out from any grey."""

RGB = NDArray[np.uint8]
Box = tuple[float, float, float, float]
"""Top, left, bottom and right (exclusive), in pixels."""


@dataclass(frozen=True)
class Frame:
    """A picture and where in it the lesions lie; both have the same shape (rows, columns)."""

    picture: Picture
    region: Mask


@dataclass(frozen=True)
class Look:
    """One version of a mammogram: the original, or what a resize makes of it.

    `whole` is the version itself, the original shrunk to SCREEN; `close` is CLOSE x CLOSE around the largest
    lesion, None where there is none: ask for one lesion at a time to see each close. Areas and sizes are in the
    version's own pixels, the original's in those of the file: `lesion_pixels` sums the share of every pixel that
    lesion covers, and so does not depend on where the pixels' edges fall; `clear_pixels` counts the pixels that
    lesion covers to at least a half. `sizes` holds (width, height) of every separate lesion, the largest first.
    """

    name: str
    label: str
    whole: Frame
    close: Frame | None
    lesion_pixels: float
    clear_pixels: int
    sizes: tuple[tuple[float, float], ...]

    @property
    def box(self) -> tuple[int, int, int, int] | None:
        """Top, left, bottom and right (exclusive) of all lesions in the pixels of `whole`, or None."""
        return _box(self.whole.region)


def look(picture: Picture, mask: Mask | None, size: int) -> list[Look]:
    """The original and what every one of RESIZES makes of it at `size`, in their order.

    `picture` and `mask` have the file's shape. Raises MammoError where their shapes differ.
    """
    mask = np.zeros(picture.shape, np.bool_) if mask is None else mask
    if mask.shape != picture.shape:
        raise MammoError(f"The mask's shape {mask.shape} differs from the picture's {picture.shape}; resize it first.")
    lesions = _lesions(mask)
    return [_original(picture, mask, lesions), *(_resized(name, picture, mask, lesions, size) for name in RESIZES)]


def advice(looks: Sequence[Look], sizes: Sequence[int]) -> str:
    """What the figures of `look` say of the lesions and the choice of a resize; empty where none is outlined.

    `sizes` are those that can be chosen instead.
    """
    original, *resized = looks
    if original.close is None:
        return ""
    best = max(resized, key=lambda one: one.lesion_pixels)
    others = [one for one in resized if one.lesion_pixels < 0.99 * best.lesion_pixels]
    less = f", {', '.join(f'{one.label} {_pixels(one.lesion_pixels)}' for one in others)}" if others else ""
    said = [f"{best.label if others else 'Every resize'} keeps {'most' if others else 'as much'}: "
            f"{_pixels(best.lesion_pixels)} pixels inside the outlines{less}."]  # fmt: skip
    said += [sentence for one in resized if (sentence := _skew(one, original))]
    if best.lesion_pixels >= FEW:
        return " ".join(said)
    now = max(best.whole.picture.shape)
    enough = [size for size in sorted(sizes) if best.lesion_pixels * (size / now) ** 2 >= FEW]
    larger = f"{best.label} at {enough[0]} pixels or more, or " if enough else ""
    said.append(
        f"Fewer than {FEW} pixels can hardly be told from noise, whatever the head: take {larger}crops of lesions."
    )
    return " ".join(said)


def _pixels(number: float) -> str:
    return f"{number:,.0f}" if number >= 10 else f"{number:.1f}"


def _skew(one: Look, original: Look) -> str:
    """By how much a resize changes the shape of the largest lesion, where that is worth a word."""
    (wide, tall), (own_wide, own_tall) = one.sizes[0], original.sizes[0]
    factor = (wide / tall) / (own_wide / own_tall)
    if max(factor, 1 / factor) < SKEWED:
        return ""
    sides = ("wide", "height") if factor > 1 else ("tall", "width")
    return (
        f"{one.label} makes lesions {max(factor, 1 / factor):.1f} times as {sides[0]} for their {sides[1]} as they are."
    )


def drawn(frame: Frame) -> RGB:
    """The frame as (rows, columns, 3) with thin outlines just outside the lesions, enlarged to about SCREEN.

    Pixels are enlarged by a whole number and stay sharp-edged squares; lesions themselves are not painted over.
    """
    factor = max(1, SCREEN // max(frame.picture.shape))
    grey = (np.clip(frame.picture, 0, 1) * 255 + 0.5).astype(np.uint8)
    image = np.repeat(_enlarged(grey, factor)[:, :, None], 3, axis=2)
    line, halo = _outline(_enlarged(frame.region, factor))
    image[halo], image[line] = HALO, LINE
    return image


def _original(picture: Picture, mask: Mask, lesions: list[Box]) -> Look:
    factor = blocks(picture.shape, SCREEN)
    shown = average(picture, SCREEN)
    edges = [np.minimum(np.arange(n + 1) * factor, side) for n, side in zip(shown.shape, picture.shape, strict=True)]
    moved = [(b[0] / factor, b[1] / factor, b[2] / factor, b[3] / factor) for b in lesions]
    whole = Frame(shown, _clear(_coverage(mask, edges[0], edges[1]), moved))
    close = _close(Frame(picture, mask), lesions[0]) if lesions else None
    count = int(np.count_nonzero(mask))
    return Look("original", "Original", whole, close, float(count), count, _sizes(lesions, 1.0, 1.0))


def _resized(name: str, picture: Picture, mask: Mask, lesions: list[Box], size: int) -> Look:
    """What the resize `name` makes of the picture: the very pixels that extraction hands to a trunk."""
    resize = RESIZES[name]
    top, left, rows, columns = resize.place(picture.shape, size)
    edges = [np.linspace(0, side, n + 1) for n, side in zip((rows, columns), picture.shape, strict=True)]
    covered = np.zeros((size, size), np.float32)
    covered[top : top + rows, left : left + columns] = _coverage(mask, edges[0], edges[1])
    tall, wide = rows / picture.shape[0], columns / picture.shape[1]
    moved = [(top + b[0] * tall, left + b[1] * wide, top + b[2] * tall, left + b[3] * wide) for b in lesions]
    whole = Frame(resize.apply(picture, size), _clear(covered, moved))
    close = _close(whole, moved[0]) if moved else None
    count = int(np.count_nonzero(covered >= 0.5))
    return Look(name, resize.label, whole, close, float(covered.sum()), count, _sizes(lesions, tall, wide))


def _sizes(lesions: list[Box], tall: float, wide: float) -> tuple[tuple[float, float], ...]:
    return tuple(((right - left) * wide, (bottom - top) * tall) for top, left, bottom, right in lesions)


def _box(mask: Mask) -> tuple[int, int, int, int] | None:
    """The box of all that is True, or None where nothing is."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    if not rows.size:
        return None
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1


def _lesions(mask: Mask) -> list[Box]:
    """The box of every separate lesion, the largest box first."""
    from scipy.ndimage import find_objects

    label: Any = import_module("skimage.measure").label
    around = _box(mask)
    if around is None:
        return []
    top, left, bottom, right = around
    found: Any = find_objects(label(mask[top:bottom, left:right]))
    boxes = [(top + y.start, left + x.start, top + y.stop, left + x.stop) for y, x in found]
    return sorted(boxes, key=lambda box: (box[0] - box[2]) * (box[3] - box[1]))


def _coverage(mask: Mask, rows: NDArray[Any], columns: NDArray[Any]) -> Picture:
    """Share of every new pixel that the mask covers; `rows` and `columns` are the new pixels' edges in old pixels."""
    covered = np.zeros((len(rows) - 1, len(columns) - 1), np.float32)
    around = _box(mask)
    if around is None:
        return covered
    top, left, bottom, right = around
    down, across = _overlap(rows, top, bottom), _overlap(columns, left, right)
    covered[:] = down @ mask[top:bottom, left:right].astype(np.float32) @ across.T
    return covered


def _overlap(edges: NDArray[Any], start: int, stop: int) -> Picture:
    """Share of every new pixel (rows) that every old pixel from `start` to `stop` (columns) takes up, in one axis."""
    old = np.arange(start, stop)[None, :]
    low, high = edges[:-1, None], edges[1:, None]
    shared = np.minimum(high, old + 1) - np.maximum(low, old)
    overlap: Picture = (np.maximum(shared, 0) / (high - low)).astype(np.float32)
    return overlap


def _clear(covered: Picture, lesions: list[Box]) -> Mask:
    """Pixels covered to at least a half; of a lesion too small for that, those it covers most, so that none is lost."""
    clear: Mask = covered >= 0.5
    for top, left, bottom, right in lesions:
        place = slice(int(top), int(np.ceil(bottom))), slice(int(left), int(np.ceil(right)))
        if not clear[place].any():
            clear[place] = covered[place] >= covered[place].max()
    return clear


def _close(frame: Frame, around: Box) -> Frame:
    """A square around a box, both in the frame's own pixels, brought to CLOSE x CLOSE.

    What is enlarged keeps its pixels as sharp-edged squares; what is shrunk is averaged.
    """
    rows, columns = _window(around, frame.picture.shape)
    picture, region = frame.picture[rows, columns], frame.region[rows, columns]
    if max(picture.shape) > CLOSE:
        picture = _shrunk(picture)
        region = _shrunk(region.astype(np.float32)) >= 0.5
    return Frame(_square(picture), _square(region))


def _shrunk(picture: Picture) -> Picture:
    """The picture with a longer side of CLOSE pixels, the bulk of the shrinking done by averaging blocks."""
    transform: Any = import_module("skimage.transform")
    picture = average(picture, 2 * CLOSE)
    shape = tuple(max(1, round(side * CLOSE / max(picture.shape))) for side in picture.shape)
    shrunk: Picture = transform.resize(picture, shape, preserve_range=True).astype(np.float32)
    return shrunk


def _window(around: Box, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Rows and columns of a square around a box, pushed back into a picture of `shape`, smaller where that is."""
    top, left, bottom, right = around
    side = max(9, round(SURROUNDINGS * max(bottom - top, right - left)))
    spans = []
    for low, high, length in ((top, bottom, shape[0]), (left, right, shape[1])):
        start = max(0, min(round((low + high - side) / 2), length - side))
        spans.append(slice(start, min(length, start + side)))
    return spans[0], spans[1]


def _square(values: NDArray[Any]) -> NDArray[Any]:
    """`values` on a CLOSE x CLOSE square, each repeated; what does not reach the square's sides is padded."""
    side = max(values.shape)
    padding = [((side - n) // 2, side - n - (side - n) // 2) for n in values.shape]
    place = ((np.arange(CLOSE) + 0.5) * side / CLOSE).astype(np.intp)
    return np.pad(values, padding)[np.ix_(place, place)]


def _enlarged(values: NDArray[Any], factor: int) -> NDArray[Any]:
    return np.repeat(np.repeat(values, factor, axis=0), factor, axis=1)


def _outline(region: Mask) -> tuple[Mask, Mask]:
    """A line just outside the region, a pixel wide where the picture is shown SHOWN wide, and one around that line."""
    from scipy.ndimage import binary_dilation

    line = np.zeros(region.shape, np.bool_)
    halo = line.copy()
    around = _box(region)
    if around is None:
        return line, halo
    wide = max(1, round(max(region.shape) / SHOWN))
    room = wide + 2
    place = tuple(slice(max(0, low - room), high + room) for low, high in zip(around[:2], around[2:], strict=True))
    inner = region[place]
    first = binary_dilation(inner, np.ones((3, 3)), iterations=wide)
    line[place] = first & ~inner
    halo[place] = binary_dilation(first, np.ones((3, 3))) & ~first
    return line, halo
