"""Rows of one image must agree on what belongs to the image; where they do not, it is not known."""

from __future__ import annotations

import pandas as pd

from mammo.data.manifest.unread import Unread

OPTIONAL = ("breast", "view", "film", "split")
"""What is missing where an image's rows contradict one another; a patient's rows are set aside."""


def settle(rows: pd.DataFrame, unread: Unread) -> pd.DataFrame:
    """The rows that remain once those of one image agree; a row that is silent takes what the others say.

    Rows are of one image where `path` and `frame` are the same; `row` is their number in the file.
    """
    image = rows["path"] + "#" + rows["frame"].astype(str)
    if image.is_unique:
        return rows
    shared = image.duplicated(keep=False)
    rows = rows.copy()
    for name in ("patient", *OPTIONAL):
        said = rows[name].where(rows[name].notna() & (rows[name] != ""))
        groups = said[shared].groupby(image[shared])
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
