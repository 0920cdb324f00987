"""Workbooks: the sheets of an `.xlsx` as rows of text; other workbooks are refused with advice."""

from __future__ import annotations

import zipfile
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from mammo.errors import MammoError, first_line

ZIP = b"PK\x03\x04"
OLD = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""The first bytes of workbooks from before 2007, and of those locked with a password."""
MOST_BYTES = 2 * 10**9
"""The largest unpacked size of a workbook, in bytes."""
ADVICE = "save the sheet as “CSV UTF-8” and give that file"


def is_workbook(path: Path) -> bool:
    """Whether a file is an `.xlsx` workbook; raises MammoError where it is another workbook or an archive."""
    with path.open("rb") as stream:
        head = stream.read(8)
    if head == OLD:
        raise MammoError(f"{path} is a workbook of an old kind (.xls) or locked with a password; {ADVICE}.")
    if not head.startswith(ZIP):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
            size = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise MammoError(f"{path} is a damaged workbook or archive ({first_line(error)}); {ADVICE}.") from None
    if "xl/workbook.xml" not in names:
        what = "a workbook of another kind (.ods, .xlsb, .numbers)" if _is_other_workbook(names) else "an archive (zip)"
        raise MammoError(f"{path} is {what}; {ADVICE}.")
    if size > MOST_BYTES:
        raise MammoError(f"{path} would unpack to {size / 1e9:.0f} GB; {ADVICE}.")
    return True


def _is_other_workbook(names: set[str]) -> bool:
    return bool({"content.xml", "xl/workbook.bin", "Index/Document.iwa"} & names)


def read_sheet(path: Path, sheet: str | None) -> tuple[list[list[str]], list[str]]:
    """Return the rows of a sheet as text, by default of the first visible one, and a note where there are several.

    Raises MammoError where openpyxl is missing, the workbook is damaged, or has no such sheet.
    """
    try:
        from openpyxl import load_workbook
    except ImportError:
        raise MammoError(
            f"{path} is a workbook; install openpyxl (`pip install openpyxl`) to read it, or {ADVICE}."
        ) from None
    with path.open("rb") as stream:  # its content decides: openpyxl refuses a path with another ending
        try:
            book = load_workbook(stream, read_only=True, data_only=True)
            chosen, notes = _choose(path, {page.title: page.sheet_state for page in book.worksheets}, sheet)
            rows = [[_text(value) for value in row] for row in book[chosen].iter_rows(values_only=True)]
        except MammoError:
            raise
        except Exception as error:  # damaged workbooks raise many kinds of exceptions
            what = f"{path} is a workbook that cannot be read ({first_line(error)})"
            raise MammoError(f"{what}; {ADVICE}.") from None
    return rows, notes


def _choose(path: Path, states: dict[str, str], sheet: str | None) -> tuple[str, list[str]]:
    """Return the name of the sheet to read, and a note where the user may mean another sheet."""
    listed = ", ".join(states) or "none"
    if sheet is not None and sheet not in states:
        raise MammoError(f"{path} has no sheet {sheet!r}; its sheets are: {listed}.")
    visible = [name for name, state in states.items() if state == "visible"] or list(states)
    if not visible:
        raise MammoError(f"{path} has no sheet that holds cells; {ADVICE}.")
    if sheet is not None:
        return sheet, []
    note = f"The workbook has the sheets {listed}; {visible[0]} was read (--sheet names another)."
    return visible[0], [note] if len(states) > 1 else []


def _text(value: Any) -> str:
    """A cell as a CSV would hold it."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    if isinstance(value, datetime) and value.time() == time():
        return value.date().isoformat()
    return value.isoformat() if isinstance(value, date) else str(value)
