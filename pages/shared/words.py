"""Sentences and tables made of what the package returns."""

from collections.abc import Mapping, Sequence

import pandas as pd

from mammo.data.dataset import FILE, Dataset
from mammo.features.cache import Cache
from mammo.features.trunks import find_trunk
from mammo.features.weights import weights_note
from pages.shared.show import size

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
}
OWN = {"image", "patient", "film", "label", "conflict", "lesions", *FILE}


def groups_of(images: pd.DataFrame) -> dict[str, str]:
    """The columns by which images can be grouped and their names, those that a manifest brought along last."""
    known = {column: name for column, name in GROUPS.items() if images[column].notna().any()}
    return known | {str(column): str(column) for column in images if column not in GROUPS and column not in OWN}


def caption(row: pd.Series) -> str:
    """A mammogram in a few words."""
    told = f"{row['label'].capitalize()} {FINDINGS.get(row['abnormality'], row['abnormality'])}".strip()
    return ", ".join(part for part in (told, row["view"]) if part)


def conflict_rows(dataset: Dataset) -> pd.DataFrame:
    """The lesions of the mammograms that hold benign and malignant ones."""
    images = dataset.images.loc[dataset.images["conflict"], "image"]
    rows = dataset.lesions[dataset.lesions["image"].isin(images)]
    named = {"image": "Image", "number": "Lesion", "pathology": "Pathology", "birads": "BI-RADS"}
    return rows[list(named)].rename(columns=named).sort_values(["Image", "Lesion"])


def verdict(row: pd.Series) -> str:
    """What an image is, and what a run says of it."""
    return f"**{row['label'].capitalize()}**, run says {row['probability']:.0%}"


def judgement(row: pd.Series) -> str:
    """The verdict on an image, and whose it is."""
    return f"{verdict(row)}  \n{row['patient']}, {row['breast'].lower()} {row['view']}"


def leaked(leaks: Mapping[str, int | None]) -> str:
    """What a split's leakage means."""
    repeated = leaks["near_duplicates"]
    unknown = " Near-duplicates are not known: the index holds no hashes of the images." if repeated is None else ""
    if not any(leaks.values()):
        nor = "" if repeated is None else ", and no test image has a near-duplicate in train"
        return f"No leakage: no patient, breast, view or film stands in both train and test{nor}.{unknown}"
    shared = [counted(leaks[f"{thing}s"] or 0, thing) for thing in ("patient", "breast", "view", "film")]
    shown = counted(leaks["test_images_with_patient_in_train"] or 0, "test image")
    copies = f", and {repeated} with a near-duplicate in train" if repeated else ""
    return (
        f"Leakage: {', '.join(shared[:-1])} and {shared[-1]} in both train and test; "
        f"{shown} with a patient that training has seen{copies}. Scores come out too high.{unknown}"
    )


def counted(number: int, thing: str) -> str:
    """A number of things in words."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def cache_rows(caches: Sequence[Cache]) -> pd.DataFrame:
    """Caches as a table."""
    rows = [
        {
            "Trunk": find_trunk(cache.spec.trunk).label,
            "Weights": weights_note(cache.spec.weights),
            "Cut": cache.spec.tap,
            "Resize": f"{cache.spec.resize} to {cache.spec.size}",
            "Images": cache.shape[0],
            "Map": "×".join(str(side) for side in cache.shape[1:]),
            "On disk": size(cache.bytes),
            "Name": cache.name,
        }
        for cache in caches
    ]
    return pd.DataFrame(rows)
