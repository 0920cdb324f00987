"""The format of an image file, by its first bytes."""

from __future__ import annotations

from pathlib import Path

DICOM = "DICOM"
MAGIC_BYTES = {
    b"\x89PNG": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",
    b"MM\0+": "TIFF",
    b"P5": "PGM",
    b"\x93NUMPY": "NPY",
}
LONGEST_MAGIC = max(map(len, MAGIC_BYTES))


def file_format(path: Path) -> str:
    """Return the format of a file that was read as an image; DICOM where no other format's first bytes match."""
    with path.open("rb") as stream:
        head = stream.read(LONGEST_MAGIC)
    return next((name for magic, name in MAGIC_BYTES.items() if head.startswith(magic)), DICOM)
