"""A table as spreadsheets, pandas and publishers of collections write it: a header and cells, all text."""

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
"""The largest number of columns of a table; every column that is not understood becomes a subgroup of the images."""
BLOCK = 50_000
"""The number of rows that become columns at once: text in columns takes a fraction of the memory of lists."""


@dataclass(frozen=True)
class TextTable:
    """The trimmed cells of a table as text, indexed by their row in the file.

    `aside` maps rows that do not fit the header to the reason; `notes` are sentences on how the file was read.
    """

    cells: pd.DataFrame
    aside: dict[int, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def read_table(path: Path, sheet: str | None = None, header: Sequence[str] = ()) -> TextTable:
    """Read a CSV or a workbook's sheet; the header is row 1 unless `header` names the columns of a file without one.

    The first line shows which of `SEPARATORS` stands between cells; where `header` is passed and the line has none of
    them, white space does. Blank rows and columns without a name are left out; of two columns of one name, the second
    is called `NAME (2)`. A row that is longer than the header, or opens a quotation mark without closing it, is set
    aside. Raises MammoError where the file is no table or has no header.
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
        names_path = str(error).startswith(str(path))
        raise error if names_path else MammoError(f"{path} cannot be read as CSV: {error}.") from None
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
) -> TextTable:
    filled = ((row, cells) for row, line in records if any(cells := [trimmed(cell) for cell in line]))
    names = [composed(name) for name in header]
    if not names:
        first = next(filled, None)
        if first is None:
            raise MammoError(f"{path} is empty; its first row must name the columns.")
        names = [composed(name) for name in first[1]]
    width = len(names)
    if width > MOST_COLUMNS:
        raise MammoError(
            f"{path} has {width:,} columns, and at most {MOST_COLUMNS:,} are read: keep path, label, patient and those "
            "that you want to see as subgroups."
        )
    blocks, index, block = [], [], []
    for row, cells in filled:
        if any(cells[width:]):
            aside[row] = f"it has {len(cells)} cells, the header has {width}"
            continue
        index.append(row)
        block.append(cells[:width] + [""] * (width - len(cells)))
        if len(block) == BLOCK:
            blocks.append(pd.DataFrame(block, dtype=str))
            block = []
    blocks.append(pd.DataFrame(block, columns=range(width), dtype=str))
    table = pd.concat(blocks, ignore_index=True) if len(blocks) > 1 else blocks[0]
    table.index = pd.Index(index, dtype="int64")
    return _with_header(table, names, aside, notes)


def _with_header(table: pd.DataFrame, names: list[str], aside: dict[int, str], notes: list[str]) -> TextTable:
    """Keep the columns that have a name; of two of one name the second is numbered, and dropped where it is equal."""
    positions: dict[str, int] = {}
    for position, name in enumerate(names):
        if not name:
            continue
        number = 2
        unique = name
        while unique in positions:
            unique, number = f"{name} ({number})", number + 1
        if unique != name and table[position].equals(table[positions[name]]):
            continue
        if unique != name:
            notes = [*notes, f"Two columns are named {name!r}; the second is called {unique!r} here."]
        positions[unique] = position
    cells = table[list(positions.values())]
    cells.columns = pd.Index(list(positions), dtype=object)
    return TextTable(cells, aside, notes)


def _records(text: str, header: Sequence[str], aside: dict[int, str]) -> Iterator[tuple[int, list[str]]]:
    """Yield the numbered rows of a text; a line `sep=;`, which spreadsheets write first, is left out."""
    lines = re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+$", text)
    first = next((line for line in lines if line.strip()), "")
    separator = max(SEPARATORS, key=first.count)
    if header and not any(mark in first for mark in SEPARATORS):
        yield from ((row, line.split()) for row, line in enumerate(lines, start=1))
        return
    position = row = 0
    while position < len(lines):
        begin, reader = position, csv.reader(lines[position:], delimiter=separator)
        for record in _read(reader):
            row, ended = row + 1, begin + reader.line_num
            unclosed = ended - position > 1 and _is_unclosed(
                record, lines[position:ended], separator, ended == len(lines)
            )
            if unclosed or record is None:
                aside[row] = "a quotation mark opens a cell and nothing closes it" if unclosed else TOO_LONG
            elif "".join(record).lower() != "sep=":
                yield row, record
            if unclosed:
                position += 1
                break
            position = ended
        else:
            return


def _read(reader: Iterator[list[str]]) -> Iterator[list[str] | None]:
    """Yield the records of a CSV; None where a cell is longer than the csv module reads."""
    while True:
        try:
            yield next(reader)
        except csv.Error:
            yield None
        except StopIteration:
            return


def _is_unclosed(record: list[str] | None, lines: list[str], separator: str, last: bool) -> bool:
    """Whether a record of several lines lacks a closing quotation mark on its first line.

    It does where the file ends before a closing mark, or where one of its cells contains complete further rows.
    """
    if record is None or (last and "".join(lines).count('"') % 2):
        return True
    separators = lines[0].count(separator)
    inner = [line for cell in record for line in cell.splitlines()[1:-1]]
    return separators > 1 and any(line.count(separator) == separators for line in inner)
