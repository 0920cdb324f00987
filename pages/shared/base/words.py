"""Sentences and tables made of what the package returns."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from mammo.data.column_words import UNKNOWN, worded
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

NOT_TOLD = "not told"
"""What stands for a number that nobody gave."""
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
"""Columns that an image's details say in a line of their own."""
OF_IMAGE = {*SHOWN_APART, "split"}
"""Columns that are the same of all lesions of an image."""
OWN = {"image", "patient", "film", "label", "conflict", "lesions", *FILE, "parent", "number", "mask", "frame", *BOX}


def groups_of(images: pd.DataFrame) -> dict[str, str]:
    """The columns by which images can be grouped and their names, those that a manifest brought along last."""
    known = {column: name for column, name in GROUPS.items() if column in images and _tells(images[column])}
    return known | {str(column): str(column) for column in images if column not in GROUPS and column not in OWN}


def _tells(column: pd.Series) -> bool:
    """Whether a column says anything."""
    return bool((column.notna() & (column.astype("string") != "")).any())


def facts_of(row: pd.Series, names: Mapping[str, str], classes: ClassNames = PLAIN) -> pd.DataFrame:
    """What is told of one image, a row a column that has a name and says something of it."""
    told = [
        (name, worded(row[column], classes))
        for column, name in names.items()
        if column in row.index and column not in SHOWN_APART
    ]
    return pd.DataFrame([pair for pair in told if pair[1] != UNKNOWN], columns=["Column", "Value"], dtype=str)


def lesion_rows(lesions: pd.DataFrame, names: Mapping[str, str], classes: ClassNames = PLAIN) -> pd.DataFrame:
    """Lesions as a table: number, kind and pathology, and every other column that tells something of them."""
    own = {"number": "Lesion", "abnormality": "Kind", "pathology": "Pathology", **names}
    kept = [name for name in own if name in lesions and name not in OF_IMAGE and _tells(lesions[name])]
    cells = lesions[kept].astype(object).map(lambda value: worded(value, classes)).replace(UNKNOWN, "")
    return cells.rename(columns=own)


def described(row: Mapping[Any, Any] | pd.Series, classes: ClassNames = PLAIN) -> str:
    """A mammogram in a few words."""
    told = f"{capital(classes.by_label[row['label']])} {FINDINGS.get(row['abnormality'], row['abnormality'])}".strip()
    where = f"{row['breast'].lower()} {row['view']}".strip()
    return ", ".join(part for part in (told, where) if part)


def caption(row: pd.Series, classes: ClassNames = PLAIN) -> str:
    """A mammogram in a few words, as markdown."""
    return plain(described(row, classes))


def class_namer(classes: ClassNames) -> Callable[[str], str]:
    """Names a label by its class, and anything else as it is, with a capital."""
    return lambda label: capital(classes.by_label.get(label, label))


def kinds_of(dataset: Dataset) -> list[str]:
    """The kinds of image that the set holds; full mammograms where it holds none."""
    return [kind for kind in KIND_NAMES if len(dataset.table(kind))] or ["full"]


def conflict_rows(dataset: Dataset) -> pd.DataFrame:
    """The lesions of the mammograms that hold benign and malignant ones."""
    images = dataset.images.loc[dataset.images["conflict"], "image"]
    rows = dataset.lesions[dataset.lesions["image"].isin(images)]
    rows = rows.assign(pathology=rows["pathology"].map(pathology_words))
    named = {"image": "Image", "patient": "Patient", "number": "Lesion", "pathology": "Pathology", "birads": "BI-RADS"}
    return rows[list(named)].rename(columns=named).sort_values(["Image", "Lesion"])


def pathology_words(pathology: object) -> str:
    """A pathology as one reads it."""
    return str(pathology).replace("_", " ").capitalize()


def part_rows(images: pd.DataFrame, parts: Parts, classes: ClassNames = PLAIN) -> pd.DataFrame:
    """What stands in each part of a split: images, those of the positive class, and patients."""
    held = {name.capitalize(): images[parts == number] for name, number in {**PARTS, "left out": OUT}.items()}
    rows = {
        name: {
            "Images": len(one),
            capital(classes.positive): int((one["label"] == "malignant").sum()),
            "Patients": int(one["patient"].nunique()),
        }
        for name, one in held.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def verdict(row: pd.Series, classes: ClassNames = PLAIN, says: str = "run says") -> str:
    """What an image, breast or patient is, and what a run says of it."""
    return f"**{plain(capital(classes.by_label[row['label']]))}**, {says} {row['probability']:.0%}"


def judgement(row: pd.Series, classes: ClassNames = PLAIN) -> str:
    """The verdict on an image, breast or patient, and whose it is."""
    told = ["" if pd.isna(row[name]) else str(row[name]).replace("+", " and ") for name in ("breast", "view")]
    whose = (str(row["patient"]), f"{told[0].lower()} {told[1]}".strip())
    return f"{verdict(row, classes)}  \n{plain(', '.join(filter(None, whose)))}"


THINGS = {"patients": "patient", "breasts": "breast", "views": "view", "films": "film"}


def leaked(leaks: Mapping[str, int | None]) -> str:
    """What a split's leakage means; what the data set does not tell is called unknown."""
    known = {name: leaks[name] for name in THINGS if leaks[name] is not None}
    missing = [name for name in [*THINGS, "near_duplicates"] if leaks[name] is None]
    unknown = f" Not known, for the data set does not tell: {listed(missing)}." if missing else ""
    repeated, shown = leaks["near_duplicates"], leaks["test_images_with_patient_in_train"]
    if not any(leaks.values()):
        things = listed([THINGS[name] for name in known], "or")
        none = [f"no {things} stands in both train and test"] if known else []
        none += [] if repeated is None else ["no test image seems to have a near-duplicate in train"]
        return f"No leakage found: {', and '.join(none)}.{unknown}" if none else unknown.strip()
    things = listed([counted(number or 0, THINGS[name]) for name, number in known.items()])
    shared = [f"{things} in both train and test"] if known else []
    seen = [] if shown is None else [f"{counted(shown, 'test image')} with a patient that training has seen"]
    seen += (
        [f"{repeated if seen else counted(repeated, 'test image')} that may have a near-duplicate in train"]
        if repeated
        else []
    )
    return f"Leakage: {'; '.join([*shared, ', and '.join(seen)])}. Scores come out too high.{unknown}"


def listed(things: Sequence[str], last: str = "and") -> str:
    """Things in a row, such as `a, b and c`."""
    plain = [thing.replace("_", "-") for thing in things]
    return f" {last} ".join([", ".join(plain[:-1]), plain[-1]] if len(plain) > 1 else plain)


def counted(number: int, thing: str) -> str:
    """A number of things in words."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


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
