"""Rows of one image must agree on the values of the image; where they disagree, the value is missing."""

from __future__ import annotations

import pandas as pd

from mammo.data.manifest.unread import Unread

OPTIONAL = ("breast", "view", "film", "split")
"""Columns that become missing where the rows of an image disagree; a patient that differs sets the rows aside."""


def merge_image_rows(rows: pd.DataFrame, unread: Unread) -> pd.DataFrame:
    """Return the rows with one value an image in each shared column; an empty cell takes the value of another row.

    Rows with the same `path` and `frame` show one image; `row` is their number in the file. Rows that name different
    patients for one image are left out and set aside in `unread`.
    """
    image = rows["path"] + "#" + rows["frame"].astype(str)
    if image.is_unique:
        return rows
    shared = image.duplicated(keep=False)
    rows = rows.copy()
    for name in ("patient", *OPTIONAL):
        values = rows[name].where(rows[name].notna() & (rows[name] != ""))
        groups = values[shared].groupby(image[shared])
        first = groups.transform("first")
        if name == "patient":
            split = (groups.transform("nunique") > 1).reindex(rows.index, fill_value=False)
            _set_aside(rows, image, split, unread)
            continue
        split = groups.transform("nunique") > 1
        _count_contradictions(rows.loc[split.index[split]], name, unread)
        missing = None if name in ("film", "split") else ""
        value = first.where(~split & first.notna(), missing).astype(object)
        rows[name] = rows[name].astype(object)
        rows.loc[value.index, name] = value
    return rows[~rows["row"].isin(list(unread.aside))]


def _set_aside(rows: pd.DataFrame, image: pd.Series, split: pd.Series, unread: Unread) -> None:
    for _, group in rows[split].groupby(image[split]):
        patients = " and ".join(repr(str(patient)) for patient in dict.fromkeys(group["patient"]))
        numbers = ", ".join(str(row) for row in group["row"])
        unread.set_aside(group["row"], f"the patient of one image is {patients} (rows {numbers})")


def _count_contradictions(rows: pd.DataFrame, name: str, unread: Unread) -> None:
    odd = [
        (int(row), str(value), "is not that of another row of the same image")
        for row, value in zip(rows["row"], rows[name], strict=True)
    ]
    unread.count(name, len(odd), odd)
