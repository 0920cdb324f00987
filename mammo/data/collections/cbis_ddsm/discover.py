"""The files of a download of CBIS-DDSM, in any of its layouts, and the case of each file."""

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
"""The attribution that the collection asks for wherever a part of it is published."""
SUFFIXES = {".dcm": "DICOM", ".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".dicom": "DICOM"}
SUFFIXES |= {".tif": "TIFF", ".tiff": "TIFF"}
HEADS = {(128, b"DICM"): "DICOM", (0, b"\xff\xd8\xff"): "JPEG", (0, b"\x89PNG"): "PNG"}
"""Maps offset and bytes in a file without an ending to the kind of the file."""
LISTED_JPEGS = "dicom_info.csv"
LAYOUTS = {
    "case": "folders named by case",
    "name": "files named by case",
    "series": "folders named by series",
    "listed": LISTED_JPEGS,
}
"""How the case of a file is found: by a folder's name, its own name, a series UID in its path or header, or the list of
JPEG files."""
PATHS = ("image_path", "crop_path", "mask_path")


@dataclass
class DiscoveredFiles:
    """The image files under a root, relative to it; `case` maps a file to its case folder of the collection.

    `series` maps series UIDs to case folders, `layouts` counts how cases were found, and `kinds` holds the kind of
    files without an ending. `closed` lists the folders that could not be opened and the rows of the case CSVs that are
    set aside, each with the reason; `notes` and `missing` are those of the CSVs.
    """

    files: list[str]
    case: dict[str, str]
    series: dict[str, str]
    layouts: Counter[str] = field(default_factory=Counter)
    closed: list[list[str]] = field(default_factory=list)
    kinds: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    missing: dict[str, int] = field(default_factory=dict)

    def assign_by_series(self, file: str, series: str) -> bool:
        """Assign a file without a case to the case of the series in its DICOM header; returns whether it did."""
        if file in self.case or series not in self.series:
            return False
        self.case[file] = self.series[series]
        self.layouts["series"] += 1
        return True

    def kind(self, file: str) -> str:
        """The kind of a file, by its ending, or without one by its first bytes."""
        return self.kinds.get(file) or SUFFIXES.get(PurePosixPath(file).suffix.lower(), "DICOM")

    def may_be_dicom(self, file: str) -> bool:
        """Whether a file's header may name its series."""
        return self.kind(file) == "DICOM"

    @property
    def source(self) -> str:
        """The layout of most files, in words."""
        layout = LAYOUTS[self.layouts.most_common(1)[0][0]] if self.layouts else "no file placed"
        kinds = Counter(self.kind(file) for file in self.files)
        return f"{COLLECTION}, {kinds.most_common(1)[0][0]} files, {layout}"


def discover_files(
    root: Path, cases: Cases, excluded: Path | None = None, tables: Iterable[Path] = ()
) -> DiscoveredFiles:
    """Find every image file under `root` and its case, by the rows of the case CSVs.

    A file belongs to the case or series that its path names; a JPEG file may also belong to the series under which
    `dicom_info.csv` (in one of the folders `tables`, or in `root`) lists it. The folder `excluded` is skipped, and so
    are files of cases whose CSV is missing. Raises MammoError where the root is missing, holds no image file, or a name
    is not UTF-8.
    """
    if not root.is_dir():
        raise MammoError(f"There is no folder {root}; give the folder into which {COLLECTION} was downloaded.")
    kinds, closed = _image_files(root, excluded)
    if not kinds:
        raise MammoError(
            f"{root} holds no image file ({', '.join(SUFFIXES)}); give the folder into which {COLLECTION} was "
            "downloaded, or add --metadata-only to index the case CSVs alone."
        )
    names, series = CaseNames(cases.lesions), series_of(cases.lesions)
    listed = _listed_jpegs([*tables, root / "csv", root])
    discovered = DiscoveredFiles(
        [], {}, series, closed=closed + cases.aside, notes=[*cases.notes], missing=cases.missing
    )
    skipped = 0
    for file, kind in kinds.items():
        match = _find_case(file, names, series, listed)
        if match is None and _is_of(file, cases.absent):
            skipped += 1
            continue
        discovered.files.append(file)
        discovered.kinds |= {} if PurePosixPath(file).suffix.lower() in SUFFIXES else {file: kind}
        if match:
            discovered.case[file], layout = match
            discovered.layouts[layout] += 1
    if skipped:
        discovered.notes.append(f"{skipped} files of cases whose CSV is missing were passed over.")
    return discovered


def _is_of(file: str, beginnings: tuple[str, ...]) -> bool:
    """Whether a part of a path begins with one of `beginnings`."""
    return any(part.startswith(beginnings) for part in PurePosixPath(file).parts) if beginnings else False


def series_of(lesions: pd.DataFrame) -> dict[str, str]:
    """Map every series UID in the paths of the case CSVs (folder/study/series/file) to its case folder."""
    series = {}
    for column in PATHS:
        for path in lesions[column]:
            parts = path.split("/")
            if len(parts) > 2:
                series[parts[2]] = parts[0]
    return series


def _image_files(root: Path, excluded: Path | None) -> tuple[dict[str, str], list[list[str]]]:
    """Return the image files under a root with their kind, sorted, and the folders that could not be opened.

    Links to folders are followed, each folder once, except links to a folder above the root.
    """
    files: dict[str, str] = {}
    closed: list[OSError] = []
    above = {str(folder) for folder in root.resolve().parents}
    visited = above | ({str(excluded.resolve())} if excluded else set())
    for folder, folders, names in os.walk(root, onerror=closed.append, followlinks=True):
        folders.sort()
        real = os.path.realpath(folder)
        if real in visited:
            folders.clear()
            continue
        visited.add(real)
        for name in names:
            path = Path(folder) / name
            if kind := _kind(path):
                _refuse_odd_name(path)
                files[path.relative_to(root).as_posix()] = kind
    return (
        dict(sorted(files.items())),
        [[os.path.relpath(error.filename, root), error.strerror or str(error)] for error in closed],
    )


def _kind(path: Path) -> str:
    """The kind of an image file, by its ending, or without one by its first bytes; empty where it is no image."""
    suffix = path.suffix.lower()
    if suffix in SUFFIXES or (suffix and not suffix[1:].isdecimal()):
        return SUFFIXES.get(suffix, "")
    try:
        with path.open("rb") as stream:
            head = stream.read(132)
    except OSError:
        return ""
    return next((kind for (offset, mark), kind in HEADS.items() if head[offset:].startswith(mark)), "")


def _refuse_odd_name(path: Path) -> None:
    """Raise MammoError where the name of a file is not UTF-8: an index cannot store it."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise MammoError(f"The name of the file {str(path)!a} is not UTF-8; rename it.") from None


def _find_case(
    file: str, names: CaseNames, series: dict[str, str], listed: dict[str, tuple[str, str]]
) -> tuple[str, str] | None:
    """Return the case of a file and the key of `LAYOUTS` by which it is found; None where it has no case."""
    path = PurePosixPath(file)
    own = path.name.removesuffix(path.suffix) if path.suffix.lower() in SUFFIXES else path.name
    parts = [own, *reversed(path.parts[:-1])]
    if case := next((part for part in parts if part in names.cases), None):
        return case, "case"
    if case := names.in_file_name(own):
        return case, "name"
    if listed and (row := listed.get("/".join(path.parts[-2:]))):
        case = series.get(row[0]) or (row[1] if row[1] in names.cases else None)
        if case:
            return case, "listed"
    case = next((part for part in parts if part in series), None)
    return (series[case], "series") if case else None


def _listed_jpegs(folders: Iterable[Path]) -> dict[str, tuple[str, str]]:
    """Map folder and name of a JPEG file to series and patient id, from `dicom_info.csv`; empty without that file."""
    path = next((folder / LISTED_JPEGS for folder in folders if (folder / LISTED_JPEGS).is_file()), None)
    if path is None:
        return {}
    listed = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            for row in csv.DictReader(stream):
                folder = "/".join(PurePosixPath((row.get("image_path") or "").strip()).parts[-2:])
                listed[folder] = (row.get("SeriesInstanceUID") or "").strip(), (row.get("PatientID") or "").strip()
    except (OSError, ValueError, csv.Error) as error:
        raise MammoError(f"{path} cannot be read as CSV: {error}.") from None
    return listed
