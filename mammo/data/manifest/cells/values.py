"""The cells of a column become values, each different cell read once."""

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
    """What each different cell of a column says, and why those that say something have no value."""

    cells: pd.Series
    of: dict[str, Any]
    reasons: dict[str, str]

    @property
    def listed(self) -> list[Any]:
        """The value of every row."""
        return [self.of[cell] for cell in self.cells.tolist()]

    @property
    def odd(self) -> list[tuple[int, str, str]]:
        """Row, cell and reason of the cells that say something and have no value."""
        if not self.reasons:
            return []
        rows = zip(self.cells.index, self.cells.tolist(), strict=True)
        return [(int(row), cell, self.reasons[cell]) for row, cell in rows if cell in self.reasons]


def read_values(cells: pd.Series, ours: str) -> Values:
    """The values of one of our columns; a cell that is empty, odd or says that nothing is known has none."""
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
    """Densities on the scale of MIAS, kept as they stand."""
    known = [str(cell) for cell in cells.unique()]
    values: dict[str, Any] = {cell: cell if is_tissue_word(cell) else "" for cell in known}
    odd = [cell for cell in known if cell and not values[cell]]
    return Values(cells, values, {cell: UNKNOWN if is_missing(cell) else "is not F, G or D" for cell in odd})


def needed_values(cells: pd.Series, ours: str, unread: Unread) -> list[Any]:
    """The values of a column without which a row is set aside."""
    values = read_values(cells, ours)
    made_of = f"a column that {cells.name} is made of" if "{" in str(cells.name) else f"the {cells.name}"
    unread.set_aside(cells.index[cells == ""], f"{made_of} is empty")
    for row, cell, why in values.odd:
        unread.set_aside([row], f"the {cells.name} {cell!r} {why}")
    return values.listed


def optional_values(values: Values, ours: str, unread: Unread) -> list[Any]:
    """The values of a column that may be silent; those that are missing are counted, odd cells noted."""
    missing = COLUMNS[ours].missing if ours in COLUMNS else ""
    silent = [cell for cell, value in values.of.items() if value is None or value == missing]
    odd = values.odd
    unread.count(ours, len(odd) if ours in SILENT else int(values.cells.isin(silent).sum()), odd)
    return values.listed
