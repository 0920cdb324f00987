"""Between which values nearly all pixels of a film lie, as its container holds them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mammo.data.files.raster import Container

CONTAINER_BITS = 16
HALF = 2 ** (CONTAINER_BITS - 1)
"""Where the zero of signed values stands in the pixels."""
BESIDE = 1000
"""One pixel in so many may lie beyond a level: burnt-in labels and dead pixels do."""
BAND = 256
"""Rows that are counted at once, so that counting takes little memory."""


@dataclass(frozen=True)
class Levels:
    """Values of an untrusted container, before it was inverted, that leave out 0.1 % of the pixels each.

    At least 99.9 % of the pixels are not below `low`, not above `high`, and at most `reach` away from the zero of
    signed values (-1 counts as 0 away, as 0 does, so that `reach` < 2^(n-1) means n bits).
    """

    low: int
    high: int
    reach: int


def measure(pixels: NDArray[np.unsignedinteger], container: Container) -> Levels:
    """The levels of a film's pixels (rows, columns) as a reader gives them that was told no depth."""
    counts = histogram(pixels, 2**CONTAINER_BITS)
    if container.inverted:
        counts = counts[::-1]
    low = len(counts) - 1 - top_level(counts[::-1])
    return Levels(low, top_level(counts), top_level(counts[HALF:] + counts[:HALF][::-1]))


def histogram(pixels: NDArray[np.unsignedinteger], values: int = 0) -> NDArray[np.int64]:
    """How many pixels have each value, from 0 to the highest there is, or to `values` - 1."""
    counts = np.zeros(max(values, int(pixels.max()) + 1), dtype=np.int64)
    for start in range(0, len(pixels), BAND):
        counts += np.bincount(pixels[start : start + BAND].ravel(), minlength=len(counts))
    return counts


def top_level(counts: NDArray[np.int64]) -> int:
    """The smallest value that at most one pixel in `BESIDE` exceeds, of how many pixels have each value."""
    total = int(counts.sum())
    return int(np.argmax((total - np.cumsum(counts)) * BESIDE <= total))
