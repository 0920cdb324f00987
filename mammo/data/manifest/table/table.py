"""A table as spreadsheets, pandas and a collection's own publishers write it: a header and cells, all text."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from mammo.data.files.raster import refuse_unfit
from mammo.data.manifest.table.encoding import read_text
from mammo.data.manifest.table.workbook import is_workbook, read_sheet
from mammo.data.manifest.words.words import composed, trimmed
from mammo.errors import MammoError

SEPARATORS = ",;\t|"
TOO_LONG = f"a cell is longer than {csv.field_size_limit():,} characters"
MOST_COLUMNS = 1_000
"""Columns of a table at most; each but those that are understood becomes a subgroup of the images."""
BLOCK = 50_000
"""Rows that become columns together: text in columns takes a fraction of the memory of lists."""


@dataclass(frozen=True)
class Table:
    """The trimmed cells as text, indexed by their row of the file, and what could not be taken from it.

    `aside` maps rows that do not fit the header to the reason; `notes` are sentences on how the file was read.
    """

    cells: pd.DataFrame
    aside: dict[int, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def read_table(path: Path, sheet: str | None = None, header: Sequence[str] = ()) -> Table:
    """Read a CSV or a workbook's sheet; the header is row 1 unless `header` names the columns of a file without one.

    The first line tells which of `SEPARATORS` stands between cells; under a given `header`, white space does where
    none of them is there. Blank rows and columns without a name or content are left out; of two columns named alike
    the second is called `NAME (2)`. A row that is longer than the header, or opens a quotation mark that nothing
    closes, is set aside. Raises MammoError where the file is no table or has no header.
    """
    try:
        refuse_unfit(path)
        if is_workbook(path):
            rows, notes = read_sheet(path, sheet)
            return _table(path, enumerate(rows, start=1), {}, header, notes)
        if sheet is not None:
            raise MammoError(f"{path} is no workbook; --sheet names a sheet of one.")
        text, notes = read_text(path)
    except OSError as error:
        raise MammoError(f"{path} cannot be read: {error.strerror or error}.") from None
    except MammoError as error:
        known = str(error).startswith(str(path))
        raise error if known else MammoError(f"{path} cannot be read as CSV: {error}.") from None
    if "\0" in text.split("\n", 1)[0]:
        raise MammoError(f"{path} is no text; give a CSV file.")
    aside: dict[int, str] = {}
    return _table(path, _records(text, header, aside), aside, header, notes)


def _table(
    path: Path,
    records: Iterator[tuple[int, list[str]]],
    aside: dict[int, str],
    header: Sequence[str],
    notes: list[str],
) -> Table:
    filled = ((row, cells) for row, line in records if any(cells := [trimmed(cell) for cell in line]))
    names = [composed(name) for name in header]
    if not names:
        first = next(filled, None)
        if first is None:
            raise MammoError(f"{path} is empty; its first row must name the columns.")
        names = [composed(name) for name in first[1]]
    wide = len(names)
    if wide > MOST_COLUMNS:
        raise MammoError(
            f"{path} has {wide:,} columns, and at most {MOST_COLUMNS:,} are read: keep path, label, patient and those "
            "that you want to see as subgroups."
        )
    blocks, index, block = [], [], []
    for row, cells in filled:
        if any(cells[wide:]):
            aside[row] = f"it has {len(cells)} cells, the header has {wide}"
            continue
        index.append(row)
        block.append(cells[:wide] + [""] * (wide - len(cells)))
        if len(block) == BLOCK:
            blocks.append(pd.DataFrame(block, dtype=str))
            block = []
    blocks.append(pd.DataFrame(block, columns=range(wide), dtype=str))
    table = pd.concat(blocks, ignore_index=True) if len(blocks) > 1 else blocks[0]
    table.index = pd.Index(index, dtype="int64")
    return _with_header(table, names, aside, notes)


def _with_header(table: pd.DataFrame, names: list[str], aside: dict[int, str], notes: list[str]) -> Table:
    """The columns that have a name; of two named alike the second is numbered, and dropped where it says the same."""
    kept: dict[str, int] = {}
    for place, name in enumerate(names):
        if not name:
            continue
        number = 2
        unique = name
        while unique in kept:
            unique, number = f"{name} ({number})", number + 1
        if unique != name and table[place].equals(table[kept[name]]):
            continue
        if unique != name:
            notes = [*notes, f"Two columns are named {name!r}; the second is called {unique!r} here."]
        kept[unique] = place
    cells = table[list(kept.values())]
    cells.columns = pd.Index(list(kept), dtype=object)
    return Table(cells, aside, notes)


def _records(text: str, header: Sequence[str], aside: dict[int, str]) -> Iterator[tuple[int, list[str]]]:
    """The numbered rows of a text; a line `sep=;`, which spreadsheets write first, is read as an empty row."""
    lines = re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+$", text)
    first = next((line for line in lines if line.strip()), "")
    separator = max(SEPARATORS, key=first.count)
    if header and not any(mark in first for mark in SEPARATORS):
        yield from ((row, line.split()) for row, line in enumerate(lines, start=1))
        return
    at = row = 0
    while at < len(lines):
        begin, reader = at, csv.reader(lines[at:], delimiter=separator)
        for record in _read(reader):
            row, ended = row + 1, begin + reader.line_num
            swallowed = ended - at > 1 and _swallowed(record, lines[at:ended], separator, ended == len(lines))
            if swallowed or record is None:
                aside[row] = "a quotation mark opens a cell and nothing closes it" if swallowed else TOO_LONG
            elif "".join(record).lower() != "sep=":
                yield row, record
            if swallowed:
                at += 1
                break
            at = ended
        else:
            return


def _read(reader: Iterator[list[str]]) -> Iterator[list[str] | None]:
    """The records of a CSV; None where a cell is longer than csv reads."""
    while True:
        try:
            yield next(reader)
        except csv.Error:
            yield None
        except StopIteration:
            return


def _swallowed(record: list[str] | None, lines: list[str], separator: str, last: bool) -> bool:
    """Whether a record of several lines is one whose quotation mark should have been closed on its first line.

    It is where the file ends before a closing mark comes, or where one of its cells holds whole further rows.
    """
    if record is None or (last and "".join(lines).count('"') % 2):
        return True
    wide = lines[0].count(separator)
    inner = [line for cell in record for line in cell.splitlines()[1:-1]]
    return wide > 1 and any(line.count(separator) == wide for line in inner)
