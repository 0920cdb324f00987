"""A slab of a multi-frame file: the mean of adjacent frames."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from mammo.data.files.frame_range import FrameRange
from mammo.data.files.raster import Raster
from mammo.data.files.reading import read_image
from mammo.errors import MammoError


def read_frames(path: Path, frames: FrameRange, read: Callable[[Path, int], Raster] = read_image) -> Raster:
    """Return the frame, or the mean of several frames, pixel by pixel, rounded half up.

    One frame is in memory at a time, beside the sum. Raises MammoError where `read` does, or where frames differ in
    size or depth.
    """
    first, *further = frames.numbers
    raster = read(path, first)
    if not further:
        return raster
    total = raster.pixels.astype(np.uint32)
    notes = list(raster.notes)
    for number in further:
        frame = read(path, number)
        if (frame.pixels.shape, frame.bits, frame.container) != (raster.pixels.shape, raster.bits, raster.container):
            raise MammoError(f"its frames {first} and {number} differ in size or depth")
        total += frame.pixels
        notes += frame.notes
    count = len(frames.numbers)
    mean = ((total + count // 2) // count).astype(raster.pixels.dtype)
    return replace(raster, pixels=mean, notes=tuple(dict.fromkeys(notes)))
