"""One image file of any kind to pixels, or one sentence that says why not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mammo.data.files.dicom.dicom import read_dicom
from mammo.data.files.dicom.opening import HEAD, first_element
from mammo.data.files.pictures.picture import read_picture
from mammo.data.files.pictures.plain import read_npy, read_pgm
from mammo.data.files.raster import MAX_BYTES, Depth, Raster, refuse_unfit
from mammo.errors import MammoError, read_error

Reader = Callable[[Path, int, bool], Raster]

READERS: dict[tuple[int, bytes], Reader] = {
    (128, b"DICM"): read_dicom,
    (0, b"\x89PNG\r\n\x1a\n"): read_picture,
    (0, b"\xff\xd8\xff"): read_picture,
    (0, b"II*\0"): read_picture,
    (0, b"MM\0*"): read_picture,
    (0, b"II+\0"): read_picture,
    (0, b"MM\0+"): read_picture,
    (0, b"P5"): read_pgm,
    (0, b"\x93NUMPY"): read_npy,
}
"""What stands at which place in a file, and who reads such a file; the first that fits is taken."""


def read_image(path: Path, frame: int = 0, depth: Depth | None = None, colour_marks: bool = False) -> Raster:
    """Read one greyscale frame of a DICOM, PNG, JPEG, TIFF, PGM or NPY file; its content decides, not its name.

    `frame` counts from 1; 0 means the only one. `depth` says where black and white lie in a container whose own depth
    says nothing of the film's (`Raster.container`), and is ignored for every other file. With `colour_marks` coloured
    marks on a grey picture are read as grey instead of losing the picture. Raises MammoError with a short reason, which
    does not name the file, where it is of no such kind, damaged, too large, or holds no such greyscale frame. Files
    that nobody vouches for are read through `guarded_map`, which bounds what a reader may spend on one.
    """
    refuse_unfit(path, at_most=None)
    raster = _reader(path)(path, frame, colour_marks)
    return raster.at_depth(depth) if depth else raster


def _reader(path: Path) -> Reader:
    try:
        with path.open("rb") as stream:
            head = stream.read(HEAD)
    except OSError as error:
        raise read_error(error) from None
    if not head:
        raise MammoError("an empty file")
    for (place, magic), reader in READERS.items():
        if head[place:].startswith(magic):
            return reader
    if first_element(head) is not None:
        return read_dicom
    refuse_unfit(path, MAX_BYTES)
    raise MammoError("not an image of a kind that is read (DICOM, PNG, JPEG, TIFF, PGM or NPY)")
