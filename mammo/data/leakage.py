"""Leakage: what of the test set a split also shows to training."""

from __future__ import annotations

import pandas as pd

from mammo.data.splits import TEST, TRAIN, Parts


def leakage(table: pd.DataFrame, parts: Parts) -> dict[str, int]:
    """Count the patients, breasts and films that stand in test and in train.

    `test_images_with_patient_in_train` counts images; a film is one view of one breast.
    """
    train, test = table[parts == TRAIN], table[parts == TEST]
    return {
        "patients": _shared(train["patient"], test["patient"]),
        "breasts": _shared(train["patient"] + train["breast"], test["patient"] + test["breast"]),
        "films": _shared(train["film"], test["film"]),
        "test_images_with_patient_in_train": int(test["patient"].isin(train["patient"]).sum()),
    }


def _shared(train: pd.Series, test: pd.Series) -> int:
    return len(set(train) & set(test))
