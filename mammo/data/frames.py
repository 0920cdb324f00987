"""One frame of a DICOM file, native or encapsulated, without the rest of its pixels."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mammo.data.raster import MAX_BYTES, choose_frame
from mammo.errors import MammoError

if TYPE_CHECKING:
    from pydicom import FileDataset

    from mammo.data.dicom_stream import DicomStream

UNDEFINED = 0xFFFFFFFF
ITEM, DELIMITER = (0xFFFE, 0xE000), (0xFFFE, 0xE0DD)
LONG_LENGTHS = (b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"UN")
"""Value representations whose length takes four bytes, two bytes further on."""
END_OF_IMAGE = b"\xff\xd9"
TOO_LARGE = f"larger than {MAX_BYTES // 10**6} MB, the most that is read"
MOST_ITEMS = 200_000
_TABLES = ("ExtendedOffsetTable", "ExtendedOffsetTableLengths")


@dataclass(frozen=True)
class Item:
    """An item of encapsulated pixels: where its tag stands, and the length of its value."""

    start: int
    length: int

    @property
    def value(self) -> int:
        """Where the value begins."""
        return self.start + 8


def read_frame(stream: DicomStream, frame: int, force: bool = False) -> tuple[FileDataset, bool]:
    """A DICOM data set with the pixels of `frame` alone (from 1; 0 is the only one), as if it held no other.

    A file of one frame is read whole. Also whether it is shorter than it claims before its pixels. Raises MammoError
    where there is no such frame, or more than `MAX_BYTES` would have to be read for it.
    """
    import pydicom

    dataset = pydicom.dcmread(stream, stop_before_pixels=True, force=force)
    frames = int(dataset.get("NumberOfFrames") or 1)
    index = choose_frame(frame, frames)
    if frames > 1:
        if stream.tell() < stream.end:
            keep_frame(dataset, stream, index, frames)
        return dataset, stream.short
    if stream.end > MAX_BYTES:
        raise MammoError(TOO_LARGE)
    stream.seek(0)
    return pydicom.dcmread(stream, force=force), stream.short


def keep_frame(dataset: FileDataset, stream: DicomStream, index: int, frames: int) -> None:
    """Give a data set that was read up to its pixels those of frame `index` (from 0), as if it held no other.

    `stream` stands where the reading stopped. Of the frames' functional groups that of the frame stays. Raises
    MammoError where the pixels are truncated, or nothing tells where the frame begins.
    """
    implicit, little = dataset.original_encoding
    tag, vr, length = _element(stream, bool(implicit), "<" if little else ">")
    if length == UNDEFINED:
        _keep_encapsulated(dataset, stream, index, frames)
    else:
        dataset.add_new(tag, vr, _native(dataset, stream, length, index, frames))
    for name in _TABLES:
        if name in dataset:
            delattr(dataset, name)
    groups = dataset.get("PerFrameFunctionalGroupsSequence") or []
    if frames > 1 and len(groups):
        dataset.PerFrameFunctionalGroupsSequence = [groups[index]] if index < len(groups) else []
    if "NumberOfFrames" in dataset:
        dataset.NumberOfFrames = 1


def _element(stream: DicomStream, implicit: bool, order: str) -> tuple[int, str, int]:
    """The tag, the value representation and the length of the element at which a stream stands."""
    head = _exactly(stream, 8)
    group, element = struct.unpack(f"{order}HH", head[:4])
    tag = group << 16 | element
    if implicit:
        return tag, "OW", struct.unpack(f"{order}L", head[4:])[0]
    vr = head[4:6]
    if vr in LONG_LENGTHS:
        return tag, vr.decode(), struct.unpack(f"{order}L", _exactly(stream, 4))[0]
    return tag, "OW", struct.unpack(f"{order}H", head[6:])[0]


def _exactly(stream: DicomStream, size: int) -> bytes:
    content = stream.read(size)
    if len(content) < size:
        raise MammoError("truncated: it ends amid its pixels")
    return content


def _native(dataset: FileDataset, stream: DicomStream, length: int, index: int, frames: int) -> bytes:
    """The bytes of a frame that is not compressed; all there are where there is but one."""
    left = stream.end - stream.tell()
    if frames == 1:
        return stream.read(min(length, left))
    names = ("Rows", "Columns", "SamplesPerPixel", "BitsAllocated")
    rows, columns, samples, bits = (int(dataset.get(name) or 1) for name in names)
    size, rest = divmod(rows * columns * samples * bits, 8)
    if rest or dataset.get("PhotometricInterpretation") == "YBR_FULL_422":
        raise MammoError("frames that do not each begin at a byte of their own")
    if min(length, left) < frames * size:
        raise MammoError(f"truncated: it holds {min(length, left)} of {frames * size} bytes of pixels")
    stream.seek(index * size, 1)
    content = _exactly(stream, size)
    return content + b"\0" * (size % 2)


def _keep_encapsulated(dataset: FileDataset, stream: DicomStream, index: int, frames: int) -> None:
    from pydicom.encaps import encapsulate

    first, *items = _items(stream)
    offsets = _exactly_at(stream, first)
    if not items:
        raise MammoError("a DICOM file without pixels")
    chosen = _of_frame(dataset, stream, items, offsets, index, frames)
    if not chosen:
        raise MammoError(f"damaged DICOM: nothing tells where frame {index + 1} of {frames} begins")
    dataset.PixelData = encapsulate([b"".join(_exactly_at(stream, item) for item in chosen)], has_bot=False)
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True


def _items(stream: DicomStream) -> list[Item]:
    """All items up to the delimiter, the basic offset table first; their values are passed over."""
    found: list[Item] = []
    while len(found) < MOST_ITEMS:
        start = stream.tell()
        group, element, length = struct.unpack("<HHL", _exactly(stream, 8))
        if (group, element) == DELIMITER and found:
            return found
        if (group, element) != ITEM or length == UNDEFINED:
            raise MammoError("damaged DICOM: its compressed pixels are no sequence of items")
        if stream.seek(length, 1) > stream.end:
            raise MammoError("truncated: it ends amid its pixels")
        found.append(Item(start, length))
    raise MammoError(f"damaged DICOM: more than {MOST_ITEMS} items of compressed pixels")


def _exactly_at(stream: DicomStream, item: Item) -> bytes:
    stream.seek(item.value)
    return _exactly(stream, item.length)


def _of_frame(
    dataset: FileDataset, stream: DicomStream, items: list[Item], offsets: bytes, index: int, frames: int
) -> list[Item]:
    """The items of a frame: by the extended or the basic offset table, by their number, or by where images end."""
    if frames == 1:
        return items
    starts = _starts(dataset.get(_TABLES[0]), "Q") or _starts(offsets, "L")
    if len(starts) >= frames:
        begin = items[0].start + starts[index]
        end = items[0].start + starts[index + 1] if index + 1 < len(starts) else stream.end
        return [item for item in items if begin <= item.start < end]
    if len(items) == frames:
        return [items[index]]
    return next((chosen for number, chosen in enumerate(_by_ends(stream, items)) if number == index), [])


def _starts(table: Any, letter: str) -> list[int]:
    """Where frames begin, counted from the first item, by an offset table of whole numbers of one size."""
    size = struct.calcsize(f"<{letter}")
    if not isinstance(table, bytes) or not table or len(table) % size:
        return []
    return list(struct.unpack(f"<{len(table) // size}{letter}", table))


def _by_ends(stream: DicomStream, items: list[Item]) -> Iterator[list[Item]]:
    """The items of each frame, one after the other: an item that holds the end of an image ends its frame."""
    gathered: list[Item] = []
    for item in items:
        gathered.append(item)
        tail = min(10, item.length)
        stream.seek(item.value + item.length - tail)
        if END_OF_IMAGE in _exactly(stream, tail):
            yield gathered
            gathered = []
    if gathered:
        yield gathered
