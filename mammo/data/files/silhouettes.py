"""Pictures that are nearly black and white: masks, and mammograms that a window has made one of."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mammo.data.files.levels import histogram, top_level

SHARES = {0.1: 0.98, 0.02: 0.90}
"""What share of a mask's pixels lies how near to its lowest or highest value, as a share of their distance.

JPEG carries the pixels beside an outline away, and leaves the rest nearly where it was.
"""

SHADES = 64
SHADED = 0.02
"""A picture with more than `SHADES` values near its ends, in more than this share of its pixels, is no mask.

A mask of 8 bits has no room for as many. A mammogram of which a label takes the brightest value lies near the lowest,
in thousands of shades.
"""


def has_two_values(pixels: NDArray[np.unsignedinteger]) -> bool:
    """Whether nearly all pixels lie at the lowest or the highest value."""
    low, high = int(pixels.min()), int(pixels.max())
    return low < high and all(float(np.mean(_near(pixels, band))) >= share for band, share in SHARES.items())


def is_mask(pixels: NDArray[np.unsignedinteger]) -> bool:
    """Whether the pixels are those of a mask: nearly all at the lowest or highest value, and not in shades of it."""
    return has_two_values(pixels) and not _is_shaded(pixels) and not _is_dark(pixels)


def _near(pixels: NDArray[np.unsignedinteger], band: float) -> NDArray[np.bool_]:
    low, high = int(pixels.min()), int(pixels.max())
    room = int((high - low) * band)
    return (pixels <= low + room) | (pixels >= high - room)


def _is_shaded(pixels: NDArray[np.unsignedinteger]) -> bool:
    counts = np.bincount(pixels[_near(pixels, max(SHARES))])
    ends = {int(pixels.min()), int(pixels.max())}
    between = np.delete(counts, sorted(ends & set(range(len(counts)))))
    return bool(np.count_nonzero(between) > SHADES and between.sum() > SHADED * pixels.size)


def _is_dark(pixels: NDArray[np.unsignedinteger]) -> bool:
    """Whether a label alone makes two values of a dark picture: without its brightest 0.1 % it has more."""
    level = top_level(histogram(pixels))
    return level > int(pixels.min()) and not has_two_values(np.minimum(pixels, pixels.dtype.type(level)))
