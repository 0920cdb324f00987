"""The four case-description CSVs of CBIS-DDSM as one table with one row a lesion."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from mammo.data.birads import ASSESSMENTS, reader_scores
from mammo.data.manifest.cells.label_words import PATHOLOGIES
from mammo.data.manifest.table.table import read_table
from mammo.data.manifest.unread import Unread
from mammo.data.manifest.words.words import is_missing, plain_number
from mammo.errors import MammoError

CASE_FILES = {
    "mass_case_description_train_set.csv": ("mass", "train"),
    "mass_case_description_test_set.csv": ("mass", "test"),
    "calc_case_description_train_set.csv": ("calc", "train"),
    "calc_case_description_test_set.csv": ("calc", "test"),
}

COLUMNS = {
    "patient_id": "patient",
    "left or right breast": "breast",
    "image view": "view",
    "abnormality id": "number",
    "assessment": "birads",
    "pathology": "pathology",
    "subtlety": "subtlety",
    "breast_density": "density",
    "image file path": "image_path",
    "cropped image file path": "crop_path",
    "ROI mask file path": "mask_path",
}

DESCRIPTORS = {
    "mass shape": "shape",
    "mass margins": "margins",
    "calc type": "calcification_type",
    "calc distribution": "calcification_distribution",
}

POSITIONS = {"breast": ("LEFT", "RIGHT"), "view": ("CC", "MLO")}
NEEDED = ("patient", "number", "image_path", "pathology")
SCORES = {"birads": 6, "subtlety": 5, "density": 4}
"""The highest value of each score of the reader; a row without a score is kept."""
PARTS = {"train": "Training", "test": "Test"}
CASE_NAMES = {(kind, part): f"{kind.title()}-{PARTS[part]}_" for kind, part in CASE_FILES.values()}
"""The start of the case names of each CSV."""


@dataclass(frozen=True)
class CaseFiles:
    """The paths of the CSVs by name, and the names of the CSVs that are missing."""

    paths: dict[str, Path]
    missing: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Cases:
    """The lesions of the case CSVs, the rows that are set aside with the reason, and notes.

    `missing` counts the missing values of optional columns; `absent` holds the start of the case names of every CSV
    that is missing.
    """

    lesions: pd.DataFrame
    aside: list[list[str]]
    notes: list[str]
    missing: dict[str, int]
    absent: tuple[str, ...] = ()


def find_case_files(root: Path, csv: Path | None = None) -> CaseFiles:
    """Find the case CSVs in `csv`, or in `root`, below it (at most two folders deep) or beside it.

    Raises MammoError where none of the four is there, or `csv` is no folder.
    """
    if csv and not csv.is_dir():
        raise MammoError(f"{csv} is no folder; name the folder that holds the case CSVs with --csv.")
    folders = [csv] if csv else _csv_folders(root)
    paths: dict[str, Path] = {}
    for name in CASE_FILES:
        for folder in folders:
            if (folder / name).is_file():
                paths[name] = folder / name
                break
    if not paths:
        raise MammoError(
            f"{csv or root} lacks the case description CSVs {', '.join(CASE_FILES)}; "
            "download them beside the images or name their folder with --csv."
        )
    return CaseFiles(paths, [name for name in CASE_FILES if name not in paths])


def _csv_folders(root: Path) -> list[Path]:
    """The folders that may hold the CSVs of the images under `root`, the most likely first."""
    below = sorted(folder for folder in root.glob("*") if folder.is_dir())
    around = root.absolute().parent
    return [root, root / "csv", *below, *(folder / "csv" for folder in below), around / "csv", around]


def read_cases(files: CaseFiles) -> Cases:
    """Read all lesions of the case CSVs that exist, one row each.

    An odd score becomes missing and is counted; a row without patient, number, file or valid pathology is set aside,
    and so is the second row of a lesion. Raises MammoError naming file and column where a column is missing, where
    more than half of a CSV's rows are set aside, or no lesion is listed.
    """
    aside: list[list[str]] = []
    notes: list[str] = []
    missing: Counter[str] = Counter()
    frames = []
    for name, path in files.paths.items():
        unread = Unread()
        frames.append(_read_case_file(path, *CASE_FILES[name], unread))
        aside += [[item, f"{path.name}, {why}"] for item, why in unread.quarantined()]
        notes += [f"{path.name}: {note}" for note in unread.notes()]
        missing.update(unread.missing)
    lesions = pd.concat(frames, ignore_index=True)
    if lesions.empty:
        raise MammoError(f"The case CSVs list no lesion: {', '.join(str(path) for path in files.paths.values())}.")
    twice = lesions["lesion"].duplicated()
    aside += [[lesion, "the case CSVs list this lesion twice"] for lesion in lesions["lesion"][twice]]
    if files.missing:
        notes.insert(0, f"Without {', '.join(files.missing)}: the cases that they list are left out.")
    absent = tuple(CASE_NAMES[CASE_FILES[name]] for name in files.missing)
    return Cases(lesions[~twice].reset_index(drop=True), aside, notes, dict(missing), absent)


def _read_case_file(path: Path, abnormality: str, split: str, unread: Unread) -> pd.DataFrame:
    table = read_table(path)
    raw = table.cells.rename(columns={"breast density": "breast_density"})
    if missing := [name for name in COLUMNS if name not in raw.columns]:
        raise MammoError(f"{path} lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}.")
    unread.aside.update(table.aside)
    unread.items.update({int(str(row)): str(item) for row, item in raw["image file path"].items() if item})
    lesions = raw[list(COLUMNS)].rename(columns=COLUMNS).copy()
    for column, name in DESCRIPTORS.items():
        lesions[name] = raw[column].where(raw[column] != "", None) if column in raw.columns else None
    for name in NEEDED:
        _need(lesions, name, unread)
    for name, choices in POSITIONS.items():
        lesions[name] = _position(lesions[name], name, choices, unread)
    for name, scale in SCORES.items():
        lesions[name] = _scores(lesions[name], name, scale, unread)
    unread.refuse_most(path, len(raw) + len(table.aside))
    lesions = lesions[~lesions.index.isin(list(unread.aside))]
    return _with_ids(
        lesions.assign(number=pd.array([int(plain_number(cell)) for cell in lesions["number"]], dtype="Int64")).assign(
            abnormality=abnormality, split=split
        )
    )


def _need(lesions: pd.DataFrame, name: str, unread: Unread) -> None:
    """Set aside the rows whose cell of a needed column is missing or invalid."""
    column = next(header for header, ours in COLUMNS.items() if ours == name)
    reasons = {cell: _why_not(name, cell) for cell in lesions[name].unique()}
    for row, cell in lesions[name].items():
        if why := reasons[cell]:
            unread.set_aside([int(str(row))], f"the {column} {cell!r} {why}")


def _why_not(name: str, cell: str) -> str:
    """Why a cell of a needed column cannot be used; empty where it can."""
    if is_missing(cell):
        return "must not be empty"
    if name == "pathology" and cell not in PATHOLOGIES:
        return f"is none of {', '.join(PATHOLOGIES)}"
    return "is not a whole number" if name == "number" and not plain_number(cell).isdecimal() else ""


def _position(cells: pd.Series, name: str, choices: tuple[str, ...], unread: Unread) -> pd.Series:
    """The breasts or views; empty where a cell is none of `choices`."""
    column = next(header for header, ours in COLUMNS.items() if ours == name)
    odd = cells[~cells.isin(choices)]
    listed = [(int(str(row)), str(cell), f"is none of {', '.join(choices)}") for row, cell in odd.items() if cell]
    unread.count(column, len(odd), listed)
    return cells.where(cells.isin(choices), "")


def _scores(cells: pd.Series, name: str, highest: int, unread: Unread) -> pd.Series:
    """A reader's whole numbers up to `highest` (Int64); 0 is a valid `birads` and missing elsewhere."""
    column = next(header for header, ours in COLUMNS.items() if ours == name)
    empty = cells.isin([cell for cell in cells.unique() if is_missing(cell)])
    plain = [plain_number(cell) for cell in cells]
    numbers = pd.Series(pd.to_numeric(pd.Series(plain, dtype=object), errors="coerce").to_numpy(float), cells.index)
    numbers = numbers.where(~empty & (numbers % 1 == 0) & (numbers >= 0) & (numbers <= highest))
    odd = cells[numbers.isna() & ~empty]
    numbers = numbers if name == "birads" else numbers.where(numbers > 0)
    listed = [(int(str(row)), str(cell), f"is not a whole number from 0 to {highest}") for row, cell in odd.items()]
    unread.count(column, int(numbers.isna().sum()), listed)
    return numbers.astype("Int64")


def _with_ids(lesions: pd.DataFrame) -> pd.DataFrame:
    """Add the ids: image and lesion are folder names of the collection, film is the physical view."""
    image = lesions["image_path"].str.split("/").str[0]
    film = lesions["patient"] + "_" + lesions["breast"] + "_" + lesions["view"]
    film = film.where((lesions["breast"] != "") & (lesions["view"] != ""), image)
    lesion = image + "_" + lesions["number"].astype(str)
    label = lesions["pathology"].map(lambda value: "malignant" if value == "MALIGNANT" else "benign")
    return lesions.assign(image=image, film=film, lesion=lesion, label=label)


def images_of(lesions: pd.DataFrame) -> pd.DataFrame:
    """Return one row an image, sorted by id: malignant where any lesion is; `conflict` where its lesions differ."""
    order = {name: rank for rank, name in enumerate(PATHOLOGIES)}
    ranked = lesions.assign(
        rank=lesions["pathology"].map(order),
        reader=reader_scores(lesions["birads"]),
        malignant=lesions["label"] == "malignant",
    )
    groups = ranked.groupby("image", sort=True)
    images = groups[["patient", "breast", "view", "film", "abnormality", "split"]].first()
    images["label"] = groups["malignant"].any().map({True: "malignant", False: "benign"})
    images["pathology"] = groups["rank"].max().map(dict(enumerate(PATHOLOGIES)))
    images["conflict"] = groups["malignant"].nunique() > 1
    images["lesions"] = groups.size()
    images["birads"] = groups["reader"].max().map(ASSESSMENTS).astype("Int64")
    images["density"] = groups["density"].max()
    images["subtlety"] = groups["subtlety"].max()
    return images.reset_index()
