"""Opening a DICOM file up to its pixels: nothing large is read before the header is checked."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from mammo.data.files.dicom.pixel_header import element_values
from mammo.data.files.dicom.stream import BoundedStream
from mammo.data.files.raster import ReadingNote
from mammo.errors import MammoError

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

IMPLICIT, EXPLICIT, BIG_ENDIAN, RLE = (f"1.2.840.10008.1.2{end}" for end in ("", ".1", ".2", ".5"))
SYNTAXES = frozenset(
    {
        IMPLICIT,
        EXPLICIT,
        BIG_ENDIAN,
        RLE,
        "1.2.840.10008.1.2.4.50",  # JPEG baseline, 8 bits
        "1.2.840.10008.1.2.4.51",  # JPEG extended, 12 bits
        "1.2.840.10008.1.2.4.57",  # JPEG Lossless
        "1.2.840.10008.1.2.4.70",  # JPEG Lossless, first-order prediction
        "1.2.840.10008.1.2.4.80",  # JPEG-LS lossless
        "1.2.840.10008.1.2.4.81",  # JPEG-LS near-lossless
        "1.2.840.10008.1.2.4.90",  # JPEG 2000 lossless
        "1.2.840.10008.1.2.4.91",  # JPEG 2000
        "1.2.840.10008.1.2.4.201",  # High-throughput JPEG 2000, three kinds
        "1.2.840.10008.1.2.4.202",
        "1.2.840.10008.1.2.4.203",
    }
)
"""The transfer syntaxes that are read.

The deflated one is left out on purpose: the entire data set is inflated before the header can be checked.
"""

MAGIC, PREAMBLE = b"DICM", 128
HEAD = PREAMBLE + len(MAGIC) + 8
"""Bytes that are needed to find a file's first element."""

_PIXELS = (0x7FE00008, 0x7FE00009, 0x7FE00010)
_PIXEL_DATA = 0x7FE00010
_FLOATS = (0x7FE00008, 0x7FE00009)
_UNDEFINED = 0xFFFFFFFF
_MAX_DISORDER = 1000
"""How many elements may have a tag below the one before: tags ascend; a file of zeros has millions that do not."""
_LONG = {b"OB", b"OW", b"UN", b"OF", b"OD", b"OL", b"UT", b"SQ"}
_FIRST_GROUPS = (b"\x02\x00", b"\x08\x00")
_FIRST_GROUP_BIG_ENDIAN = b"\x00\x08"
_STRINGS = frozenset({b"UI", b"CS", b"UL", b"OB", b"DA", b"TM", b"SH", b"LO", b"PN", b"DT", b"SQ", b"US", b"UN", b"AE"})
"""Value representations of elements in the groups 2 and 8."""


@dataclass(frozen=True)
class DicomFile:
    """An open DICOM file: its data set up to the pixels, and the offset `at` of the pixels in `stream`.

    `length` is None for encapsulated pixels, `at` is 0 where there are none; `words` is true for pixels in words of
    16 bits, `short` where an element claims more bytes than the file has.
    """

    stream: BoundedStream
    dataset: Dataset
    syntax: str
    at: int
    length: int | None
    end: int
    words: bool
    short: bool
    notes: tuple[ReadingNote, ...]

    @property
    def little(self) -> bool:
        """Whether numbers begin with their lowest byte."""
        return self.syntax != BIG_ENDIAN


@contextlib.contextmanager
def open_dicom(path: Path) -> Iterator[DicomFile]:
    """Open a DICOM file and parse it up to its pixels; its preamble and transfer syntax may be missing.

    Raises MammoError where it is no DICOM file, or its transfer syntax is not supported.
    """
    with BoundedStream(path) as stream:
        yield _open(stream)


def first_element(head: bytes) -> int | None:
    """Return the offset of the first element, from a file's first `HEAD` bytes; None where they are no DICOM."""
    if head[PREAMBLE:].startswith(MAGIC):
        return PREAMBLE + len(MAGIC)
    starts = [len(MAGIC)] if head.startswith(MAGIC) else [0, PREAMBLE]
    return next((start for start in starts if _is_element(head[start : start + 8])), None)


def _is_element(head: bytes) -> bool:
    """Whether eight bytes look like the start of an element of group 2 or 8; big endian is always explicit."""
    if head[:2] == _FIRST_GROUP_BIG_ENDIAN:
        return head[4:6] in _STRINGS
    if len(head) < 8 or head[:2] not in _FIRST_GROUPS:
        return False
    (length,) = struct.unpack("<I", head[4:])
    return head[4:6] in _STRINGS or length <= 1024


def _open(stream: BoundedStream) -> DicomFile:
    from pydicom.filereader import read_dataset

    head = stream.read(HEAD)
    start = first_element(head)
    if start is None:
        raise MammoError("not a DICOM file")
    stream.seek(start)
    syntax, notes = _syntax(stream)
    if not head[PREAMBLE:].startswith(MAGIC):
        notes = (ReadingNote("no-preamble", "it lacks the preamble of a DICOM file"), *notes)
    dataset = read_dataset(cast(BinaryIO, stream), syntax == IMPLICIT, syntax != BIG_ENDIAN, stop_when=_until_pixels())
    at, length, words = _pixels(stream, *dataset.original_encoding)
    return DicomFile(stream, dataset, syntax, at, length, stream.end, words, stream.short, notes)


def _syntax(stream: BoundedStream) -> tuple[str, tuple[ReadingNote, ...]]:
    """Return the transfer syntax, from the meta header or else the first element; leave the stream after the header.

    Nothing else is parsed or inflated before the syntax is known.
    """
    from pydicom.filereader import read_dataset
    from pydicom.uid import UID

    meta = read_dataset(cast(BinaryIO, stream), False, True, stop_when=lambda tag, *_: tag.group != 2)
    syntax = "".join(map(str, element_values(meta, "TransferSyntaxUID")[:1]))
    if not syntax:
        start = stream.tell()
        element = stream.read(8)
        stream.seek(start)
        explicit = BIG_ENDIAN if element[:2] == _FIRST_GROUP_BIG_ENDIAN else EXPLICIT
        syntax = explicit if element[4:6] in _STRINGS else IMPLICIT
        return syntax, (
            ReadingNote("no-transfer-syntax", f"it names no transfer syntax and is read as {UID(syntax).name}"),
        )
    if syntax not in SYNTAXES:
        raise MammoError(f"the transfer syntax {UID(syntax).name[:60]}, which is not read")
    return syntax, ()


def _pixels(stream: BoundedStream, implicit: bool, little: bool) -> tuple[int, int | None, bool]:
    """Return the offset of the value of PixelData, its length, and whether it consists of words.

    The stream must be at the element, or at the end of a file without pixels.
    """
    order, element = "<" if little else ">", stream.read(8)
    if len(element) < 8:
        return 0, 0, False
    group, number, length = struct.unpack(f"{order}HHI", element)
    if (group << 16) + number in _FLOATS:
        raise MammoError("floating-point pixels, which are not read")
    if (group << 16) + number != _PIXEL_DATA:
        raise MammoError("damaged DICOM: its elements end before its pixels")
    if not implicit and element[4:6] in _LONG:
        (length,) = struct.unpack(f"{order}I", stream.read(4).ljust(4, b"\0"))
    elif not implicit:
        (length,) = struct.unpack(f"{order}H", element[6:])
    return stream.tell(), None if length == _UNDEFINED else int(length), element[4:6] == b"OW"


def _until_pixels() -> Callable[..., bool]:
    """Return a function that stops at the pixels; it raises MammoError where elements are in no order, as in zeros."""
    last, disorder = 0, 0

    def stop(tag: int, *_: object) -> bool:
        nonlocal last, disorder
        disorder += tag <= last
        last = tag
        if disorder > _MAX_DISORDER:
            raise MammoError("damaged DICOM: its elements stand in no order")
        return tag in _PIXELS

    return stop
