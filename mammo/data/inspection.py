"""What one image file turns out to be: its size, role, digest and preview, decided from its pixels."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mammo.data.dicom import Raster, read_dicom
from mammo.errors import MammoError
from mammo.files import digest_file

PREVIEW_HEIGHT = 320
MASK_SHARE = 0.98


@dataclass(frozen=True)
class FileFacts:
    """What was found in a file: `role` is `image` or `mask`; `reason` says why it could not be read."""

    file: str
    bytes: int
    modified: int
    role: str = ""
    rows: int = 0
    columns: int = 0
    digest: str = ""
    synthetic: bool = False
    reason: str = ""


def inspect_file(request: tuple[Path, str, Path]) -> FileFacts:
    """Read `root / file` once and write its preview into the folder `previews`; `request` is (root, file, previews)."""
    root, file, previews = request
    path = root / file
    try:
        stat = path.stat()
    except OSError as error:
        return FileFacts(file, 0, 0, reason=error.strerror or str(error))
    known = FileFacts(file, stat.st_size, stat.st_mtime_ns)
    try:
        raster = read_dicom(path)
    except MammoError as error:
        return replace(known, reason=str(error))
    digest = digest_file(path)
    role = "mask" if is_mask(raster.pixels) else "image"
    if role == "image":
        save_preview(raster, previews / preview_name(digest))
    rows, columns = raster.pixels.shape
    return replace(known, role=role, rows=rows, columns=columns, digest=digest, synthetic=raster.synthetic)


def is_mask(pixels: NDArray[np.unsignedinteger]) -> bool:
    """Whether the pixels are those of a mask: nearly all of them are the lowest or the highest value."""
    low, high = pixels.min(), pixels.max()
    return low < high and float(np.mean((pixels == low) | (pixels == high))) >= MASK_SHARE


def preview_name(digest: str) -> str:
    """The file name of the preview of a file with this digest."""
    return f"{digest[:24]}.jpg"


def to_eight_bit(raster: Raster) -> NDArray[np.uint8]:
    """The pixels as 8 bit for showing, from black to the 99.9th percentile as white; shape (rows, columns)."""
    sample = raster.pixels[:: max(1, raster.pixels.shape[0] // 512), :: max(1, raster.pixels.shape[1] // 512)]
    white = max(float(np.percentile(sample, 99.9)), 1.0)
    return (np.minimum(raster.pixels / np.float32(white), 1) * np.float32(255)).astype(np.uint8)


def save_preview(raster: Raster, path: Path) -> None:
    """Write a JPEG of at most `PREVIEW_HEIGHT` rows, unless it is there."""
    from PIL import Image

    from mammo.files import write_bytes

    if path.exists():
        return
    picture = Image.fromarray(to_eight_bit(raster))
    height = min(PREVIEW_HEIGHT, picture.height)
    width = max(1, round(picture.width * height / picture.height))
    shrunk = picture.resize((width, height), Image.Resampling.BOX, reducing_gap=2.0)
    stream = io.BytesIO()
    shrunk.save(stream, "JPEG", quality=85)
    write_bytes(path, stream.getvalue())
