"""Which column of a file is which of ours: mapped by the user, of the same name, or of another usual name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from mammo.data.manifest.columns.columns import BOX, COLUMNS, INSTEAD, NEEDED
from mammo.data.manifest.columns.templates import Template, is_template
from mammo.data.manifest.words.words import composed
from mammo.errors import MammoError

REPEATED = re.compile(r" \(\d+\)$")
"""What `table` appends to the name of a column whose name occurs twice."""


@dataclass
class Headers:
    """Where the cells of each of our columns come from: a column of the file, or a template over several.

    `notes` are warnings that belong beside every result; `remarks` say which column was read as which.
    """

    sources: dict[str, str | Template] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def columns(self) -> dict[str, str]:
        """Our names mapped to the names in the file, or to the template as it was written."""
        return {ours: str(source) for ours, source in self.sources.items()}

    def sources_of(self, ours: str) -> set[str]:
        """The columns of the file from which our column is read."""
        source = self.sources.get(ours, "")
        return {name for field in source.fields for name in field} if isinstance(source, Template) else {source} - {""}

    def cells(self, ours: str, table: pd.DataFrame) -> pd.Series:
        """The cells of one of our columns as text; empty where a cell is empty."""
        source = self.sources[ours]
        return source.fill(table) if isinstance(source, Template) else table[source]


def header_key(name: str) -> str:
    """Return a column name without case, spaces and punctuation: `PatientID` and `patient-id` both give `patientid`."""
    return re.sub(r"[\W_]+", "", composed(name).casefold())


def find_columns(table: pd.DataFrame, path: Path, mapped: Mapping[str, str]) -> Headers:
    """Return the columns that are understood, in the order of `COLUMNS`, with notes and remarks.

    A column that `mapped` names comes first, then the column of our name, then the usual names, the most certain first.
    Raises MammoError with the option to use where a needed column is missing, or where two columns may be the path,
    label or patient.
    """
    by_key: dict[str, list[str]] = {}
    for name in map(str, table):
        by_key.setdefault(header_key(REPEATED.sub("", name)), []).append(name)
    headers = Headers()
    for ours, source in mapped.items():
        if ours not in COLUMNS:
            raise MammoError(f"There is no column {ours!r} to map; choose one of: {', '.join(COLUMNS)}.")
        headers.sources[ours] = _mapped(ours, source, table, path)
    for ours in COLUMNS:
        if ours not in headers.sources and (usual := _usual(ours, by_key, table, headers)):
            headers.sources[ours] = usual
    _refuse_unnamed(headers, table, path)
    _drop_incomplete_boxes(headers)
    _add_remarks(headers, mapped)
    return headers


def _mapped(ours: str, source: str, table: pd.DataFrame, path: Path) -> str | Template:
    """The column that the user names (spaces, case and punctuation may differ), or the template."""
    if source in table:
        return source
    if is_template(source):
        return Template.of(source, [str(name) for name in table], path, files=ours in ("path", "mask"))
    matches = [str(name) for name in table if header_key(str(name)) == header_key(source)]
    if len(matches) == 1:
        return matches[0]
    raise MammoError(f"{path} has no column {source!r}; its columns are: {', '.join(map(str, table))}.")


def _usual(ours: str, by_key: Mapping[str, list[str]], table: pd.DataFrame, headers: Headers) -> str | None:
    """The column of our name or of another usual name; None where two fit equally and differ."""
    used = {headers.sources[side] for side in BOX if side in headers.sources}
    for names in ((ours,), *COLUMNS[ours].names):
        candidates = [name for key in names for name in by_key.get(key, []) if not (ours in BOX and name in used)]
        matches = [name for name in candidates if REPEATED.sub("", name) == ours] or candidates
        if matches and all(table[name].equals(table[matches[0]]) for name in matches):
            return matches[0]
        if candidates and ours in (*NEEDED, "patient"):
            raise MammoError(
                f"The file has the columns {', '.join(candidates)}; say which it is with --column {ours}=NAME."
            )
        if candidates:
            headers.remarks.append(
                f"The {ours} may be {' or '.join(candidates)}: neither is taken; name one with --column {ours}=NAME."
            )
            return None
    return None


def _refuse_unnamed(headers: Headers, table: pd.DataFrame, path: Path) -> None:
    if missing := [ours for ours in NEEDED if ours not in headers.sources]:
        raise MammoError(
            f"{path} lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}; "
            f"name what stands for it with --column {missing[0]}=NAME (its columns are: {', '.join(map(str, table))})."
        )


def _drop_incomplete_boxes(headers: Headers) -> None:
    """Drop the columns of a box where the file lacks some of the four."""
    present = [side for side in BOX if side in headers.sources]
    if present and len(present) < len(BOX):
        missing = ", ".join(side for side in BOX if side not in present)
        headers.remarks.append(f"There are no boxes: of {', '.join(BOX)} the file lacks {missing}.")
        for side in present:
            del headers.sources[side]


def _add_remarks(headers: Headers, mapped: Mapping[str, str]) -> None:
    renamed = [
        f"{source} as {ours}"
        for ours, source in headers.sources.items()
        if ours not in mapped and header_key(str(source)) != ours
    ]
    if renamed:
        headers.remarks.append(f"Read from columns of other names: {', '.join(renamed)}.")
    patient = headers.sources.get("patient")
    if "patient" not in mapped and isinstance(patient, str) and header_key(patient) in INSTEAD:
        headers.notes.append(
            f"The manifest names no patients: {patient} stands for them, and a woman with two of those counts twice."
        )
