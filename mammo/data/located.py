"""The files of a download of CBIS-DDSM and the case that each belongs to, whichever way they were downloaded."""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import pandas as pd

from mammo.errors import MammoError

COLLECTION = "CBIS-DDSM"
SUFFIXES = {".dcm": "DICOM", ".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG"}
LISTED_JPEGS = "dicom_info.csv"
LAYOUTS = {"case": "folders named by case", "series": "folders named by series", "listed": LISTED_JPEGS}
"""How a file told its case: by a folder's name, by a series' UID in its path or header, by the list of JPEG files."""
PATHS = ("image_path", "crop_path", "mask_path")


@dataclass
class Located:
    """The files under a root, relative to it; `case` names the folder of the collection each belongs to.

    `closed` holds the folders that could not be opened, each with the reason.
    """

    files: list[str]
    case: dict[str, str]
    series: dict[str, str]
    ways: Counter[str] = field(default_factory=Counter)
    closed: list[list[str]] = field(default_factory=list)

    def settle(self, file: str, series: str) -> bool:
        """Give a file that its path did not place to the case of the series in its DICOM header; whether it did."""
        if file in self.case or series not in self.series:
            return False
        self.case[file] = self.series[series]
        self.ways["series"] += 1
        return True

    @property
    def source(self) -> str:
        """The layout in words, as most files have it."""
        told = LAYOUTS[self.ways.most_common(1)[0][0]] if self.ways else "no file placed"
        kinds = Counter(SUFFIXES[PurePosixPath(file).suffix.lower()] for file in self.files)
        return f"{COLLECTION}, {kinds.most_common(1)[0][0]} files, {told}"


def locate_files(root: Path, lesions: pd.DataFrame, apart: Path | None = None, tables: Iterable[Path] = ()) -> Located:
    """Find every image file under `root` and its case, by the rows of the case CSVs.

    A file belongs to the case or series that its path names, whatever else the path says; a JPEG file also to
    the series that `dicom_info.csv` lists it under, in one of the folders `tables` or `root`. The folder `apart` is
    passed over. Raises MammoError where
    the root is missing, holds no image file, or a name is not UTF-8.
    """
    if not root.is_dir():
        raise MammoError(f"There is no folder {root}; give the folder into which {COLLECTION} was downloaded.")
    files, closed = _image_files(root, apart)
    if not files:
        raise MammoError(
            f"{root} holds no image file ({', '.join(SUFFIXES)}); give the folder into which {COLLECTION} was "
            "downloaded, or add --metadata-only to index the case CSVs alone."
        )
    cases, series = set(lesions["image"]) | set(lesions["lesion"]), series_of(lesions)
    located = Located(files, {}, series, closed=closed)
    listed = _listed_jpegs([*tables, root / "csv", root])
    for file in files:
        if found := _placed(file, cases, series, listed):
            located.case[file], way = found
            located.ways[way] += 1
    return located


def series_of(lesions: pd.DataFrame) -> dict[str, str]:
    """The case folder of every series UID that the case CSVs name in their paths: folder/study/series/file."""
    series = {}
    for column in PATHS:
        for path in lesions[column]:
            parts = path.split("/")
            if len(parts) > 2:
                series[parts[2]] = parts[0]
    return series


def _image_files(root: Path, apart: Path | None) -> tuple[list[str], list[list[str]]]:
    """The image files under a root, and the folders that could not be opened.

    Linked folders are followed, each folder once, but for links that lead back above the root.
    """
    files: list[str] = []
    closed: list[OSError] = []
    above = {str(folder) for folder in root.resolve().parents}
    passed = above | ({str(apart.resolve())} if apart else set())
    for folder, folders, names in os.walk(root, onerror=closed.append, followlinks=True):
        folders.sort()
        real = os.path.realpath(folder)
        if real in passed:
            folders.clear()
            continue
        passed.add(real)
        for name in names:
            if PurePosixPath(name).suffix.lower() in SUFFIXES:
                path = Path(folder) / name
                _refuse_unspeakable(path)
                files.append(path.relative_to(root).as_posix())
    return sorted(files), [[os.path.relpath(error.filename, root), error.strerror or str(error)] for error in closed]


def _refuse_unspeakable(path: Path) -> None:
    """Raise MammoError where a file's name is no UTF-8: an index could not hold it."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise MammoError(f"The name of the file {str(path)!a} is not UTF-8; rename it.") from None


def _placed(
    file: str, cases: set[str], series: dict[str, str], listed: dict[str, tuple[str, str]]
) -> tuple[str, str] | None:
    """The case of a file and the way it was told; None where neither its path nor a list tells."""
    path = PurePosixPath(file)
    parts = [path.stem, *reversed(path.parts[:-1])]
    if told := next((part for part in parts if part in cases), None):
        return told, "case"
    if listed and (row := listed.get("/".join(path.parts[-2:]))):
        told = series.get(row[0]) or (row[1] if row[1] in cases else None)
        if told:
            return told, "listed"
    told = next((part for part in parts if part in series), None)
    return (series[told], "series") if told else None


def _listed_jpegs(places: Iterable[Path]) -> dict[str, tuple[str, str]]:
    """Series and patient id by the last folder and the name of a JPEG file, from `dicom_info.csv` if it is there."""
    path = next((place / LISTED_JPEGS for place in places if (place / LISTED_JPEGS).is_file()), None)
    if path is None:
        return {}
    listed = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            for row in csv.DictReader(stream):
                place = "/".join(PurePosixPath((row.get("image_path") or "").strip()).parts[-2:])
                listed[place] = (row.get("SeriesInstanceUID") or "").strip(), (row.get("PatientID") or "").strip()
    except (OSError, ValueError, csv.Error) as error:
        raise MammoError(f"{path} cannot be read as CSV: {error}.") from None
    return listed
