"""Sentences and tables made of what the package returns."""

from collections.abc import Mapping, Sequence

import pandas as pd

from mammo.features.cache import Cache
from mammo.features.trunks import find_trunk
from mammo.features.weights import weights_note
from pages.shared.show import size

KIND_NAMES = {"full": "Full mammograms", "crop": "Crops of lesions"}
FINDINGS = {"mass": "mass", "calc": "calcification"}


def caption(row: pd.Series) -> str:
    """A mammogram in a few words."""
    return f"{row['label'].capitalize()} {FINDINGS.get(row['abnormality'], row['abnormality'])}, {row['view']}"


def verdict(row: pd.Series) -> str:
    """What an image is, and what a run says of it."""
    return f"**{row['label'].capitalize()}**, run says {row['probability']:.0%}"


def judgement(row: pd.Series) -> str:
    """The verdict on an image, and whose it is."""
    return f"{verdict(row)}  \n{row['patient']}, {row['breast'].lower()} {row['view']}"


def leaked(leaks: Mapping[str, int]) -> str:
    """What a split's leakage means."""
    if not any(leaks.values()):
        return "No leakage: no patient, breast or film stands in both train and test."
    return (
        f"Leakage: {leaks['patients']} patients, {leaks['breasts']} breasts and {leaks['films']} films stand in both "
        f"train and test; {leaks['test_images_with_patient_in_train']} test images show a patient that training has "
        "seen. Scores come out too high."
    )


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
