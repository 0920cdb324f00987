"""Tables of images and lesions with the columns of their files."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from mammo.data.dataset.dataset import FILE, OF_DEPTH, WHOLE
from mammo.data.index.inspection import FileFacts

PATHS = ["image_path", "crop_path", "mask_path", "path", "row"]
"""Columns with the listed paths of files; the paths of the files themselves replace them."""


def stored_root(root: Path, folder: Path) -> Path:
    """The root as the index stores it: relative where it lies in the data set's own folder, so that a home can move."""
    inside = root.absolute().is_relative_to(folder.absolute())
    return root.absolute().relative_to(folder.absolute()) if inside else root.absolute()


def join_files(table: pd.DataFrame, prefix: str, files: dict[str, FileFacts]) -> pd.DataFrame:
    """Join a table of images, or of lesions and their crops, with the columns of their files, or missing values."""
    key = "lesion" if prefix else "image"
    facts = [files.get(item) for item in table[key]]
    rows = [[_value(fact, column) if fact else None for column in FILE] for fact in facts]
    columns = [f"{prefix}_{column}" if prefix else column for column in FILE]
    attached = pd.DataFrame(rows, columns=columns, index=table.index, dtype=object)
    integers = {f"{prefix}_{column}" if prefix else column: "Int64" for column in WHOLE}
    return pd.concat([table, attached.astype(integers)], axis=1)


def _value(fact: FileFacts, column: str) -> object:
    """The value of a column of a file; the depth is missing where it is that of its container."""
    return None if column in OF_DEPTH and not fact.depth else getattr(fact, column)


def join_crops(lesions: pd.DataFrame, crops: dict[str, FileFacts], masks: dict[str, FileFacts]) -> pd.DataFrame:
    """Join all listed lesions with their files in the columns `crop` and `mask`; missing without a file."""
    attached = join_files(lesions, "crop", crops).rename(columns={"crop_file": "crop"})
    attached["mask"] = [masks[lesion].file if lesion in masks else None for lesion in lesions["lesion"]]
    return attached.drop(columns=PATHS, errors="ignore").sort_values("lesion", ignore_index=True)
