"""A manifest: anybody's mammograms as one CSV, one row an image or one row a finding."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from mammo.data.casecsv import PATHOLOGIES
from mammo.data.columns import BOX, COLUMNS, NEEDED, NUMBERS
from mammo.errors import MammoError

SEPARATORS = ",;\t"
MALIGNANT = {"malignant", "m", "malign", "cancer", "positive", "pos", "1", "true", "yes"}
BENIGN = {"benign", "b", "normal", "n", "healthy", "no cancer", "negative", "neg", "0", "false", "no"}
"""What a label says by itself; other words need `--positive`."""
OF_IMAGE = ("patient", "breast", "view", "film", "split")
"""What must agree in all rows of one image."""
OURS = {"image", "lesion", "pathology", "conflict", "lesions", "number", "parent", "crop", "row"}
OURS |= {"file", "rows", "columns", "bytes", "modified", "digest", "hash"}
"""Names that the index uses itself; a manifest's column of such a name gets `_given` behind it."""


@dataclass(frozen=True)
class Manifest:
    """A manifest as it was read: `rows` has one row a finding, `extra` names the columns taken along as subgroups."""

    path: Path
    rows: pd.DataFrame
    extra: list[str]
    notes: list[str]


def read_manifest(path: Path, columns: Mapping[str, str] | None = None, positive: Iterable[str] = ()) -> Manifest:
    """Read a manifest; `columns` maps our names to the file's, `positive` names the labels that mean malignant.

    Raises MammoError naming file, row and column of what cannot be understood; the header is row 1.
    """
    raw = _raw(path)
    named = _renamed(raw, path, dict(columns or {}))
    raw = raw.rename(columns={theirs: ours for ours, theirs in named.items()})
    notes: list[str] = []
    rows = pd.DataFrame({name: _parsed(raw, name, named, path) for name in COLUMNS if name in raw})
    rows["pathology"] = _pathologies(raw["label"], set(positive), path, named["label"])
    if "patient" not in raw:
        notes.append("The manifest names no patients: every image counts as a patient of its own.")
    for name, column in COLUMNS.items():
        if name not in rows:
            rows[name] = column.missing
    rows = rows.astype(dict.fromkeys(NUMBERS, "Int64"))
    _refuse_half_boxes(rows, path)
    extra = [str(name) for name in raw if name not in COLUMNS]
    kept = {name: f"{name}_given" if name in OURS else name for name in extra}
    rows = pd.concat([rows.assign(row=rows.index), raw[extra].rename(columns=kept)], axis=1)
    _refuse_contradictions(rows, path)
    return Manifest(path, _with_ids(rows.reset_index(drop=True)), list(kept.values()), notes)


def _raw(path: Path) -> pd.DataFrame:
    """The manifest's cells as stripped text; the first line tells which of `SEPARATORS` stands between them."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            first = stream.readline()
            stream.seek(0)
            lines = list(csv.reader(stream, delimiter=max(SEPARATORS, key=first.count)))
    except FileNotFoundError:
        raise MammoError(f"There is no manifest {path}.") from None
    except (OSError, ValueError, csv.Error) as error:
        raise MammoError(f"{path} cannot be read as CSV: {error}.") from None
    header = [name.strip() for name in lines[0]] if lines else []
    if twice := [name for name in header if header.count(name) > 1]:
        raise MammoError(f"{path} has two columns named {twice[0]!r}; rename one of them.")
    cells = [(place, line) for place, line in enumerate(lines[1:], start=2) if any(map(str.strip, line))]
    if not cells:
        raise MammoError(f"{path} lists no image.")
    for place, line in cells:
        if len(line) > len(header):
            raise MammoError(f"{path}, row {place}: it has {len(line)} cells, the header has {len(header)}.")
    stripped = [[cell.strip() for cell in line] + [""] * (len(header) - len(line)) for _, line in cells]
    return pd.DataFrame(stripped, columns=header, index=[place for place, _ in cells], dtype=str)


def _renamed(raw: pd.DataFrame, path: Path, columns: dict[str, str]) -> dict[str, str]:
    """The file's name of each of our columns that is there; names are matched in lower case unless mapped."""
    there = {str(name).lower(): str(name) for name in raw}
    named = {name: there[name] for name in COLUMNS if name in there}
    for ours, theirs in columns.items():
        if ours not in COLUMNS:
            raise MammoError(f"There is no column {ours!r} to map; choose one of: {', '.join(COLUMNS)}.")
        if theirs not in raw:
            raise MammoError(f"{path} has no column {theirs!r}; its columns are: {', '.join(map(str, raw))}.")
        named[ours] = theirs
    if missing := [name for name in NEEDED if name not in named]:
        raise MammoError(
            f"{path} lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}; "
            f"name what stands for it with --column {missing[0]}=NAME (its columns are: {', '.join(map(str, raw))})."
        )
    return named


def _parsed(raw: pd.DataFrame, name: str, named: Mapping[str, str], path: Path) -> pd.Series:
    column, values = COLUMNS[name], []
    for place, cell in raw[name].items():
        if cell:
            try:
                values.append(column.parse(cell))
            except ValueError as error:
                raise MammoError(f"{path}, row {place}: the {named[name]} {cell!r} {error}.") from None
        elif name in NEEDED or name == "patient":
            raise MammoError(f"{path}, row {place}: the {named[name]} must not be empty.")
        else:
            values.append(column.missing)
    return pd.Series(values, index=raw.index, dtype=object)


def _pathologies(labels: pd.Series, positive: set[str], path: Path, column: str) -> pd.Series:
    """MALIGNANT, BENIGN or BENIGN_WITHOUT_CALLBACK by the words of a label, or by the labels named positive."""
    if unknown := positive - set(labels):
        known = ", ".join(sorted(set(labels))[:12])
        raise MammoError(f"No row of {path} has the {column} {sorted(unknown)[0]!r}; its labels are: {known}.")
    if positive:
        return labels.map(lambda label: "MALIGNANT" if label in positive else "BENIGN")
    plain = labels.str.lower().str.replace("_", " ")
    words = {word.lower().replace("_", " "): word for word in PATHOLOGIES}
    words |= dict.fromkeys(MALIGNANT, "MALIGNANT") | dict.fromkeys(BENIGN, "BENIGN")
    told = plain.map(words)
    if told.isna().any():
        place = _first(told.isna())
        raise MammoError(
            f"{path}, row {place}: the {column} {labels[place]!r} does not say whether it is malignant; "
            "name the labels that are with --positive."
        )
    return told


def _refuse_half_boxes(rows: pd.DataFrame, path: Path) -> None:
    given = rows[list(BOX)].notna()
    half = given.any(axis=1) & ~given.all(axis=1)
    if half.any():
        place = _first(half)
        lacking = next(name for name in BOX if not given.loc[place, name])
        raise MammoError(f"{path}, row {place}: the {lacking} is missing; a box needs {', '.join(BOX)}.")
    flat = given.all(axis=1) & ~((rows["xmin"] < rows["xmax"]) & (rows["ymin"] < rows["ymax"])).fillna(True)
    if flat.any():
        place = _first(flat)
        raise MammoError(f"{path}, row {place}: the box is empty; xmin < xmax and ymin < ymax are needed.")


def _refuse_contradictions(rows: pd.DataFrame, path: Path) -> None:
    """Rows of one image must agree on what belongs to the image."""
    first = rows.groupby(["path", "frame"])[[*OF_IMAGE, "row"]].transform("first")
    for name in OF_IMAGE:
        differs = rows[name].fillna("") != first[name].fillna("")
        if differs.any():
            place = _first(differs)
            raise MammoError(
                f"{path}, row {place}: the {name} {rows.loc[place, name]!r} is not that of the same image in "
                f"row {first['row'][place]}, {first[name][place]!r}."
            )


def _first(wrong: pd.Series) -> int:
    """The row of the CSV where a mark stands first."""
    return int(wrong.index[wrong][0])


def _with_ids(rows: pd.DataFrame) -> pd.DataFrame:
    """Add the ids: the image is its path (and frame), its findings are numbered."""
    frame = rows["frame"].map(lambda number: f"#{number}" if number else "")
    image = rows["path"] + frame
    number = rows.groupby(image).cumcount() + 1
    label = rows["pathology"].map(lambda value: "malignant" if value == "MALIGNANT" else "benign")
    return rows.assign(
        image=image,
        lesion=image + "_" + number.astype(str),
        number=number,
        label=label,
        patient=rows["patient"].fillna(image),
        film=rows["film"].fillna(image),
    )
