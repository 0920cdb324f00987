"""Which column of a file is which of ours: mapped by the user, named alike, or known by another usual name."""

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
"""What `table` puts behind the name of a column that is named as another."""


@dataclass
class Headers:
    """Where the cells of each of our columns come from: a column of the file, or a template over several.

    `notes` must be known before figures are believed, `remarks` say what was taken for what.
    """

    sources: dict[str, str | Template] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def columns(self) -> dict[str, str]:
        """Our names and the file's, or the template as it was written."""
        return {ours: str(source) for ours, source in self.sources.items()}

    def sources_of(self, ours: str) -> set[str]:
        """The columns of the file that one of ours is read from."""
        source = self.sources.get(ours, "")
        return {name for field in source.fields for name in field} if isinstance(source, Template) else {source} - {""}

    def cells(self, ours: str, table: pd.DataFrame) -> pd.Series:
        """The cells of one of our columns; text, empty where nothing stands."""
        source = self.sources[ours]
        return source.fill(table) if isinstance(source, Template) else table[source]


def header_key(name: str) -> str:
    """What `patient_id`, `PatientID`, `Patient ID` and `patient-id` have in common."""
    return re.sub(r"[\W_]+", "", composed(name).casefold())


def find_columns(table: pd.DataFrame, path: Path, mapped: Mapping[str, str]) -> Headers:
    """The columns that are understood, in the order of `COLUMNS`, and notes on what was taken for what.

    What `mapped` names comes first, then the column of our name, then the usual ones from the surest on. Raises
    MammoError naming the flag where a needed column is missing, or a path, label or patient may be either of two.
    """
    known: dict[str, list[str]] = {}
    for name in map(str, table):
        known.setdefault(header_key(REPEATED.sub("", name)), []).append(name)
    headers = Headers()
    for ours, theirs in mapped.items():
        if ours not in COLUMNS:
            raise MammoError(f"There is no column {ours!r} to map; choose one of: {', '.join(COLUMNS)}.")
        headers.sources[ours] = _mapped(ours, theirs, table, path)
    for ours in COLUMNS:
        if ours not in headers.sources and (usual := _usual(ours, known, table, headers)):
            headers.sources[ours] = usual
    _refuse_unnamed(headers, table, path)
    _leave_half_boxes(headers)
    _tell(headers, mapped)
    return headers


def _mapped(ours: str, theirs: str, table: pd.DataFrame, path: Path) -> str | Template:
    """The column that a user names, as it is written or nearly so, or the template."""
    if theirs in table:
        return theirs
    if is_template(theirs):
        return Template.of(theirs, [str(name) for name in table], path, files=ours in ("path", "mask"))
    alike = [str(name) for name in table if header_key(str(name)) == header_key(theirs)]
    if len(alike) == 1:
        return alike[0]
    raise MammoError(f"{path} has no column {theirs!r}; its columns are: {', '.join(map(str, table))}.")


def _usual(ours: str, known: Mapping[str, list[str]], table: pd.DataFrame, headers: Headers) -> str | None:
    """The column of our name or of another usual one; none where two that differ are equally sure."""
    taken = {headers.sources[side] for side in BOX if side in headers.sources}
    for names in ((ours,), *COLUMNS[ours].names):
        there = [name for key in names for name in known.get(key, []) if not (ours in BOX and name in taken)]
        exact = [name for name in there if REPEATED.sub("", name) == ours] or there
        if exact and all(table[name].equals(table[exact[0]]) for name in exact):
            return exact[0]
        if there and ours in (*NEEDED, "patient"):
            raise MammoError(f"The file has the columns {', '.join(there)}; say which it is with --column {ours}=NAME.")
        if there:
            headers.remarks.append(
                f"The {ours} may be {' or '.join(there)}: neither is taken; name one with --column {ours}=NAME."
            )
            return None
    return None


def _refuse_unnamed(headers: Headers, table: pd.DataFrame, path: Path) -> None:
    if missing := [ours for ours in NEEDED if ours not in headers.sources]:
        raise MammoError(
            f"{path} lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}; "
            f"name what stands for it with --column {missing[0]}=NAME (its columns are: {', '.join(map(str, table))})."
        )


def _leave_half_boxes(headers: Headers) -> None:
    """A box needs four columns; fewer are not taken for one."""
    there = [side for side in BOX if side in headers.sources]
    if there and len(there) < len(BOX):
        lacking = ", ".join(side for side in BOX if side not in there)
        headers.remarks.append(f"There are no boxes: of {', '.join(BOX)} the file lacks {lacking}.")
        for side in there:
            del headers.sources[side]


def _tell(headers: Headers, mapped: Mapping[str, str]) -> None:
    understood = [
        f"{source} as {ours}"
        for ours, source in headers.sources.items()
        if ours not in mapped and header_key(str(source)) != ours
    ]
    if understood:
        headers.remarks.append(f"Read from columns of other names: {', '.join(understood)}.")
    patient = headers.sources.get("patient")
    if "patient" not in mapped and isinstance(patient, str) and header_key(patient) in INSTEAD:
        headers.notes.append(
            f"The manifest names no patients: {patient} stands for them, and a woman with two of those counts twice."
        )
