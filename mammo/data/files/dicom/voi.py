"""The look-up tables and windows by which a DICOM file wants its values shown (PS3.3 C.11)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mammo.data.files.dicom.pixel_header import element_values, number
from mammo.data.files.raster import Note

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

Values = NDArray[np.float64]


@dataclass(frozen=True)
class LookupTable:
    """A look-up table: `entries` for the values from `first` on, white at 2^`bits` - 1."""

    entries: Values
    first: int
    bits: int

    def __call__(self, values: Values) -> Values:
        """What `values` become; those beyond the table's ends take its first or last entry."""
        places = np.clip(np.round(values) - self.first, 0, len(self.entries) - 1)
        outputs: Values = self.entries[places.astype(np.int64)]
        return outputs

    def unit(self, values: Values) -> Values:
        """What `values` become, in 0..1."""
        unit: Values = self(values) / (2**self.bits - 1)
        return unit


@dataclass(frozen=True)
class Window:
    """A window with a VOI LUT function."""

    centre: float
    width: float
    function: str

    def unit(self, values: Values) -> Values:
        """What `values` become, in 0..1 (PS3.3 C.11.2.1.2 and C.11.2.1.3)."""
        if self.function == "SIGMOID":
            with np.errstate(over="ignore"):
                unit: Values = 1 / (1 + np.exp(-4 * (values - self.centre) / self.width))
            return unit
        if self.function == "LINEAR_EXACT":
            return np.clip((values - self.centre) / self.width + 0.5, 0, 1)
        if self.width == 1:
            return (values > self.centre - 0.5).astype(np.float64)
        return np.clip((values - (self.centre - 0.5)) / (self.width - 1) + 0.5, 0, 1)


FUNCTIONS: dict[str, Callable[[float], bool]] = {
    "LINEAR": lambda width: width >= 1,
    "LINEAR_EXACT": lambda width: width > 0,
    "SIGMOID": lambda width: width > 0,
}
"""The VOI LUT functions, and which widths each can have."""


@dataclass(frozen=True)
class VoiTransform:
    """A table or window that makes sense, and what was passed over of it or before it."""

    name: str
    unit: Callable[[Values], Values]
    notes: tuple[Note, ...]


def voi_transforms(tags: Dataset, little: bool, negative: bool) -> Iterator[VoiTransform | Note]:
    """The VOI LUTs and then the windows of a file in their order; a note for each that makes no sense."""
    for place, item in enumerate(element_values(tags, "VOILUTSequence")):
        table = read_table(item, little, negative)
        if isinstance(table, LookupTable):
            yield VoiTransform(f"VOI look-up table {place + 1}", table.unit, _depth_note(item, table))
        else:
            yield Note("table", f"its VOI look-up table {place + 1} {table} and is passed over")
    centres, widths = element_values(tags, "WindowCenter"), element_values(tags, "WindowWidth")
    function, notes = _function(tags)
    for place in range(max(len(centres), len(widths))):
        centre, width = number(tags, "WindowCenter", place), number(tags, "WindowWidth", place)
        words = f"{_words(centres, place)} / {_words(widths, place)}"
        if not centres or not widths:
            yield Note("half-a-window", f"its window {words} lacks a centre or a width and is passed over")
        elif centre is None or width is None or not FUNCTIONS[function](width):
            yield Note("window", f"its window {words} makes no sense and is passed over")
        else:
            yield VoiTransform(f"window {words}", Window(centre, width, function).unit, notes)


def _words(values: list[Any], place: int) -> str:
    return str(values[place])[:16] if place < len(values) else "none"


def _function(tags: Dataset) -> tuple[str, tuple[Note, ...]]:
    """The VOI LUT function: the first of several, linear where it is none of those that are known."""
    names = [str(name).strip().upper() for name in element_values(tags, "VOILUTFunction")]
    function = names[0] if names and names[0] in FUNCTIONS else "LINEAR"
    if names in ([], [function]):
        return function, ()
    sentence = f"its VOI LUT function {', '.join(names)[:40]} makes no sense and is taken as {function}"
    return function, (Note("window-function", sentence),)


def read_table(item: Dataset, little: bool, negative: bool) -> LookupTable | str:
    """The look-up table in a sequence's item, or words that say why there is none."""
    count, first, bits = (number(item, "LUTDescriptor", place) for place in range(3))
    if count is None or first is None or bits is None:
        return "is empty"
    if first > 32767 and negative:  # written as unsigned beside values that may be negative
        first -= 65536
    entries = _entries(item, int(count) % 65536 or 65536, little)
    if not len(entries):
        return "is empty"
    return LookupTable(entries, int(first), _depth(int(bits), int(entries.max())))


def _depth(declared: int, highest: int) -> int:
    """The bits of a table's range: its entries', where they exceed what its descriptor says or use a quarter of it."""
    reached = max(1, highest.bit_length())
    fits = 1 <= declared <= 16 and reached <= declared
    return declared if fits and reached >= declared - 1 else reached


def _depth_note(item: Dataset, table: LookupTable) -> tuple[Note, ...]:
    declared = number(item, "LUTDescriptor", 2)
    if declared == table.bits:
        return ()
    sentence = f"its look-up table's descriptor names {declared:g} bits, its entries have {table.bits}"
    return (Note("table-depth", f"{sentence}; the entries are believed"),)


def _entries(item: Dataset, count: int, little: bool) -> Values:
    """The entries of a LUT, one or two bytes each; fewer than `count` where it holds fewer."""
    data: Any = item.get("LUTData")
    if data is None or isinstance(data, str):
        return np.empty(0)
    order = "<" if little else ">"
    if not isinstance(data, bytes):
        data, order = np.atleast_1d(np.asarray(data)).astype("<u2").tobytes(), "<"
    packed = len(data) in (count, count + count % 2) and count > 1
    kind = np.dtype(np.uint8) if packed else np.dtype(order + "u2")
    return np.frombuffer(data, kind, min(count, len(data) // kind.itemsize)).astype(np.float64)
