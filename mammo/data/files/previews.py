"""Small pictures beside the index for display, and the stretching of dark ones."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mammo.storage.atomic_files import write_bytes
from mammo.storage.digests import digest_json

if TYPE_CHECKING:
    from mammo.data.files.raster import Depth, Raster

PREVIEW_HEIGHT = 320
BRIGHTNESS = "as seen by a trunk"
"""Part of the names of previews: earlier versions stretched theirs."""
SAMPLE_LINES = 512
"""The white point of a stretch is measured on at least so many rows and columns."""


def preview_name(digest: str, depth: Depth | None = None, rules: str = "") -> str:
    """Return the name of the preview of a file with this digest, read at a depth and by rules."""
    levels = [depth.bits, depth.zero] if depth else None
    return f"{digest_json([BRIGHTNESS, digest, levels, rules])[:24]}.jpg"


def stretched_name(digest: str) -> str:
    """Return the name of a preview that an earlier version stretched."""
    return f"{digest[:24]}.jpg"


def to_eight_bit(raster: Raster) -> NDArray[np.uint8]:
    """Return the pixels as 8 bit for display, as bright as in a trunk's input; shape (rows, columns)."""
    return np.round(raster.pixels * np.float32(255 / raster.white)).astype(np.uint8)


def stretch(picture: NDArray[np.unsignedinteger]) -> NDArray[np.uint8]:
    """Return a picture as 8 bit (rows, columns), with its 99.9th percentile as white."""
    steps = [max(1, side // SAMPLE_LINES) for side in picture.shape]
    white = max(float(np.percentile(picture[:: steps[0], :: steps[1]], 99.9)), 1.0)
    return (np.minimum(picture / np.float32(white), 1) * np.float32(255)).astype(np.uint8)


def save_preview(raster: Raster, path: Path) -> None:
    """Write a JPEG of at most `PREVIEW_HEIGHT` rows, unless the file exists."""
    from PIL import Image

    if path.exists():
        return
    picture = Image.fromarray(to_eight_bit(raster))
    height = min(PREVIEW_HEIGHT, picture.height)
    width = max(1, round(picture.width * height / picture.height))
    shrunk = picture.resize((width, height), Image.Resampling.BOX, reducing_gap=2.0)
    stream = io.BytesIO()
    shrunk.save(stream, "JPEG", quality=85)
    write_bytes(path, stream.getvalue())


def read_preview(path: Path) -> NDArray[np.uint8]:
    """Return a preview's pixels, shape (rows, columns)."""
    from PIL import Image

    with Image.open(path) as picture:
        return np.asarray(picture.convert("L"))


def read_sound_preview(path: Path) -> NDArray[np.uint8] | None:
    """Return a preview's pixels, shape (rows, columns); None where the file is damaged."""
    try:
        return read_preview(path)
    except Exception:  # the library raises many kinds over a damaged picture
        return None
