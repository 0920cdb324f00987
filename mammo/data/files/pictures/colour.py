"""Grey in three channels, and coloured marks on it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mammo.data.files.raster import ReadingNote
from mammo.errors import MammoError

TINT = 8
"""The largest difference between two channels, of 255 levels, that counts as grey (lossy JPEG adds a slight tint)."""

MARKS = 0.2
"""The largest share of coloured pixels that count as marks; beyond it the picture itself is coloured."""

_LUMINANCE = np.array([19595, 38470, 7471], np.uint32)
"""Weights of red, green and blue in 65536ths (ITU-R BT.601), as in Pillow."""

_BAND = 256
"""Rows that are converted at a time: wide integers of a full picture would take several times its memory."""

EQUAL = ReadingNote("equal-channels", "its grey is held in three channels")

Grey = tuple[NDArray[np.unsignedinteger], tuple[ReadingNote, ...]]


def grey_of(channels: NDArray[np.unsignedinteger], white: int, marks: bool) -> Grey:
    """Return red, green and blue (rows, columns, 3) of 0..`white` as grey (rows, columns), with notes.

    Equal channels are taken as they are. Channels that differ by at most `TINT` of 255 levels become their luminance,
    and so do coloured marks if `marks` allows them. Raises MammoError for colour that is not allowed or no mere marks.
    """
    red, green, blue = (channels[..., channel] for channel in range(3))
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
    """Whether the second and third channel (rows, columns, 3) are chromas without colour."""
    middle = (white + 1) // 2
    return bool(np.all(np.abs(channels[..., 1:].astype(np.int32) - middle) <= TINT / 255 * white))


def grey_of_luminance(channels: NDArray[np.unsignedinteger], white: int, marks: bool) -> Grey:
    """Return the luminance of luminance and two chromas (rows, columns, 3) of 0..`white`, with notes.

    Raises MammoError as `grey_of` does; a chroma's distance from zero times 1.772 is the difference of the channels.
    """
    middle = (white + 1) // 2
    chroma = np.abs(channels[..., 1:].astype(np.int32) - middle).max(axis=2)
    spread = np.minimum(np.round(chroma * 1.772), white)
    notes = _marks(spread, white, marks) if spread.any() else ()
    return np.ascontiguousarray(channels[..., 0]), notes


def _marks(spread: NDArray[np.number], white: int, allowed: bool) -> tuple[ReadingNote, ...]:
    """Return a note on coloured pixels; raise MammoError where they are not allowed."""
    coloured = spread > (TINT if white == 255 else round(TINT / 255 * white))
    count = int(np.count_nonzero(coloured))
    if not count:
        return ()
    share = count / coloured.size
    fault = f"coloured: its channels differ by up to {int(spread.max())} of {white} levels, in {count} pixels"
    if share > MARKS:
        raise MammoError(f"{fault}, too many for marks on a grey picture ({share:.0%})")
    if not allowed:
        raise MammoError(f"{fault}; `--colour-marks ignore` reads marks on a grey picture as grey")
    return (ReadingNote("colour-marks", f"{count} coloured pixels ({share:.2%}) are read as their luminance"),)
