"""The files of a download of CBIS-DDSM and the case that each belongs to, whichever way they were downloaded."""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import pandas as pd

from mammo.data.collections.cbis_ddsm.case_names import CaseNames
from mammo.data.collections.cbis_ddsm.case_tables import Cases
from mammo.errors import MammoError

COLLECTION = "CBIS-DDSM"
ATTRIBUTION = (
    "Sawyer-Lee R., Gimenez F., Hoogi A., Rubin D. (2016), Curated Breast Imaging Subset of Digital Database for "
    "Screening Mammography (CBIS-DDSM), The Cancer Imaging Archive, doi 10.7937/K9/TCIA.2016.7O02S9CY, CC BY 3.0"
)
"""How the collection wants to be named wherever something of it is passed on."""
SUFFIXES = {".dcm": "DICOM", ".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".dicom": "DICOM"}
SUFFIXES |= {".tif": "TIFF", ".tiff": "TIFF"}
HEADS = {(128, b"DICM"): "DICOM", (0, b"\xff\xd8\xff"): "JPEG", (0, b"\x89PNG"): "PNG"}
"""What stands at which place in a file without an ending, and what such a file is."""
LISTED_JPEGS = "dicom_info.csv"
LAYOUTS = {
    "case": "folders named by case",
    "name": "files named by case",
    "series": "folders named by series",
    "listed": LISTED_JPEGS,
}
"""How a file told its case: by a folder's name or its own, by a series' UID in its path or header, by the list of
JPEG files."""
PATHS = ("image_path", "crop_path", "mask_path")


@dataclass
class Located:
    """The files under a root, relative to it; `case` names the folder of the collection each belongs to.

    `kinds` says what the files without an ending are. `closed` holds the folders that could not be opened and the
    rows of the case CSVs that are set aside, each with the reason; `notes` and `missing` are those of the CSVs.
    """

    files: list[str]
    case: dict[str, str]
    series: dict[str, str]
    ways: Counter[str] = field(default_factory=Counter)
    closed: list[list[str]] = field(default_factory=list)
    kinds: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    missing: dict[str, int] = field(default_factory=dict)

    def settle(self, file: str, series: str) -> bool:
        """Give a file that its path did not place to the case of the series in its DICOM header; whether it did."""
        if file in self.case or series not in self.series:
            return False
        self.case[file] = self.series[series]
        self.ways["series"] += 1
        return True

    def kind(self, file: str) -> str:
        """What a file is by its ending, or without one by how it begins."""
        return self.kinds.get(file) or SUFFIXES.get(PurePosixPath(file).suffix.lower(), "DICOM")

    def may_be_dicom(self, file: str) -> bool:
        """Whether a file's header may name its series."""
        return self.kind(file) == "DICOM"

    @property
    def source(self) -> str:
        """The layout in words, as most files have it."""
        told = LAYOUTS[self.ways.most_common(1)[0][0]] if self.ways else "no file placed"
        kinds = Counter(self.kind(file) for file in self.files)
        return f"{COLLECTION}, {kinds.most_common(1)[0][0]} files, {told}"


def locate_files(root: Path, cases: Cases, apart: Path | None = None, tables: Iterable[Path] = ()) -> Located:
    """Find every image file under `root` and its case, by the rows of the case CSVs.

    A file belongs to the case or series that its path names, whatever else the path says; a JPEG file also to
    the series that `dicom_info.csv` lists it under, in one of the folders `tables` or `root`. The folder `apart` is
    passed over, and so are files of cases whose CSV is not there. Raises MammoError where the root is missing, holds
    no image file, or a name is not UTF-8.
    """
    if not root.is_dir():
        raise MammoError(f"There is no folder {root}; give the folder into which {COLLECTION} was downloaded.")
    kinds, closed = _image_files(root, apart)
    if not kinds:
        raise MammoError(
            f"{root} holds no image file ({', '.join(SUFFIXES)}); give the folder into which {COLLECTION} was "
            "downloaded, or add --metadata-only to index the case CSVs alone."
        )
    names, series = CaseNames(cases.lesions), series_of(cases.lesions)
    listed = _listed_jpegs([*tables, root / "csv", root])
    located = Located([], {}, series, closed=closed + cases.aside, notes=[*cases.notes], missing=cases.missing)
    passed_over = 0
    for file, kind in kinds.items():
        found = _placed(file, names, series, listed)
        if found is None and _is_of(file, cases.absent):
            passed_over += 1
            continue
        located.files.append(file)
        located.kinds |= {} if PurePosixPath(file).suffix.lower() in SUFFIXES else {file: kind}
        if found:
            located.case[file], way = found
            located.ways[way] += 1
    if passed_over:
        located.notes.append(f"{passed_over} files of cases whose CSV is missing were passed over.")
    return located


def _is_of(file: str, beginnings: tuple[str, ...]) -> bool:
    """Whether a part of a path begins as the cases of a CSV do."""
    return any(part.startswith(beginnings) for part in PurePosixPath(file).parts) if beginnings else False


def series_of(lesions: pd.DataFrame) -> dict[str, str]:
    """The case folder of every series UID that the case CSVs name in their paths: folder/study/series/file."""
    series = {}
    for column in PATHS:
        for path in lesions[column]:
            parts = path.split("/")
            if len(parts) > 2:
                series[parts[2]] = parts[0]
    return series


def _image_files(root: Path, apart: Path | None) -> tuple[dict[str, str], list[list[str]]]:
    """The image files under a root with what they are, sorted, and the folders that could not be opened.

    Linked folders are followed, each folder once, but for links that lead back above the root.
    """
    files: dict[str, str] = {}
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
            path = Path(folder) / name
            if kind := _kind(path):
                _refuse_unspeakable(path)
                files[path.relative_to(root).as_posix()] = kind
    return (
        dict(sorted(files.items())),
        [[os.path.relpath(error.filename, root), error.strerror or str(error)] for error in closed],
    )


def _kind(path: Path) -> str:
    """What an image file is by its ending, or without one by how it begins; empty where it is no image."""
    suffix = path.suffix.lower()
    if suffix in SUFFIXES or (suffix and not suffix[1:].isdecimal()):
        return SUFFIXES.get(suffix, "")
    try:
        with path.open("rb") as stream:
            head = stream.read(132)
    except OSError:
        return ""
    return next((kind for (place, mark), kind in HEADS.items() if head[place:].startswith(mark)), "")


def _refuse_unspeakable(path: Path) -> None:
    """Raise MammoError where a file's name is no UTF-8: an index could not hold it."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise MammoError(f"The name of the file {str(path)!a} is not UTF-8; rename it.") from None


def _placed(
    file: str, names: CaseNames, series: dict[str, str], listed: dict[str, tuple[str, str]]
) -> tuple[str, str] | None:
    """The case of a file and the way it was told; None where neither its path nor a list tells."""
    path = PurePosixPath(file)
    own = path.name.removesuffix(path.suffix) if path.suffix.lower() in SUFFIXES else path.name
    parts = [own, *reversed(path.parts[:-1])]
    if told := next((part for part in parts if part in names.cases), None):
        return told, "case"
    if told := names.in_file_name(own):
        return told, "name"
    if listed and (row := listed.get("/".join(path.parts[-2:]))):
        told = series.get(row[0]) or (row[1] if row[1] in names.cases else None)
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
