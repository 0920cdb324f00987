"""Pictures in nearly two values: masks, and mammograms after a window that does not fit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mammo.data.files.levels import histogram, top_level

SHARES = {0.1: 0.98, 0.02: 0.90}
"""Smallest share of a mask's pixels within a band around its lowest or highest value, by the width of the band.

The width is a share of the distance between the two values. JPEG changes pixels near an outline much, others little.
"""

SHADES = 64
SHADED = 0.02
"""A picture with more than `SHADES` values near its lowest and highest, in more than this share of pixels, is no mask.

A mask of 8 bits cannot have so many. A mammogram with a bright label has thousands of shades near its lowest value.
"""


def has_two_values(pixels: NDArray[np.unsignedinteger]) -> bool:
    """Whether nearly all pixels have the lowest or the highest value."""
    low, high = int(pixels.min()), int(pixels.max())
    return low < high and all(float(np.mean(_near(pixels, band))) >= share for band, share in SHARES.items())


def is_mask(pixels: NDArray[np.unsignedinteger]) -> bool:
    """Whether the pixels are a mask: nearly all at the lowest or the highest value, without many shades near them."""
    return has_two_values(pixels) and not _is_shaded(pixels) and not _is_dark(pixels)


def _near(pixels: NDArray[np.unsignedinteger], band: float) -> NDArray[np.bool_]:
    low, high = int(pixels.min()), int(pixels.max())
    width = int((high - low) * band)
    return (pixels <= low + width) | (pixels >= high - width)


def _is_shaded(pixels: NDArray[np.unsignedinteger]) -> bool:
    counts = np.bincount(pixels[_near(pixels, max(SHARES))])
    ends = {int(pixels.min()), int(pixels.max())}
    between = np.delete(counts, sorted(ends & set(range(len(counts)))))
    return bool(np.count_nonzero(between) > SHADES and between.sum() > SHADED * pixels.size)


def _is_dark(pixels: NDArray[np.unsignedinteger]) -> bool:
    """Whether only a label makes a dark picture two-valued: without its brightest 0.1 % of pixels it is not."""
    level = top_level(histogram(pixels))
    return level > int(pixels.min()) and not has_two_values(np.minimum(pixels, pixels.dtype.type(level)))
