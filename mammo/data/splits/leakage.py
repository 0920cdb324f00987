"""Leakage: patients, films and near-duplicates of the test set that are also in train."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from mammo.data.files.frame_range import file_of
from mammo.data.splits.likeness import near_duplicates
from mammo.data.splits.protocols import TEST, TRAIN, Parts

SHARED: dict[str, tuple[str, ...]] = {
    "patients": ("patient",),
    "breasts": ("patient", "breast"),
    "views": ("patient", "breast", "view"),
    "films": ("film",),
}
"""What may be in both test and train, and the columns that identify it; rows with a missing value are not counted."""

COUNTS = {
    **{name: f"{name} in train and test" for name in SHARED},
    "near_duplicates": "test images that may have a near-duplicate in train",
    "test_images_with_patient_in_train": "test images with their patient in train",
}
"""The counts of `leakage`, with descriptions."""


def leakage(table: pd.DataFrame, parts: Parts) -> dict[str, int | None]:
    """Count the leakage between train and test of a data set's table, by the keys of `COUNTS`.

    A view is one view of one breast of a patient; a film is a physical film, which the table may list twice;
    near-duplicates are found by the column `hash`. A count is None, which means unknown, where the table has no values
    for it: no breasts, no hashes, or patients and films that are only the ids or files of the images.
    """
    train, test = table[parts == TRAIN], table[parts == TEST]
    counts = {name: _shared(_keys(train, columns), _keys(test, columns)) for name, columns in SHARED.items()}
    counts["near_duplicates"] = _count_near_duplicates(train, test)
    counts["test_images_with_patient_in_train"] = int(patient_in_train(train["patient"], test["patient"]).sum())
    unknown = {name for name, columns in SHARED.items() if any(_repeats_image_id(table, column) for column in columns)}
    unknown |= {"test_images_with_patient_in_train"} if "patients" in unknown else set()
    return {name: None if name in unknown and not count else count for name, count in counts.items()}


def patient_in_train(train: pd.Series, test: pd.Series) -> pd.Series:
    """Whether each patient of `test` (one an image) is also in `train`; a missing patient never is."""
    return test.isin(train) & _has_value(test)


def leaked_images(leaks: Mapping[str, int | None]) -> int | None:
    """The number of test images whose patient, or a near-duplicate, is in train: the larger of the two counts.

    None, which means unknown, where patients are unknown and no near-duplicate is found.
    """
    by_patient, repeated = leaks.get("test_images_with_patient_in_train"), leaks.get("near_duplicates") or 0
    return None if by_patient is None and not repeated else max(by_patient or 0, repeated)


def _repeats_image_id(table: pd.DataFrame, column: str) -> bool:
    """Whether a column only repeats the id or file of each image: the default where the source has no such column."""
    image = table["parent" if "parent" in table else "image"] if "image" in table else None
    if image is None or column not in table:
        return False
    return bool(((table[column] == image) | (table[column] == image.map(file_of))).all())


def _shared(train: pd.Series, test: pd.Series) -> int | None:
    train_keys, test_keys = set(train.dropna()), set(test.dropna())
    return len(train_keys & test_keys) if train_keys and test_keys else None


def _keys(table: pd.DataFrame, columns: tuple[str, ...]) -> pd.Series:
    """The values of the columns as one key a row; missing where one of them is missing."""
    if not set(columns) <= set(table):
        return pd.Series(None, index=table.index, dtype=object)
    complete = table[list(columns)].apply(_has_value).all(axis=1)
    keys = [tuple(row) for row in table[list(columns)].astype(object).to_numpy()]
    return pd.Series(keys, index=table.index, dtype=object).where(complete)


def _has_value(column: pd.Series) -> pd.Series:
    return column.notna() & (column != "").fillna(False)


def _count_near_duplicates(train: pd.DataFrame, test: pd.DataFrame) -> int | None:
    if "hash" not in train or not (_has_value(train["hash"]).any() and _has_value(test["hash"]).any()):
        return None
    return int(near_duplicates(test["hash"], train["hash"]).sum())
