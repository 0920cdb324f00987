"""Leakage: what of the test set a split also shows to training."""

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
"""What may stand in test and in train, by the columns that name it; where one of them is missing, it is not counted."""

COUNTS = {
    **{name: f"{name} in train and test" for name in SHARED},
    "near_duplicates": "test images that may have a near-duplicate in train",
    "test_images_with_patient_in_train": "test images with their patient in train",
}
"""What `leakage` counts, in words."""


def leakage(table: pd.DataFrame, parts: Parts) -> dict[str, int | None]:
    """Count what of the test images of a data set's table train holds as well, by the keys of `COUNTS`.

    A view is one view of one breast of a patient; a film is a physical film, which the table may list twice;
    near-duplicates are found by the column `hash`. What the table does not tell of any image, such as breasts
    without names, patients and films that are the images or their files, or near-duplicates without hashes, is None:
    unknown, not absent.
    """
    train, test = table[parts == TRAIN], table[parts == TEST]
    found = {name: _shared(_keys(train, columns), _keys(test, columns)) for name, columns in SHARED.items()}
    found["near_duplicates"] = _near_duplicates(train, test)
    found["test_images_with_patient_in_train"] = int(seen(train["patient"], test["patient"]).sum())
    own = {name for name, columns in SHARED.items() if any(_stands_in(table, column) for column in columns)}
    own |= {"test_images_with_patient_in_train"} if "patients" in own else set()
    return {name: None if name in own and not count else count for name, count in found.items()}


def seen(train: pd.Series, test: pd.Series) -> pd.Series:
    """Which of the patients `test`, one an image, stand in `train` too; a patient without a name never does."""
    return test.isin(train) & _named(test)


def leaked(leaks: Mapping[str, int | None]) -> int | None:
    """The test images that training has seen in some way: their patient, or a near-duplicate, whichever are more.

    None where no patients are told and no near-duplicate was found: unknown.
    """
    by_patient, repeated = leaks.get("test_images_with_patient_in_train"), leaks.get("near_duplicates") or 0
    return None if by_patient is None and not repeated else max(by_patient or 0, repeated)


def _stands_in(table: pd.DataFrame, column: str) -> bool:
    """Whether a column says no more than which image or file it is: what an index holds where nobody told more."""
    image = table["parent" if "parent" in table else "image"] if "image" in table else None
    if image is None or column not in table:
        return False
    return bool(((table[column] == image) | (table[column] == image.map(file_of))).all())


def _shared(train: pd.Series, test: pd.Series) -> int | None:
    known = set(train.dropna()), set(test.dropna())
    return len(known[0] & known[1]) if all(known) else None


def _keys(table: pd.DataFrame, columns: tuple[str, ...]) -> pd.Series:
    """What the columns name together, row by row; missing where one of them says nothing."""
    if not set(columns) <= set(table):
        return pd.Series(None, index=table.index, dtype=object)
    known = table[list(columns)].apply(_named).all(axis=1)
    keys = [tuple(row) for row in table[list(columns)].astype(object).to_numpy()]
    return pd.Series(keys, index=table.index, dtype=object).where(known)


def _named(column: pd.Series) -> pd.Series:
    return column.notna() & (column != "").fillna(False)


def _near_duplicates(train: pd.DataFrame, test: pd.DataFrame) -> int | None:
    if "hash" not in train or not (_named(train["hash"]).any() and _named(test["hash"]).any()):
        return None
    return int(near_duplicates(test["hash"], train["hash"]).sum())
