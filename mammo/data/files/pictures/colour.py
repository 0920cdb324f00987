"""Grey that is held in three channels, and marks in colour on it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mammo.data.files.raster import Note
from mammo.errors import MammoError

TINT = 8
"""The largest difference between two channels, of 255 levels, that still counts as grey (lossy JPEG tints a little)."""

MARKS = 0.2
"""The largest share of coloured pixels that are marks on a grey picture; beyond it the picture itself is coloured."""

_LUMINANCE = np.array([19595, 38470, 7471], np.uint32)
"""Of red, green and blue in 65536ths (ITU-R BT.601), as Pillow has them."""

_BAND = 256
"""Rows that are weighed at a time: wide integers of a whole picture would take several times its memory."""

EQUAL = Note("equal-channels", "its grey is held in three channels")

Grey = tuple[NDArray[np.unsignedinteger], tuple[Note, ...]]


def grey_of(channels: NDArray[np.unsignedinteger], white: int, marks: bool) -> Grey:
    """Red, green and blue (rows, columns, 3) of 0..`white` as grey (rows, columns): the channel where all are equal.

    Channels that differ by a tint of at most `TINT` of 255 levels become their luminance, coloured marks too where
    `marks` allows them. Raises MammoError where colour is not allowed, or is more than marks.
    """
    red, green, blue = (channels[..., place] for place in range(3))
    spread = np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)
    if not spread.any():
        return np.ascontiguousarray(green), ()
    notes = _marks(spread, white, marks)
    grey = np.empty_like(green)
    for start in range(0, len(grey), _BAND):
        band = channels[start : start + _BAND].astype(np.uint32) @ _LUMINANCE
        grey[start : start + _BAND] = (band + np.uint32(32768)) >> np.uint32(16)
    return grey, notes


def is_luminance(channels: NDArray[np.unsignedinteger], white: int) -> bool:
    """Whether the second and third channel (rows, columns, 3) hold no colour but as chromas."""
    middle = (white + 1) // 2
    return bool(np.all(np.abs(channels[..., 1:].astype(np.int32) - middle) <= TINT / 255 * white))


def grey_of_luminance(channels: NDArray[np.unsignedinteger], white: int, marks: bool) -> Grey:
    """Luminance and two chromas (rows, columns, 3) of 0..`white` as grey (rows, columns): the luminance.

    Raises MammoError as `grey_of` does; the difference between red and blue is 1.772 of the chroma's distance from 0.
    """
    middle = (white + 1) // 2
    chroma = np.abs(channels[..., 1:].astype(np.int32) - middle).max(axis=2)
    spread = np.minimum(np.round(chroma * 1.772), white)
    notes = _marks(spread, white, marks) if spread.any() else ()
    return np.ascontiguousarray(channels[..., 0]), notes


def _marks(spread: NDArray[np.number], white: int, allowed: bool) -> tuple[Note, ...]:
    """A note where pixels are coloured and may be; raises MammoError where they may not."""
    coloured = spread > (TINT if white == 255 else round(TINT / 255 * white))
    count = int(np.count_nonzero(coloured))
    if not count:
        return ()
    share = count / coloured.size
    what = f"coloured: its channels differ by up to {int(spread.max())} of {white} levels, in {count} pixels"
    if share > MARKS:
        raise MammoError(f"{what}, too many for marks on a grey picture ({share:.0%})")
    if not allowed:
        raise MammoError(f"{what}; `--colour-marks ignore` reads marks on a grey picture as grey")
    return (Note("colour-marks", f"{count} coloured pixels ({share:.2%}) are read as their luminance"),)
