"""Reading one image file of any format: its pixels, or one sentence that says why not."""

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
"""The reader for each format, by the bytes at an offset in the file; the first match counts."""


def read_image(path: Path, frame: int = 0, depth: Depth | None = None, colour_marks: bool = False) -> Raster:
    """Read one greyscale frame of a DICOM, PNG, JPEG, TIFF, PGM or NPY file; its content decides, not its name.

    `frame` counts from 1; 0 is the only one. `depth` sets black and white in a container that may be wider than the
    film (`Raster.container`), and is ignored for other files. With `colour_marks`, coloured marks on a grey picture
    are read as grey; otherwise such a picture is refused. Raises MammoError with a short reason, which does not name
    the file, where it has another format, is damaged, too large, or has no such greyscale frame. Read untrusted files
    through `guarded_map`, which limits the time and memory of a reader.
    """
    refuse_unfit(path, max_bytes=None)
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
    for (offset, magic), reader in READERS.items():
        if head[offset:].startswith(magic):
            return reader
    if first_element(head) is not None:
        return read_dicom
    refuse_unfit(path, MAX_BYTES)
    raise MammoError("not an image of a kind that is read (DICOM, PNG, JPEG, TIFF, PGM or NPY)")
