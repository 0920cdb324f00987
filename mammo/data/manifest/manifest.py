"""A manifest: a user's mammograms as one table, with one row an image or one row a finding."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from mammo.data.files.frame_range import FrameRange
from mammo.data.manifest.agreement import merge_image_rows
from mammo.data.manifest.cells.label_words import LabelWords, read_labels
from mammo.data.manifest.cells.values import needed_values
from mammo.data.manifest.columns.headers import Headers, find_columns, header_key
from mammo.data.manifest.columns.templates import Template
from mammo.data.manifest.files.files import find_files
from mammo.data.manifest.files.globbed import expand_patterns, side_in_header
from mammo.data.manifest.findings import Findings, read_findings
from mammo.data.manifest.from_birads import labels_are_birads
from mammo.data.manifest.identities import similar_patients
from mammo.data.manifest.options import ManifestOptions
from mammo.data.manifest.table.table import TextTable, read_table
from mammo.data.manifest.unread import Unread
from mammo.errors import MammoError

WHOSE = re.compile(r"patient|woman|women|subject|person|client|participant|case|study|exam|accession|mrn|id$")
"""Matches the names of columns that may identify a patient."""
NO_PATIENTS = "The manifest names no patients: every file counts as a patient of its own."


@dataclass(frozen=True)
class Manifest:
    """A manifest as it was read: `rows` has one row a finding, `extra` names the columns that become subgroups.

    Paths in `rows` are relative to `root`; `absent` maps paths without a file to the reason. `columns` maps our columns
    to those of the file, `missing` counts their missing values, `quarantined` holds what is set aside with the reason,
    and `classes` names the two classes where they are not malignant and benign. `labels_from_birads` is true where the
    labels are the BI-RADS assessments themselves. `notes` are warnings that belong beside every result; they name no
    patient, so that they may be published with scores. `remarks` say how columns and cells were read and what is odd;
    they contain names and cells and stay with the data set.
    """

    path: Path
    root: Path
    rows: pd.DataFrame
    extra: list[str]
    notes: list[str]
    remarks: list[str] = field(default_factory=list)
    columns: dict[str, str] = field(default_factory=dict)
    missing: dict[str, int] = field(default_factory=dict)
    quarantined: list[list[str]] = field(default_factory=list)
    absent: dict[str, str] = field(default_factory=dict)
    classes: dict[str, str] | None = None
    labels_from_birads: bool = False


def read_manifest(
    path: Path,
    columns: Mapping[str, str] | None = None,
    positive: Iterable[str] = (),
    options: ManifestOptions | None = None,
) -> Manifest:
    """Read a manifest; `columns` and `positive` are added to those of `options`.

    An odd cell becomes missing; where it is a path, label or patient, its row is set aside. The header is row 1. Raises
    MammoError where the file is no table, a needed column is missing, or more than half of the rows are set aside.
    """
    options = options or ManifestOptions()
    options = replace(options, columns={**options.columns, **(columns or {})})
    options = replace(options, positive=(*options.positive, *positive))
    table, headers = _read_columns(path, options)
    unread = Unread(dict(table.aside))
    for row in table.aside:
        unread.items[row] = f"row {row}"
    listed = len(table.cells) + len(table.aside)
    rows, words = _read_needed(table.cells, headers, options, path, unread)
    unread.refuse_most(path, listed)
    cells = table.cells.loc[rows.index]
    findings = read_findings(rows, cells, headers, unread)
    from_birads = labels_are_birads(cells, findings.rows["birads"], headers)
    root = (options.root or path.parent).absolute()
    rows = findings.rows.assign(row=findings.rows.index).reset_index(drop=True)
    rows, absent, aside, paths = _find_files(rows, headers, root, options)
    rows = _with_ids(merge_image_rows(rows, unread).reset_index(drop=True))
    unread.refuse_most(path, listed)
    notes, remarks = _notes(rows, headers, findings.extra, words, unread)
    return Manifest(
        path=path,
        root=root,
        rows=rows,
        extra=findings.extra,
        notes=[*words.notes, *headers.notes, *notes],
        remarks=[*table.notes, *headers.remarks, *findings.notes, *paths, *unread.notes(), *remarks],
        columns=headers.columns,
        missing=dict(unread.missing),
        quarantined=[*unread.quarantined(), *aside, *_outside(rows, findings)],
        absent=absent,
        classes=words.classes,
        labels_from_birads=from_birads,
    )


def _read_columns(path: Path, options: ManifestOptions) -> tuple[TextTable, Headers]:
    """Read the table and find its columns; rows that repeat another row exactly are dropped and counted."""
    if not path.exists():
        raise MammoError(f"There is no manifest {path}; give a CSV file with the columns path and label.")
    if options.root is not None and not options.root.is_dir():
        raise MammoError(f"There is no folder {options.root}; --root names the one that the paths are relative to.")
    table = read_table(path, options.sheet, options.header)
    headers = find_columns(table.cells, path, options.columns)
    if table.cells.empty and not table.aside:
        raise MammoError(f"{path} lists no image.")
    twice = table.cells.duplicated()
    if twice.any():
        count = int(twice.sum())
        were = "1 row repeats another and counts" if count == 1 else f"{count} rows repeat others and count"
        table.notes.append(f"{were} once (row {twice.index[twice][0]}).")
        table = replace(table, cells=table.cells[~twice])
    return table, headers


def _read_needed(
    cells: pd.DataFrame, headers: Headers, options: ManifestOptions, path: Path, unread: Unread
) -> tuple[pd.DataFrame, LabelWords]:
    """Return path, pathology and patient of all rows that have them, and the label words; other rows are set aside."""
    paths = headers.cells("path", cells)
    unread.items.update({int(row): name for row, name in zip(paths.index, paths.tolist(), strict=True) if name})
    rows = pd.DataFrame({"path": needed_values(paths, "path", unread)}, index=cells.index)
    labels = headers.cells("label", cells)
    words = read_labels(Counter(labels.tolist()), str(labels.name), options, str(path))
    rows["pathology"] = [words.pathology.get(label) for label in labels.tolist()]
    for row, label in zip(labels.index, labels.tolist(), strict=True):
        if label in words.refused:
            unread.set_aside([row], words.refused[label])
            unread.chosen |= {int(row)} if label in words.dropped else set()
    if "patient" in headers.sources:
        rows["patient"] = needed_values(headers.cells("patient", cells), "patient", unread)
    else:
        rows["patient"] = None
    return rows[~rows.index.isin(list(unread.aside))], words


def _find_files(
    rows: pd.DataFrame, headers: Headers, root: Path, options: ManifestOptions
) -> tuple[pd.DataFrame, dict[str, str], list[list[str]], list[str]]:
    """Return the rows with the paths of their files, the absent files, the files that are set aside, and notes."""
    source = headers.sources["path"]
    absent: dict[str, str] = {}
    aside: list[list[str]] = []
    notes: list[str] = []
    if isinstance(source, Template) and source.wild:
        rows, absent, aside, notes = expand_patterns(rows, root, side_in_header)
    names = pd.unique(pd.concat([rows["path"], rows["mask"].dropna()]))
    files = find_files([str(name) for name in names if name not in absent], root, options.root is not None)
    for name in ("path", "mask"):
        rows[name] = rows[name].map(lambda file: files.paths.get(file, file), na_action="ignore").astype(object)
    return rows, {**absent, **files.absent}, aside, [*notes, *files.notes]


def _outside(rows: pd.DataFrame, findings: Findings) -> list[list[str]]:
    """The findings whose box lies outside their image, with the reason."""
    listed = rows.loc[rows["row"].isin(list(findings.outside)), ["lesion", "row"]].to_numpy().tolist()
    return [[lesion, f"row {row}: {findings.outside[row]}"] for lesion, row in listed]


def _with_ids(rows: pd.DataFrame) -> pd.DataFrame:
    """Add the ids: the image is its path (and frames), its findings are numbered.

    Frames of one file belong to one patient and one film unless the manifest names others.
    """
    frames = rows["frame"].map(lambda cell: FrameRange.parse(cell).suffix).astype(object)
    image = rows["path"] + frames
    number = rows.groupby(image).cumcount() + 1
    label = np.where(rows["pathology"] == "MALIGNANT", "malignant", "benign")
    return rows.assign(
        image=image,
        lesion=image + "_" + number.astype(str).astype(object),
        number=number,
        label=label,
        patient=rows["patient"].fillna(rows["path"]),
        film=rows["film"].fillna(rows["path"]),
    )


def _notes(
    rows: pd.DataFrame, headers: Headers, extra: list[str], words: LabelWords, unread: Unread
) -> tuple[list[str], list[str]]:
    """Notes and remarks on patients, and on benign images with a finding whose label is not known."""
    notes: list[str] = []
    remarks: list[str] = []
    if "patient" in headers.sources:
        notes, remarks = similar_patients(rows["patient"].unique())
    else:
        notes.append(NO_PATIENTS)
        if likely := [name for name in extra if WHOSE.search(header_key(name))]:
            notes.append(f"Does {' or '.join(likely)} tell whose image it is? Then name it: --column patient=NAME.")
    unlabelled = {unread.items[row] for row, why in unread.aside.items() if why in set(words.refused.values())}
    benign = rows.loc[(rows["label"] == "benign") & rows["path"].isin(list(unlabelled)), "path"]
    if len(benign):
        is_one = benign.nunique() == 1
        images = "1 image counts" if is_one else f"{benign.nunique()} images count"
        rows_of = "its rows" if is_one else "their rows"
        notes.append(f"{images} as benign by some of {rows_of}, while the label of another row is not known.")
        remarks.append(f"Benign by a row, while the label of another row is not known: {benign.iloc[0]}.")
    return notes, remarks
