"""The cells of a CSV as spreadsheets, pandas and the collection's own publishers write it."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd

from mammo.data.raster import refuse_unfit
from mammo.errors import MammoError

SEPARATORS = ",;\t"
UTF_16 = (b"\xff\xfe", b"\xfe\xff")
"""How a file begins that spreadsheets saved as “Unicode text”."""


def read_cells(path: Path) -> pd.DataFrame:
    """The stripped cells as text, indexed by their row of the CSV, the header being row 1; blank rows are left out.

    The first line tells which of `SEPARATORS` stands between cells. Columns without a name, such as a row's number,
    are left out. Raises MammoError where the file is no CSV in UTF-8 or UTF-16, has no header, names two columns
    alike, or a row is longer than the header.
    """
    cells = [(place, line) for place, line in enumerate(_lines(path), start=1) if any(line)]
    if not cells:
        raise MammoError(f"{path} is empty; its first row must name the columns.")
    (_, header), *cells = cells
    if twice := [name for name in header if name and header.count(name) > 1]:
        raise MammoError(f"{path} has two columns named {twice[0]!r}; rename one of them.")
    for place, line in cells:
        if any(line[len(header) :]):
            raise MammoError(f"{path}, row {place}: it has {len(line)} cells, the header has {len(header)}.")
    filled = [line[: len(header)] + [""] * (len(header) - len(line)) for _, line in cells]
    table = pd.DataFrame(filled, columns=header, index=[place for place, _ in cells], dtype=str)
    return table.loc[:, [name != "" for name in header]]


def _lines(path: Path) -> list[list[str]]:
    """The stripped cells of every row; a line `sep=;`, which spreadsheets write first, is read as an empty row."""
    try:
        refuse_unfit(path)
        with path.open(encoding=_encoding(path), newline="") as stream:
            first = next((line for line in stream if line.strip()), "")
            stream.seek(0)
            lines = list(csv.reader(stream, delimiter=max(SEPARATORS, key=first.count)))
    except UnicodeError:
        raise MammoError(f"{path} is not in UTF-8; save it as “CSV UTF-8”, as spreadsheets call it.") from None
    except (MammoError, OSError, ValueError, csv.Error) as error:
        raise MammoError(f"{path} cannot be read as CSV: {error}.") from None
    stripped = [[cell.strip() for cell in line] for line in lines]
    return [[] if "".join(line).lower() == "sep=" else line for line in stripped]


def _encoding(path: Path) -> str:
    with path.open("rb") as stream:
        return "utf-16" if stream.read(2) in UTF_16 else "utf-8-sig"
