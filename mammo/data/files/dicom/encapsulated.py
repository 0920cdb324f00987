"""Where a frame of compressed pixels lies among the items of a DICOM file (PS3.5 A.4)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mammo.data.files.dicom.stream import BoundedStream
from mammo.errors import MammoError

UNDEFINED = 0xFFFFFFFF
ITEM, DELIMITER = (0xFFFE, 0xE000), (0xFFFE, 0xE0DD)
END_OF_IMAGE = b"\xff\xd9"
TAIL = 10
"""The last bytes of an item in which the end of an image is looked for; makers fill up behind it."""
MOST_ITEMS = 200_000


@dataclass(frozen=True)
class Item:
    """An item: where its tag stands, and the length of its value."""

    start: int
    length: int

    @property
    def value(self) -> int:
        """Where its value begins."""
        return self.start + 8


def read_encapsulated(stream: BoundedStream, at: int, index: int, frames: int, extended: Any = None) -> bytes:
    """The code stream of frame `index` (from 0) of `frames`, whose items begin at `at`; no other frame is read.

    `extended` is the extended offset table, if the file has one. Raises MammoError where the file ends amid its pixels,
    its items make no sense, or nothing tells where the frame begins.
    """
    stream.seek(at)
    offsets, *items = _items(stream)
    if not items:
        raise MammoError("a DICOM file without pixels")
    starts = _starts(extended, "Q") or _starts(_value(stream, offsets), "L")
    chosen = _of_frame(stream, items, starts, index, frames)
    if not chosen:
        raise MammoError(f"damaged DICOM: nothing tells where frame {index + 1} of {frames} begins")
    return b"".join(_value(stream, item) for item in chosen)


def _items(stream: BoundedStream) -> list[Item]:
    """All items up to the delimiter, the basic offset table first; their values are passed over."""
    found: list[Item] = []
    while len(found) < MOST_ITEMS:
        start = stream.tell()
        group, element, length = struct.unpack("<HHL", stream.read_exactly(8))
        if (group, element) == DELIMITER and found:
            return found
        if (group, element) != ITEM or length == UNDEFINED:
            raise MammoError("damaged DICOM: its compressed pixels are no sequence of items")
        if stream.seek(length, 1) > stream.end:
            raise MammoError("truncated: it ends amid its pixels")
        found.append(Item(start, length))
    raise MammoError(f"damaged DICOM: more than {MOST_ITEMS} items of compressed pixels")


def _value(stream: BoundedStream, item: Item) -> bytes:
    stream.seek(item.value)
    return stream.read_exactly(item.length)


def _starts(table: Any, letter: str) -> list[int]:
    """Where frames begin, counted from the first item, by an offset table of whole numbers of one size."""
    size = struct.calcsize(f"<{letter}")
    if not isinstance(table, bytes) or not table or len(table) % size:
        return []
    return list(struct.unpack(f"<{len(table) // size}{letter}", table))


def _of_frame(stream: BoundedStream, items: list[Item], starts: list[int], index: int, frames: int) -> list[Item]:
    """The items of a frame: by an offset table, by their number, or by where images end."""
    if frames == 1:
        return items
    if len(starts) >= frames:
        begin = items[0].start + starts[index]
        end = items[0].start + starts[index + 1] if index + 1 < len(starts) else stream.end
        return [item for item in items if begin <= item.start < end]
    if len(items) == frames:
        return [items[index]]
    return next((chosen for number, chosen in enumerate(_by_ends(stream, items)) if number == index), [])


def _by_ends(stream: BoundedStream, items: list[Item]) -> Iterator[list[Item]]:
    """The items of each frame, one after the other: an item that holds the end of an image ends its frame."""
    gathered: list[Item] = []
    for item in items:
        gathered.append(item)
        tail = min(TAIL, item.length)
        stream.seek(item.value + item.length - tail)
        if END_OF_IMAGE in stream.read_exactly(tail):
            yield gathered
            gathered = []
    if gathered:
        yield gathered
