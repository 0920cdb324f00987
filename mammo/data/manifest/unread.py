"""What could not be read from a manifest: rows that are set aside with the reason, and values that are missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from mammo.errors import MammoError

EXAMPLES = 3
"""The number of cells that a note shows."""


@dataclass
class Unread:
    """The rows that are set aside, and the missing and odd values in the columns of all other rows.

    `aside` maps a row's number to the reason, `items` to what the row lists; `chosen` holds the rows that the user
    leaves out; `missing` counts values by column, and `odd` lists row, cell and reason by column.
    """

    aside: dict[int, str] = field(default_factory=dict)
    chosen: set[int] = field(default_factory=set)
    items: dict[int, str] = field(default_factory=dict)
    missing: Counter[str] = field(default_factory=Counter)
    odd: dict[str, list[tuple[int, str, str]]] = field(default_factory=dict)

    def set_aside(self, rows: Iterable[int], reason: str) -> None:
        """Set rows aside; a row keeps its first reason."""
        for row in rows:
            self.aside.setdefault(int(row), reason)

    def count(self, column: str, missing: int, odd: list[tuple[int, str, str]]) -> None:
        """Count the missing values of a column; `odd` lists those whose cell is not empty: row, cell and reason."""
        if missing:
            self.missing[column] += missing
        if odd:
            self.odd.setdefault(column, []).extend(odd)

    def notes(self) -> list[str]:
        """One sentence for every column with odd cells."""
        sentences = []
        for column, cells in self.odd.items():
            examples = ", ".join(f"row {row} {cell!r} {why}" for row, cell, why in cells[:EXAMPLES])
            remainder = f" and {len(cells) - EXAMPLES} more" if len(cells) > EXAMPLES else ""
            values = "1 value is" if len(cells) == 1 else f"{len(cells)} values are"
            sentences.append(f"Of the column {column}, {values} missing: {examples}{remainder}.")
        return sentences

    def quarantined(self) -> list[list[str]]:
        """The item of every row that is set aside, and the reason: the rows of `quarantine.csv`."""
        return [[self.items.get(row) or f"row {row}", f"row {row}: {why}"] for row, why in sorted(self.aside.items())]

    def refuse_most(self, path: Path, rows: int) -> None:
        """Raise MammoError where more than half of the rows are set aside for their cells."""
        wrong = {row: why for row, why in self.aside.items() if row not in self.chosen}
        if 2 * len(wrong) > rows - len(self.chosen):
            examples: dict[str, int] = {}
            for row, why in sorted(wrong.items()):
                examples.setdefault(why, row)
            reasons = "; ".join(f"row {row}: {why}" for why, row in list(examples.items())[:EXAMPLES])
            raise MammoError(
                f"{path}: {len(wrong)} of {rows} rows, more than half, are set aside for their cells ({reasons}). Name "
                "other columns with --column, what labels mean with --positive and --negative, or labels to leave out "
                "with --drop."
            )
