"""Sentences and tables of data sets, splits, runs and caches."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from mammo.data.column_words import UNKNOWN, display_value
from mammo.data.dataset.dataset import FILE, Dataset
from mammo.data.manifest.columns.columns import BOX
from mammo.data.splits.protocols import OUT, PARTS, Parts
from mammo.features.cache.cache import Cache
from mammo.features.trunks.table import find_trunk
from mammo.features.trunks.weights import weights_note
from mammo.images.augment import AUGMENTATIONS
from mammo.images.preprocess import PREPROCESSINGS
from mammo.images.resize import RESIZES
from mammo.specs.class_names import PLAIN, ClassNames, capital
from pages.shared.base.show import size
from pages.shared.base.text import plain

NOT_STATED = "not told"
"""What is shown for a number that the data set does not state."""
KIND_NAMES = {"full": "Full mammograms", "crop": "Crops of lesions"}
FINDINGS = {"mass": "mass", "calc": "calcification"}


GROUPS = {
    "abnormality": "Finding",
    "pathology": "Pathology",
    "density": "Breast density",
    "subtlety": "Subtlety",
    "view": "View",
    "birads": "BI-RADS",
    "breast": "Breast",
    "split": "Official split",
    "shape": "Shape",
    "margins": "Margins",
    "calcification_type": "Calcification type",
    "calcification_distribution": "Calcification distribution",
    "view_modifier": "View modifiers",
    "object_kind": "Kind of object",
    "maker": "Maker",
    "model": "Model",
    "intent": "Pixels meant for",
    "implant": "Implant",
    "spacing_mm": "Pixel spacing, mm",
    "spacing_kind": "Spacing measured at",
    "magnification": "Magnification",
}
SHOWN_APART = {"breast", "view"}
"""Columns that the details of an image show in a line of their own."""
OF_IMAGE = {*SHOWN_APART, "split"}
"""Columns that are the same for all lesions of an image."""
OWN = {"image", "patient", "film", "label", "conflict", "lesions", *FILE, "parent", "number", "mask", "frame", *BOX}


def groups_of(images: pd.DataFrame) -> dict[str, str]:
    """The columns by which images can be grouped, with their labels; columns of a manifest's own stand last."""
    columns = {column: name for column, name in GROUPS.items() if column in images and _has_values(images[column])}
    return columns | {str(column): str(column) for column in images if column not in GROUPS and column not in OWN}


def _has_values(column: pd.Series) -> bool:
    """Whether a column has any value."""
    return bool((column.notna() & (column.astype("string") != "")).any())


def facts_of(row: pd.Series, names: Mapping[str, str], classes: ClassNames = PLAIN) -> pd.DataFrame:
    """The facts of one image: a row for each labelled column that has a value."""
    facts = [
        (name, display_value(row[column], classes))
        for column, name in names.items()
        if column in row.index and column not in SHOWN_APART
    ]
    return pd.DataFrame([pair for pair in facts if pair[1] != UNKNOWN], columns=["Column", "Value"], dtype=str)


def lesion_rows(lesions: pd.DataFrame, names: Mapping[str, str], classes: ClassNames = PLAIN) -> pd.DataFrame:
    """Lesions as a table: number, kind, pathology, and every other column with values."""
    own = {"number": "Lesion", "abnormality": "Kind", "pathology": "Pathology", **names}
    columns_shown = [name for name in own if name in lesions and name not in OF_IMAGE and _has_values(lesions[name])]
    cells = lesions[columns_shown].astype(object).map(lambda value: display_value(value, classes)).replace(UNKNOWN, "")
    return cells.rename(columns=own)


def describe(row: Mapping[Any, Any] | pd.Series, classes: ClassNames = PLAIN) -> str:
    """A mammogram in a few words, such as `Malignant mass, left CC`."""
    facts = f"{capital(classes.by_label[row['label']])} {FINDINGS.get(row['abnormality'], row['abnormality'])}".strip()
    where = f"{row['breast'].lower()} {row['view']}".strip()
    return ", ".join(part for part in (facts, where) if part)


def caption(row: pd.Series, classes: ClassNames = PLAIN) -> str:
    """A mammogram in a few words, as markdown."""
    return plain(describe(row, classes))


def class_namer(classes: ClassNames) -> Callable[[str], str]:
    """Return a function that gives a label its class name; other texts only get a capital."""
    return lambda label: capital(classes.by_label.get(label, label))


def kinds_of(dataset: Dataset) -> list[str]:
    """The kinds of image in the data set; `full` where there is none."""
    return [kind for kind in KIND_NAMES if len(dataset.table(kind))] or ["full"]


def conflict_rows(dataset: Dataset) -> pd.DataFrame:
    """The lesions of the mammograms that have both benign and malignant ones."""
    images = dataset.images.loc[dataset.images["conflict"], "image"]
    rows = dataset.lesions[dataset.lesions["image"].isin(images)]
    rows = rows.assign(pathology=rows["pathology"].map(pathology_words))
    labels = {"image": "Image", "patient": "Patient", "number": "Lesion", "pathology": "Pathology", "birads": "BI-RADS"}
    return rows[list(labels)].rename(columns=labels).sort_values(["Image", "Lesion"])


def pathology_words(pathology: object) -> str:
    """A pathology as text, such as `Benign without callback`."""
    return str(pathology).replace("_", " ").capitalize()


def part_rows(images: pd.DataFrame, parts: Parts, classes: ClassNames = PLAIN) -> pd.DataFrame:
    """The images, positive images and patients of each part of a split."""
    images_of_part = {name.capitalize(): images[parts == number] for name, number in {**PARTS, "left out": OUT}.items()}
    counts = {
        name: {
            "Images": len(rows),
            capital(classes.positive): int((rows["label"] == "malignant").sum()),
            "Patients": int(rows["patient"].nunique()),
        }
        for name, rows in images_of_part.items()
    }
    return pd.DataFrame.from_dict(counts, orient="index")


def verdict(row: pd.Series, classes: ClassNames = PLAIN, verb: str = "run says") -> str:
    """The class of an image, breast or patient, and the probability that a run gives it."""
    return f"**{plain(capital(classes.by_label[row['label']]))}**, {verb} {row['probability']:.0%}"


def judgement(row: pd.Series, classes: ClassNames = PLAIN) -> str:
    """The verdict on an image, breast or patient, with its patient, breast and view."""
    exposure = ["" if pd.isna(row[name]) else str(row[name]).replace("+", " and ") for name in ("breast", "view")]
    whose = (str(row["patient"]), f"{exposure[0].lower()} {exposure[1]}".strip())
    return f"{verdict(row, classes)}  \n{plain(', '.join(filter(None, whose)))}"


LEAK_UNITS = {"patients": "patient", "breasts": "breast", "views": "view", "films": "film"}


def leakage_words(leaks: Mapping[str, int | None]) -> str:
    """The leakage of a split as sentences; counts that the data set does not allow are listed as not known."""
    counts = {name: leaks[name] for name in LEAK_UNITS if leaks[name] is not None}
    missing = [name for name in [*LEAK_UNITS, "near_duplicates"] if leaks[name] is None]
    unknown = f" Not known, for the data set does not tell: {join_words(missing)}." if missing else ""
    repeated, shown = leaks["near_duplicates"], leaks["test_images_with_patient_in_train"]
    if not any(leaks.values()):
        units = join_words([LEAK_UNITS[name] for name in counts], "or")
        none = [f"no {units} stands in both train and test"] if counts else []
        none += [] if repeated is None else ["no test image seems to have a near-duplicate in train"]
        return f"No leakage found: {', and '.join(none)}.{unknown}" if none else unknown.strip()
    units = join_words([count_words(number or 0, LEAK_UNITS[name]) for name, number in counts.items()])
    shared = [f"{units} in both train and test"] if counts else []
    clauses = [] if shown is None else [f"{count_words(shown, 'test image')} with a patient that training has seen"]
    clauses += (
        [f"{repeated if clauses else count_words(repeated, 'test image')} that may have a near-duplicate in train"]
        if repeated
        else []
    )
    return f"Leakage: {'; '.join([*shared, ', and '.join(clauses)])}. Scores come out too high.{unknown}"


def join_words(words: Sequence[str], last: str = "and") -> str:
    """Words as a list, such as `a, b and c`."""
    texts = [word.replace("_", "-") for word in words]
    return f" {last} ".join([", ".join(texts[:-1]), texts[-1]] if len(texts) > 1 else texts)


def count_words(number: int, noun: str) -> str:
    """A number with its noun, such as `1,234 images`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _augmented(cache: Cache) -> str:
    label = AUGMENTATIONS[cache.spec.augment].label
    return f"{label}, {cache.spec.draws} draws" if cache.spec.draws else label


def cache_rows(caches: Sequence[Cache]) -> pd.DataFrame:
    """Caches as a table."""
    rows = [
        {
            "Trunk": find_trunk(cache.spec.trunk).label,
            "Weights": weights_note(cache.spec.weights, cache.spec.trunk),
            "Kind": KIND_NAMES.get(cache.spec.kind, cache.spec.kind),
            "Cut": cache.spec.tap,
            "Preprocessing": PREPROCESSINGS[cache.spec.preprocess].label,
            "Resize": f"{RESIZES[cache.spec.resize].label} to {cache.spec.size}",
            "Augmentation": _augmented(cache),
            "Images": cache.shape[0],
            "Map": "×".join(str(side) for side in cache.shape[1:]),
            "On disk": size(cache.bytes),
            "Name": cache.name,
        }
        for cache in caches
    ]
    return pd.DataFrame(rows)
