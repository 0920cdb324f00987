"""The cells of a column become values; each distinct cell is parsed once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from mammo.data.manifest.columns.columns import COLUMNS, SILENT
from mammo.data.manifest.unread import Unread
from mammo.data.manifest.words.scales import is_tissue_word
from mammo.data.manifest.words.words import is_missing

UNKNOWN = "says that it is not known"


@dataclass(frozen=True)
class Values:
    """The cells of a column, the value of each distinct cell (`by_cell`) and the reasons why cells have no value."""

    cells: pd.Series
    by_cell: dict[str, Any]
    reasons: dict[str, str]

    @property
    def listed(self) -> list[Any]:
        """The value of every row."""
        return [self.by_cell[cell] for cell in self.cells.tolist()]

    @property
    def odd(self) -> list[tuple[int, str, str]]:
        """Row, cell and reason of the cells that are not empty and have no value."""
        if not self.reasons:
            return []
        rows = zip(self.cells.index, self.cells.tolist(), strict=True)
        return [(int(row), cell, self.reasons[cell]) for row, cell in rows if cell in self.reasons]


def read_values(cells: pd.Series, ours: str) -> Values:
    """Return the values of the column `ours`; a cell that is empty, odd or means "not known" has none."""
    column, values, reasons = COLUMNS[ours], {}, {}
    for cell in map(str, cells.unique()):
        values[cell] = column.missing
        if is_missing(cell):
            if cell:
                reasons[cell] = UNKNOWN
            continue
        try:
            values[cell] = column.parse(cell)
        except ValueError as error:
            reasons[cell] = str(error)
    return Values(cells, values, reasons)


def read_tissue(cells: pd.Series) -> Values:
    """Return densities on the scale of MIAS (F, G, D), as they are written."""
    distinct = [str(cell) for cell in cells.unique()]
    values: dict[str, Any] = {cell: cell if is_tissue_word(cell) else "" for cell in distinct}
    odd = [cell for cell in distinct if cell and not values[cell]]
    return Values(cells, values, {cell: UNKNOWN if is_missing(cell) else "is not F, G or D" for cell in odd})


def needed_values(cells: pd.Series, ours: str, unread: Unread) -> list[Any]:
    """Return the values of a column that every row needs; rows without a value are set aside."""
    values = read_values(cells, ours)
    made_of = f"a column that {cells.name} is made of" if "{" in str(cells.name) else f"the {cells.name}"
    unread.set_aside(cells.index[cells == ""], f"{made_of} is empty")
    for row, cell, why in values.odd:
        unread.set_aside([row], f"the {cells.name} {cell!r} {why}")
    return values.listed


def optional_values(values: Values, ours: str, unread: Unread) -> list[Any]:
    """Return the values of an optional column; missing values are counted and odd cells noted."""
    missing = COLUMNS[ours].missing if ours in COLUMNS else ""
    empty = [cell for cell, value in values.by_cell.items() if value is None or value == missing]
    odd = values.odd
    unread.count(ours, len(odd) if ours in SILENT else int(values.cells.isin(empty).sum()), odd)
    return values.listed
