"""Finding a frame of compressed pixels among the items of a DICOM file (PS3.5 A.4)."""

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
"""The last bytes of an item that are searched for the end of an image; some makers add padding after it."""
MAX_ITEMS = 200_000


@dataclass(frozen=True)
class Item:
    """An item: the offset of its tag, and the length of its value."""

    start: int
    length: int

    @property
    def value(self) -> int:
        """The offset of its value."""
        return self.start + 8


def read_encapsulated(stream: BoundedStream, offset: int, index: int, frames: int, extended: Any = None) -> bytes:
    """Return the code stream of frame `index` (from 0) of `frames`, from the items at `offset`; read no other frame.

    `extended` is the extended offset table, if the file has one. Raises MammoError where the file ends within its
    pixels, its items are invalid, or the start of the frame cannot be found.
    """
    stream.seek(offset)
    offsets, *items = _items(stream)
    if not items:
        raise MammoError("a DICOM file without pixels")
    starts = _starts(extended, "Q") or _starts(_value(stream, offsets), "L")
    chosen = _frame_items(stream, items, starts, index, frames)
    if not chosen:
        raise MammoError(f"damaged DICOM: nothing tells where frame {index + 1} of {frames} begins")
    return b"".join(_value(stream, item) for item in chosen)


def _items(stream: BoundedStream) -> list[Item]:
    """Return all items up to the delimiter, the basic offset table first; their values are skipped."""
    items: list[Item] = []
    while len(items) < MAX_ITEMS:
        start = stream.tell()
        group, element, length = struct.unpack("<HHL", stream.read_exactly(8))
        if (group, element) == DELIMITER and items:
            return items
        if (group, element) != ITEM or length == UNDEFINED:
            raise MammoError("damaged DICOM: its compressed pixels are no sequence of items")
        if stream.seek(length, 1) > stream.end:
            raise MammoError("truncated: it ends amid its pixels")
        items.append(Item(start, length))
    raise MammoError(f"damaged DICOM: more than {MAX_ITEMS} items of compressed pixels")


def _value(stream: BoundedStream, item: Item) -> bytes:
    stream.seek(item.value)
    return stream.read_exactly(item.length)


def _starts(table: Any, letter: str) -> list[int]:
    """Return the offsets of the frames, from the first item on, in an offset table of integers of one size."""
    size = struct.calcsize(f"<{letter}")
    if not isinstance(table, bytes) or not table or len(table) % size:
        return []
    return list(struct.unpack(f"<{len(table) // size}{letter}", table))


def _frame_items(stream: BoundedStream, items: list[Item], starts: list[int], index: int, frames: int) -> list[Item]:
    """Return the items of a frame: by an offset table, by their number, or by the ends of images."""
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
    """Yield the items of each frame: an item with the end of an image is the last of its frame."""
    frame_items: list[Item] = []
    for item in items:
        frame_items.append(item)
        tail = min(TAIL, item.length)
        stream.seek(item.value + item.length - tail)
        if END_OF_IMAGE in stream.read_exactly(tail):
            yield frame_items
            frame_items = []
    if frame_items:
        yield frame_items
