"""The breast on a scanned film: scanner borders and labels are found from pixels alone."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mammo.images.resize import Picture

Mask = NDArray[np.bool_]

WHITE = 0.94
"""Film is darker than this; the scanner's light beside the film is not."""
THICKEST = 1 / 12
"""Thickest border, as a share of the film's side."""
SHORTEST = 0.15
"""A white edge shorter than this share of its side is no border."""

_COARSE = 512
_UNEVEN = 0.12
_STEEPEST_SKIN = 0.12
"""Largest Sobel gradient of tissue on a film of 320 to 512 pixels; smaller films have more. Labels exceed it."""
_SMALLEST_BREAST = 0.04


@dataclass(frozen=True)
class _PixelClasses:
    """Pixels surely brighter than air, pixels perhaps brighter, and pixels without a label's sharp edge."""

    bright: Mask
    faint: Mask
    soft: Mask


def block_average(picture: Picture, longest: int) -> Picture:
    """Return means over the smallest square blocks that make the longer side at most `longest` pixels.

    Blocks at the far edges may have fewer pixels: no edge becomes darker and nothing is cut off.
    """
    factor = block_side(picture.shape, longest)
    if factor == 1:
        return picture
    for axis in (0, 1):
        starts = np.arange(0, picture.shape[axis], factor)
        sums = np.add.reduceat(picture, starts, axis=axis)
        counts = np.diff(np.append(starts, picture.shape[axis])).astype(np.float32)
        picture = np.asarray(sums / (counts[:, None] if axis == 0 else counts), np.float32)
    return picture


def block_side(shape: tuple[int, ...], longest: int) -> int:
    """Return the side in pixels of the blocks of `block_average`."""
    return max(1, -(-max(shape) // longest))


def find_borders(picture: Picture) -> Mask:
    """Return a mask of the scanner's light beside the film: thin white strips along the sides, and their glow.

    Strips may be straight or oblique. A white area as broad as tissue is no border. The shape is that of `picture`.
    """
    film = picture.copy()
    for turns in (1, 3, 0, 2):
        rotated = np.rot90(film, turns)
        rotated[_left_border(rotated)] = 0
    borders: Mask = film != picture
    return borders


def find_breast(picture: Picture) -> Mask | None:
    """Return the breast's mask: the largest component after opening that touches a side, filled from there to the skin.

    The shape is that of `picture`. None where there is no breast on a dark background, as in a crop of a lesion.
    """
    side = block_side(picture.shape, _COARSE)
    coarse = block_average(picture, _COARSE)
    classes = _classify(coarse)
    if classes is None:
        return None
    mask = _largest(classes, max(coarse.shape))
    if mask is None:
        return None
    rows, columns = picture.shape
    return np.repeat(np.repeat(mask, side, axis=0), side, axis=1)[:rows, :columns]


def _left_border(picture: Picture) -> Mask:
    """Return a mask of the white from the first column on, and of the steadily darker glow beside it."""
    rows, columns = picture.shape
    limit = int(columns * THICKEST)
    if limit < 2 or rows < 8:
        return np.zeros(picture.shape, np.bool_)
    edge = picture[:, : limit + 2]
    white = np.logical_and.accumulate(edge[:, : limit + 1] >= WHITE, axis=1).sum(axis=1)
    thin = (white > 0) & (white <= limit)
    if thin.mean() < SHORTEST or (white > limit).mean() > 0.05:
        return np.zeros(picture.shape, np.bool_)
    glowing = (edge[:, :-1] >= WHITE) | (edge[:, :-1] - edge[:, 1:] > 0.03)
    strip = np.logical_and.accumulate(glowing, axis=1) & (white <= limit)[:, None]
    strip[:, limit:] = False
    return np.pad(strip, ((0, 0), (0, columns - strip.shape[1])))


def _classify(picture: Picture) -> _PixelClasses | None:
    """Classify the picture's pixels by its air; None where no part is as dark and uniform as air."""
    filters: Any = import_module("skimage.filters")
    if min(picture.shape) < 16 or float(np.ptp(picture)) < 0.01:
        return None
    smooth = filters.gaussian(picture, 1.0)
    logarithm = np.log(np.maximum(smooth, 1 / 256))
    bright = logarithm > filters.threshold_otsu(logarithm)
    low, air, high = (float(level) for level in np.percentile(smooth[~bright], (25, 50, 75)))
    tissue = float(smooth[bright].mean())
    if tissue < 2 * air or high - low > _UNEVEN * (tissue - air):
        return None
    faint = smooth > air + 0.25 * (float(smooth[bright].min()) - air)
    soft = filters.sobel(picture) < max(_STEEPEST_SKIN, _STEEPEST_SKIN * 320 / max(picture.shape))
    return _PixelClasses(bright & soft, faint & soft, soft)


def _largest(classes: _PixelClasses, longest: int) -> Mask | None:
    """Return the largest component after opening, grown to its edge and filled to the side that it touches."""
    morphology: Any = import_module("skimage.morphology")
    label: Any = import_module("skimage.measure").label
    radius = 0.018 * longest
    numbers: Any = label(morphology.isotropic_opening(classes.bright, radius), connectivity=1)
    if not numbers.max():
        return None
    component = numbers == 1 + int(np.argmax(np.bincount(numbers.ravel())[1:]))
    side = _side(component)
    if side is None or component.mean() < _SMALLEST_BREAST:
        return None
    rim: Any = label(
        (morphology.isotropic_dilation(component, 1.6 * radius) & classes.faint) | component, connectivity=1
    )
    grown = np.isin(rim, np.unique(rim[component]))
    return _filled(morphology.isotropic_dilation(grown, 2) & classes.soft, side)


def _side(component: Mask) -> int | None:
    """Return 0 where the component touches the left side, -1 for the right side, None where it touches neither."""
    margin = max(2, round(0.06 * component.shape[1]))
    left, right = (float(strip.any(axis=1).mean()) for strip in (component[:, :margin], component[:, -margin:]))
    if max(left, right) < 0.1:
        return None
    return 0 if left >= right else -1


def _filled(mask: Mask, side: int) -> Mask:
    """Return the mask with every row filled from the chest wall to the skin: dark pixels inside are fat, not air."""
    if side == -1:
        return _filled(mask[:, ::-1], 0)[:, ::-1]
    filled: Mask = np.logical_or.accumulate(mask[:, ::-1], axis=1)[:, ::-1]
    return filled
