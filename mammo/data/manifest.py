"""A manifest: anybody's mammograms as one CSV, one row an image or one row a finding."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from mammo.data.casecsv import PATHOLOGIES
from mammo.data.cells import read_cells
from mammo.data.columns import BOX, COLUMNS, NEEDED, NUMBERS
from mammo.data.dataset import FILE
from mammo.data.frame_range import FrameRange
from mammo.errors import MammoError

NO_PATIENTS = "The manifest names no patients: every image counts as a patient of its own."
MALIGNANT = {"malignant", "m", "malign", "cancer", "positive", "pos", "1", "1.0", "true", "yes"}
BENIGN = {"benign", "b", "normal", "n", "healthy", "no cancer", "negative", "neg", "0", "0.0", "false", "no"}
"""What a label says by itself; other words need `--positive`."""
OF_IMAGE = ("patient", "breast", "view", "film", "split")
"""What must agree in all rows of one image."""
OURS = {"image", "lesion", "pathology", "conflict", "lesions", "number", "parent", "crop", "row"}
OURS |= {*FILE, *(f"crop_{name}" for name in FILE), "image_path", "crop_path", "mask_path"}
"""Names that the index uses itself; a manifest's column of such a name gets `_given` behind it."""


@dataclass(frozen=True)
class Manifest:
    """A manifest as it was read: `rows` has one row a finding, `extra` names the columns taken along as subgroups.

    `columns` names those of our columns that the file has.
    """

    path: Path
    rows: pd.DataFrame
    extra: list[str]
    notes: list[str]
    columns: Mapping[str, str]


def read_manifest(path: Path, columns: Mapping[str, str] | None = None, positive: Iterable[str] = ()) -> Manifest:
    """Read a manifest; `columns` maps our names to the file's, `positive` names the labels that mean malignant.

    Raises MammoError naming file, row and column of what cannot be understood; the header is row 1.
    """
    if not path.exists():
        raise MammoError(f"There is no manifest {path}; give a CSV file with the columns path and label.")
    raw = read_cells(path)
    if raw.empty:
        raise MammoError(f"{path} lists no image.")
    named = _renamed(raw, path, dict(columns or {}))
    notes: list[str] = []
    rows = pd.DataFrame({name: _parsed(raw[named[name]], name, path) for name in COLUMNS if name in named})
    rows["pathology"] = _pathologies(raw[named["label"]], set(positive), path)
    if "patient" not in named:
        notes.append(NO_PATIENTS)
    for name, column in COLUMNS.items():
        if name not in rows:
            rows[name] = column.missing
    rows = rows.astype(dict.fromkeys(NUMBERS, "Int64"))
    _refuse_half_boxes(rows, path)
    kept = _kept(raw, named)
    rows = pd.concat([rows.assign(row=rows.index), raw[list(kept)].rename(columns=kept)], axis=1)
    for name in ("path", "mask"):
        rows[name] = rows[name].map(lambda file: _slashed(file, path.parent), na_action="ignore")
    _refuse_contradictions(rows, path)
    return Manifest(path, _with_ids(rows.reset_index(drop=True)), list(kept.values()), notes, named)


def _renamed(raw: pd.DataFrame, path: Path, columns: dict[str, str]) -> dict[str, str]:
    """The file's name of each of our columns that is there; names are matched in lower case unless mapped."""
    there: dict[str, list[str]] = {}
    for name in raw:
        there.setdefault(str(name).lower(), []).append(str(name))
    named = {name: name if name in there[name] else there[name][0] for name in COLUMNS if name in there}
    for ours, theirs in columns.items():
        if ours not in COLUMNS:
            raise MammoError(f"There is no column {ours!r} to map; choose one of: {', '.join(COLUMNS)}.")
        if theirs not in raw:
            raise MammoError(f"{path} has no column {theirs!r}; its columns are: {', '.join(map(str, raw))}.")
        named[ours] = theirs
    for ours in named:
        if ours not in columns and len(alike := there[ours]) > 1:
            raise MammoError(f"{path} has the columns {', '.join(alike)}; say which it is with --column {ours}=NAME.")
    if missing := [name for name in NEEDED if name not in named]:
        raise MammoError(
            f"{path} lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}; "
            f"name what stands for it with --column {missing[0]}=NAME (its columns are: {', '.join(map(str, raw))})."
        )
    return named


def _kept(raw: pd.DataFrame, named: Mapping[str, str]) -> dict[str, str]:
    """The columns that are taken along as subgroups, and their names in the index."""
    taken, kept = {*COLUMNS, *OURS}, {}
    for theirs in map(str, raw):
        if theirs not in named.values():
            ours = theirs
            while ours in taken:
                ours += "_given"
            kept[theirs] = ours
            taken.add(ours)
    return kept


def _slashed(file: str, folder: Path) -> str:
    """A file's name as this system writes it, where it was written under Windows; one that is there stays."""
    return file if "\\" not in file or os.path.lexists(folder / file) else file.replace("\\", "/")


def _parsed(cells: pd.Series, name: str, path: Path) -> pd.Series:
    column, values = COLUMNS[name], []
    for place, cell in cells.items():
        if cell:
            try:
                values.append(column.parse(cell))
            except ValueError as error:
                raise MammoError(f"{path}, row {place}: the {cells.name} {cell!r} {error}.") from None
        elif name in NEEDED or name == "patient":
            raise MammoError(f"{path}, row {place}: the {cells.name} must not be empty.")
        else:
            values.append(column.missing)
    return pd.Series(values, index=cells.index, dtype=object)


def _pathologies(labels: pd.Series, positive: set[str], path: Path) -> pd.Series:
    """MALIGNANT, BENIGN or BENIGN_WITHOUT_CALLBACK by the words of a label, or by the labels named positive."""
    if unknown := positive - set(labels):
        known = ", ".join(sorted(set(labels))[:12])
        raise MammoError(f"No row of {path} has the {labels.name} {sorted(unknown)[0]!r}; its labels are: {known}.")
    if positive:
        return labels.map(lambda label: "MALIGNANT" if label in positive else "BENIGN")
    plain = labels.str.lower().str.replace("_", " ")
    words = {word.lower().replace("_", " "): word for word in PATHOLOGIES}
    words |= dict.fromkeys(MALIGNANT, "MALIGNANT") | dict.fromkeys(BENIGN, "BENIGN")
    told = plain.map(words)
    if told.isna().any():
        place = _first(told.isna())
        raise MammoError(
            f"{path}, row {place}: the {labels.name} {labels[place]!r} does not say whether it is malignant; "
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
    """Add the ids: the image is its path (and frames), its findings are numbered.

    Frames of one file are one patient and one film unless the manifest says otherwise.
    """
    image = rows["path"] + rows["frame"].map(lambda frames: FrameRange.parse(frames).suffix)
    number = rows.groupby(image).cumcount() + 1
    label = rows["pathology"].map(lambda value: "malignant" if value == "MALIGNANT" else "benign")
    return rows.assign(
        image=image,
        lesion=image + "_" + number.astype(str),
        number=number,
        label=label,
        patient=rows["patient"].fillna(rows["path"]),
        film=rows["film"].fillna(rows["path"]),
    )
