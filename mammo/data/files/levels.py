"""The range of values in which nearly all pixels of a film lie, as its container stores them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mammo.data.files.raster import Container

CONTAINER_BITS = 16
HALF = 2 ** (CONTAINER_BITS - 1)
"""The pixel value that stands for the zero of signed values."""
PIXELS_PER_OUTLIER = 1000
"""One pixel in so many may lie beyond a level, such as burnt-in labels and dead pixels."""
ROWS_AT_ONCE = 256
"""Rows counted at once, which bounds the memory."""


@dataclass(frozen=True)
class Levels:
    """Levels of an untrusted container, before any inversion; each leaves out at most 0.1 % of the pixels.

    At least 99.9 % of the pixels are not below `low`, not above `high`, and at most `reach` away from the zero of
    signed values. There -1 has the distance 0, like 0, so that `reach` < 2^(n-1) means n bits.
    """

    low: int
    high: int
    reach: int


def measure(pixels: NDArray[np.unsignedinteger], container: Container) -> Levels:
    """Return the levels of a film's pixels (rows, columns), read without a depth."""
    counts = histogram(pixels, 2**CONTAINER_BITS)
    if container.inverted:
        counts = counts[::-1]
    low = len(counts) - 1 - top_level(counts[::-1])
    return Levels(low, top_level(counts), top_level(counts[HALF:] + counts[:HALF][::-1]))


def histogram(pixels: NDArray[np.unsignedinteger], values: int = 0) -> NDArray[np.int64]:
    """Return the number of pixels with each value, from 0 to the highest value, or at least to `values` - 1."""
    counts = np.zeros(max(values, int(pixels.max()) + 1), dtype=np.int64)
    for start in range(0, len(pixels), ROWS_AT_ONCE):
        counts += np.bincount(pixels[start : start + ROWS_AT_ONCE].ravel(), minlength=len(counts))
    return counts


def top_level(counts: NDArray[np.int64]) -> int:
    """Return the smallest value that at most one pixel in `PIXELS_PER_OUTLIER` exceeds, from a histogram."""
    total = int(counts.sum())
    return int(np.argmax((total - np.cumsum(counts)) * PIXELS_PER_OUTLIER <= total))
