"""The four case-description CSVs of CBIS-DDSM: one row a lesion, quirks removed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from mammo.data.birads import ASSESSMENTS, reader_scores
from mammo.data.manifest.label_words import PATHOLOGIES
from mammo.data.manifest.table import read_table
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

ALLOWED = {"pathology": PATHOLOGIES, "breast": ("LEFT", "RIGHT"), "view": ("CC", "MLO")}
NEEDED = ("patient", "number", "image_path")
NUMBERS = ("number", "birads", "subtlety", "density")


@dataclass(frozen=True)
class CaseFiles:
    """The CSVs that were found, by name."""

    paths: dict[str, Path]


def find_case_files(root: Path, csv: Path | None = None) -> CaseFiles:
    """Find the case CSVs in `csv`, or in `root`, below it (at most two folders deep) or beside it.

    Raises MammoError where one of the four is missing, or `csv` is no folder.
    """
    if csv and not csv.is_dir():
        raise MammoError(f"{csv} is no folder; name the folder that holds the four case CSVs with --csv.")
    places = [csv] if csv else _beside(root)
    found: dict[str, Path] = {}
    for name in CASE_FILES:
        for place in places:
            if (place / name).is_file():
                found[name] = place / name
                break
    if missing := [name for name in CASE_FILES if name not in found]:
        where = csv or root
        raise MammoError(
            f"{where} lacks the case description CSV{'s' if len(missing) > 1 else ''} {', '.join(missing)}; "
            "download them beside the images or name their folder with --csv."
        )
    return CaseFiles(found)


def _beside(root: Path) -> list[Path]:
    """Where the CSVs of the images under `root` may lie, the likeliest first."""
    below = sorted(place for place in root.glob("*") if place.is_dir())
    around = root.absolute().parent
    return [root, root / "csv", *below, *(place / "csv" for place in below), around / "csv", around]


def read_lesions(files: CaseFiles) -> pd.DataFrame:
    """All lesions of the four CSVs, one row each.

    Raises MammoError naming the file and column where a column is missing or a value is unknown, and the
    lesion that is listed twice.
    """
    frames = [_read_one(path, *CASE_FILES[name]) for name, path in files.paths.items()]
    lesions = pd.concat(frames, ignore_index=True)
    if lesions.empty:
        raise MammoError(f"The case CSVs list no lesion: {', '.join(str(path) for path in files.paths.values())}.")
    if (twice := lesions["lesion"].duplicated()).any():
        raise MammoError(f"The case CSVs list the lesion {lesions['lesion'][twice].iloc[0]} twice; remove one of them.")
    return lesions


def _read_one(path: Path, abnormality: str, split: str) -> pd.DataFrame:
    raw = read_table(path).cells.rename(columns={"breast density": "breast_density"})
    if missing := [name for name in COLUMNS if name not in raw.columns]:
        raise MammoError(f"{path} lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}.")
    lesions = raw[list(COLUMNS)].rename(columns=COLUMNS)
    for column, name in DESCRIPTORS.items():
        lesions[name] = raw[column].where(raw[column] != "", None) if column in raw.columns else None
    _check_words(lesions, path)
    for name in NUMBERS:
        lesions[name] = _numbers(lesions[name], path)
    lesions["density"] = lesions["density"].where(lesions["density"] > 0)
    lesions["subtlety"] = lesions["subtlety"].where(lesions["subtlety"] > 0)
    return _named(lesions.assign(abnormality=abnormality, split=split))


def _check_words(lesions: pd.DataFrame, path: Path) -> None:
    for name, allowed in ALLOWED.items():
        _refuse(lesions[name], ~lesions[name].isin(allowed), path, f"is none of {', '.join(allowed)}")
    for name in NEEDED:
        _refuse(lesions[name], lesions[name] == "", path, "must not be empty")


def _numbers(column: pd.Series, path: Path) -> pd.Series:
    numbers = pd.to_numeric(column.where(column != "", None), errors="coerce").astype("float64")
    whole = np.isfinite(numbers) & (numbers % 1 == 0)
    _refuse(column, (column != "") & ~whole, path, "is not a whole number")
    return numbers.astype("Int64")


def _refuse(column: pd.Series, wrong: pd.Series, path: Path, why: str) -> None:
    """Raise MammoError naming the first row of a CSV whose value is `wrong`."""
    if wrong.any():
        row = wrong.index[wrong][0]
        name = next(name for name, ours in COLUMNS.items() if ours == column.name)
        raise MammoError(f"{path}, row {row}: the {name} {column[row]!r} {why}.")


def _named(lesions: pd.DataFrame) -> pd.DataFrame:
    """Add the ids: image and lesion are the folder names of the collection, film the physical view."""
    image = lesions["image_path"].str.split("/").str[0]
    film = lesions["patient"] + "_" + lesions["breast"] + "_" + lesions["view"]
    lesion = image + "_" + lesions["number"].astype(str)
    label = lesions["pathology"].map(lambda value: "malignant" if value == "MALIGNANT" else "benign")
    return lesions.assign(image=image, film=film, lesion=lesion, label=label)


def images_of(lesions: pd.DataFrame) -> pd.DataFrame:
    """One row a listed image: malignant if any lesion is, with conflicts recorded; sorted by id."""
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
