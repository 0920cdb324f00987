"""The look-up tables and windows of a DICOM file for showing its values (PS3.3 C.11)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mammo.data.files.dicom.pixel_header import element_values, number
from mammo.data.files.raster import ReadingNote

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

Values = NDArray[np.float64]


@dataclass(frozen=True)
class LookupTable:
    """A look-up table: `entries` for the values from `first` on; white is 2^`bits` - 1."""

    entries: Values
    first: int
    bits: int

    def __call__(self, values: Values) -> Values:
        """Return the entries for `values`; values beyond the table's ends get its first or last entry."""
        indices = np.clip(np.round(values) - self.first, 0, len(self.entries) - 1)
        outputs: Values = self.entries[indices.astype(np.int64)]
        return outputs

    def unit(self, values: Values) -> Values:
        """Return the entries for `values`, scaled to 0..1."""
        unit: Values = self(values) / (2**self.bits - 1)
        return unit


@dataclass(frozen=True)
class Window:
    """A window with a VOI LUT function."""

    centre: float
    width: float
    function: str

    def unit(self, values: Values) -> Values:
        """Return the windowed `values`, in 0..1 (PS3.3 C.11.2.1.2 and C.11.2.1.3)."""
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
"""The VOI LUT functions, with a test of the window's width for each."""


@dataclass(frozen=True)
class VoiTransform:
    """A valid table or window, and notes on what was skipped."""

    name: str
    unit: Callable[[Values], Values]
    notes: tuple[ReadingNote, ...]


def voi_transforms(tags: Dataset, little: bool, negative: bool) -> Iterator[VoiTransform | ReadingNote]:
    """Yield the VOI LUTs and then the windows of a file in their order; a note for each invalid one."""
    for index, item in enumerate(element_values(tags, "VOILUTSequence")):
        table = read_table(item, little, negative)
        if isinstance(table, LookupTable):
            yield VoiTransform(f"VOI look-up table {index + 1}", table.unit, _depth_note(item, table))
        else:
            yield ReadingNote("table", f"its VOI look-up table {index + 1} {table} and is passed over")
    centres, widths = element_values(tags, "WindowCenter"), element_values(tags, "WindowWidth")
    function, notes = _function(tags)
    for index in range(max(len(centres), len(widths))):
        centre, width = number(tags, "WindowCenter", index), number(tags, "WindowWidth", index)
        words = f"{_words(centres, index)} / {_words(widths, index)}"
        if not centres or not widths:
            yield ReadingNote("half-a-window", f"its window {words} lacks a centre or a width and is passed over")
        elif centre is None or width is None or not FUNCTIONS[function](width):
            yield ReadingNote("window", f"its window {words} makes no sense and is passed over")
        else:
            yield VoiTransform(f"window {words}", Window(centre, width, function).unit, notes)


def _words(values: list[Any], index: int) -> str:
    return str(values[index])[:16] if index < len(values) else "none"


def _function(tags: Dataset) -> tuple[str, tuple[ReadingNote, ...]]:
    """Return the VOI LUT function, and notes: the first of several, LINEAR where it is unknown."""
    names = [str(name).strip().upper() for name in element_values(tags, "VOILUTFunction")]
    function = names[0] if names and names[0] in FUNCTIONS else "LINEAR"
    if names in ([], [function]):
        return function, ()
    sentence = f"its VOI LUT function {', '.join(names)[:40]} makes no sense and is taken as {function}"
    return function, (ReadingNote("window-function", sentence),)


def read_table(item: Dataset, little: bool, negative: bool) -> LookupTable | str:
    """Return the look-up table in an item of a sequence, or words that say why there is none."""
    count, first, bits = (number(item, "LUTDescriptor", position) for position in range(3))
    if count is None or first is None or bits is None:
        return "is empty"
    if first > 32767 and negative:  # written as unsigned though values may be negative
        first -= 65536
    entries = _entries(item, int(count) % 65536 or 65536, little)
    if not len(entries):
        return "is empty"
    return LookupTable(entries, int(first), _depth(int(bits), int(entries.max())))


def _depth(declared: int, highest: int) -> int:
    """Return the bits of a table's entries: those declared, unless the entries exceed them or use at most a quarter."""
    reached = max(1, highest.bit_length())
    fits = 1 <= declared <= 16 and reached <= declared
    return declared if fits and reached >= declared - 1 else reached


def _depth_note(item: Dataset, table: LookupTable) -> tuple[ReadingNote, ...]:
    declared = number(item, "LUTDescriptor", 2)
    if declared == table.bits:
        return ()
    sentence = f"its look-up table's descriptor names {declared:g} bits, its entries have {table.bits}"
    return (ReadingNote("table-depth", f"{sentence}; the entries are believed"),)


def _entries(item: Dataset, count: int, little: bool) -> Values:
    """Return the entries of a LUT, of one or two bytes each; fewer than `count` where it has fewer."""
    data: Any = item.get("LUTData")
    if data is None or isinstance(data, str):
        return np.empty(0)
    order = "<" if little else ">"
    if not isinstance(data, bytes):
        data, order = np.atleast_1d(np.asarray(data)).astype("<u2").tobytes(), "<"
    packed = len(data) in (count, count + count % 2) and count > 1
    kind = np.dtype(np.uint8) if packed else np.dtype(order + "u2")
    return np.frombuffer(data, kind, min(count, len(data) // kind.itemsize)).astype(np.float64)
