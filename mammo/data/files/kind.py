"""What kind of file an image is, by how it begins."""

from __future__ import annotations

from pathlib import Path

DICOM = "DICOM"
BEGINNINGS = {
    b"\x89PNG": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",
    b"MM\0+": "TIFF",
    b"P5": "PGM",
    b"\x93NUMPY": "NPY",
}
LONGEST = max(map(len, BEGINNINGS))


def file_format(path: Path) -> str:
    """The format of a file that has been read as an image: what begins like no other is DICOM."""
    with path.open("rb") as stream:
        head = stream.read(LONGEST)
    return next((name for beginning, name in BEGINNINGS.items() if head.startswith(beginning)), DICOM)
