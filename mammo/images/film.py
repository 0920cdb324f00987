"""What of a scanned film is breast: scanner borders and labels are found from pixels alone."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mammo.images.resize import Picture

Mask = NDArray[np.bool_]

WHITE = 0.94
"""Film itself stays darker than this; a scanner that looks past the film does not."""
THICKEST = 1 / 12
"""Thickest border, as a share of the film's side."""
SHORTEST = 0.15
"""A white edge that is shorter than this share of its side is no border."""

_COARSE = 512
_UNEVEN = 0.12
_STEEPEST_SKIN = 0.12
"""Sobel gradient that tissue stays below on a film of 320 to 512 pixels; smaller ones are steeper. Labels exceed it."""
_SMALLEST_BREAST = 0.04


@dataclass(frozen=True)
class _Levels:
    """Pixels surely brighter than air, those that may be, and those without the sharp edge that only labels have."""

    bright: Mask
    faint: Mask
    soft: Mask


def block_average(picture: Picture, longest: int) -> Picture:
    """Mean over square blocks of the smallest whole side that makes the longer side at most `longest` pixels.

    Blocks at the far edges may hold fewer pixels, so that no edge is darkened and nothing is cut off.
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
    """The side in pixels of the blocks over which `average` takes its means."""
    return max(1, -(-max(shape) // longest))


def find_borders(picture: Picture) -> Mask:
    """Where the scanner saw past the film: thin white strips along the sides, straight or oblique, and their glow.

    A white area that is as broad as tissue is no border; shape as `picture`.
    """
    film = picture.copy()
    for turns in (1, 3, 0, 2):
        turned = np.rot90(film, turns)
        turned[_left_border(turned)] = 0
    found: Mask = film != picture
    return found


def find_breast(picture: Picture) -> Mask | None:
    """The breast as the largest opened component that reaches a side, filled from there to the skin.

    Shape as `picture`. None where the picture shows no breast on a dark background, as a crop of a lesion does.
    """
    side = block_side(picture.shape, _COARSE)
    coarse = block_average(picture, _COARSE)
    levels = _levels(coarse)
    if levels is None:
        return None
    kept = _largest(levels, max(coarse.shape))
    if kept is None:
        return None
    rows, columns = picture.shape
    return np.repeat(np.repeat(kept, side, axis=0), side, axis=1)[:rows, :columns]


def _left_border(picture: Picture) -> Mask:
    """White from the first column on, and what grows darker steadily behind it."""
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


def _levels(picture: Picture) -> _Levels | None:
    """The picture's pixels against its air; None where nothing in it is as dark and as even as air."""
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
    return _Levels(bright & soft, faint & soft, soft)


def _largest(levels: _Levels, longest: int) -> Mask | None:
    """The largest component after opening, grown back to its rim and filled to the side it lies at."""
    morphology: Any = import_module("skimage.morphology")
    label: Any = import_module("skimage.measure").label
    radius = 0.018 * longest
    numbers: Any = label(morphology.isotropic_opening(levels.bright, radius), connectivity=1)
    if not numbers.max():
        return None
    kept = numbers == 1 + int(np.argmax(np.bincount(numbers.ravel())[1:]))
    side = _side(kept)
    if side is None or kept.mean() < _SMALLEST_BREAST:
        return None
    rim: Any = label((morphology.isotropic_dilation(kept, 1.6 * radius) & levels.faint) | kept, connectivity=1)
    grown = np.isin(rim, np.unique(rim[kept]))
    return _filled(morphology.isotropic_dilation(grown, 2) & levels.soft, side)


def _side(kept: Mask) -> int | None:
    """0 where the component reaches the left side, -1 where the right, None where it stays clear of both."""
    margin = max(2, round(0.06 * kept.shape[1]))
    left, right = (float(strip.any(axis=1).mean()) for strip in (kept[:, :margin], kept[:, -margin:]))
    if max(left, right) < 0.1:
        return None
    return 0 if left >= right else -1


def _filled(kept: Mask, side: int) -> Mask:
    """Every row filled from the chest wall to the skin: what is dark inside a breast is fat, not air."""
    if side == -1:
        return _filled(kept[:, ::-1], 0)[:, ::-1]
    filled: Mask = np.logical_or.accumulate(kept[:, ::-1], axis=1)[:, ::-1]
    return filled
