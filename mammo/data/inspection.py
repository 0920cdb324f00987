"""What one image file turns out to be: its size, role, digest and preview, decided from its pixels."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mammo.data.likeness import image_hash
from mammo.data.raster import Raster
from mammo.data.reading import read_image
from mammo.errors import MammoError
from mammo.files import digest_file
from mammo.guarded import Loss, Stalled

PREVIEW_HEIGHT = 320
MASK_SHARES = {0.1: 0.98, 0.02: 0.90}
"""What share of a mask's pixels lies how near to its lowest or highest value, as a share of their distance.

JPEG carries the pixels beside an outline away, and leaves the rest nearly where it was.
"""
INSPECTION = 4
"""Rises when the same file would be told of differently."""


@dataclass(frozen=True)
class FileFacts:
    """What was found in a file: `role` is `image` or `mask`; `reason` says why it could not be read.

    `stalled` tells that the reason is this machine's and not the file's. `series` is the series UID of a DICOM file,
    `hash` the perceptual hash of an image.
    """

    file: str
    bytes: int
    modified: int
    role: str = ""
    rows: int = 0
    columns: int = 0
    digest: str = ""
    synthetic: bool = False
    reason: str = ""
    series: str = ""
    hash: str = ""
    stalled: bool = False
    inspection: int = INSPECTION


@dataclass(frozen=True)
class Request:
    """A file to inspect: `root / file`; its preview goes into the folder `previews`."""

    root: Path
    file: str
    previews: Path


def inspect_file(request: Request) -> FileFacts:
    """Read a file once, tell what it is and write its preview; what cannot be read has a reason."""
    path = request.root / request.file
    known = as_found(request)
    if known.reason:
        return known
    try:
        raster = read_image(path)
        series = _series(path)
        digest = digest_file(path)
    except (MammoError, OSError) as error:
        return replace(known, reason=str(error))
    if raster.pixels.min() == raster.pixels.max():
        return replace(known, reason="blank: every pixel has the same value")
    role = "mask" if is_mask(raster.pixels) else "image"
    if role == "image":
        save_preview(raster, request.previews / preview_name(digest))
    rows, columns = raster.pixels.shape
    likeness = image_hash(raster.pixels) if role == "image" else ""
    facts = {"role": role, "rows": rows, "columns": columns, "digest": digest, "series": series, "hash": likeness}
    return replace(known, synthetic=raster.synthetic, **facts)


def as_found(request: Request, reason: str = "") -> FileFacts:
    """What the file system says of a file, with a reason why nothing more is known."""
    try:
        stat = (request.root / request.file).stat()
    except OSError as error:
        return FileFacts(request.file, 0, 0, reason=error.strerror or str(error))
    return FileFacts(request.file, stat.st_size, stat.st_mtime_ns, reason=reason)


def not_inspected(request: Request, loss: Loss) -> FileFacts:
    """What is known of a file whose inspection was lost."""
    return replace(as_found(request, loss.reason), stalled=isinstance(loss, Stalled))


def stalled_files(facts: Iterable[FileFacts]) -> list[str]:
    """The files that were not read because the machine did not let it end, sorted."""
    return sorted(fact.file for fact in facts if fact.stalled)


def _series(path: Path) -> str:
    """The series UID of a file that has been read as an image; empty where it is no DICOM file."""
    with path.open("rb") as stream:
        if stream.read(132)[128:] != b"DICM":
            return ""
    from pydicom import dcmread

    header = dcmread(path, stop_before_pixels=True, specific_tags=["SeriesInstanceUID"])
    return str(header.get("SeriesInstanceUID", ""))


def is_mask(pixels: NDArray[np.unsignedinteger]) -> bool:
    """Whether the pixels are those of a mask: nearly all of them lie at the lowest or the highest value."""
    low, high = int(pixels.min()), int(pixels.max())

    def near(band: float) -> float:
        room = int((high - low) * band)
        return float(np.mean((pixels <= low + room) | (pixels >= high - room)))

    return low < high and all(near(band) >= share for band, share in MASK_SHARES.items())


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
