"""Tables of images and lesions with the columns of their files."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from mammo.data.dataset.dataset import FILE, OF_DEPTH, WHOLE
from mammo.data.index.inspection import FileFacts

PATHS = ["image_path", "crop_path", "mask_path", "path", "row"]
"""Columns that say where files should lie; where they were found replaces them."""


def kept_root(root: Path, folder: Path) -> Path:
    """The root as the index keeps it: relative where the data set's own folder holds it, so that a home can move."""
    inside = root.absolute().is_relative_to(folder.absolute())
    return root.absolute().relative_to(folder.absolute()) if inside else root.absolute()


def attach_files(table: pd.DataFrame, prefix: str, files: dict[str, FileFacts]) -> pd.DataFrame:
    """A table of images, or of lesions and their crops, with the columns of their files; missing where none is."""
    key = "lesion" if prefix else "image"
    facts = [files.get(item) for item in table[key]]
    rows = [[_value(fact, column) if fact else None for column in FILE] for fact in facts]
    columns = [f"{prefix}_{column}" if prefix else column for column in FILE]
    attached = pd.DataFrame(rows, columns=columns, index=table.index, dtype=object)
    whole = {f"{prefix}_{column}" if prefix else column: "Int64" for column in WHOLE}
    return pd.concat([table, attached.astype(whole)], axis=1)


def _value(fact: FileFacts, column: str) -> object:
    """What the index keeps of a file; the depth of its container is kept as none."""
    return None if column in OF_DEPTH and not fact.depth else getattr(fact, column)


def attach_crops(lesions: pd.DataFrame, crops: dict[str, FileFacts], masks: dict[str, FileFacts]) -> pd.DataFrame:
    """All listed lesions; `crop` and `mask` are the files whose pixels are one, missing where there is none."""
    attached = attach_files(lesions, "crop", crops).rename(columns={"crop_file": "crop"})
    attached["mask"] = [masks[lesion].file if lesion in masks else None for lesion in lesions["lesion"]]
    return attached.drop(columns=PATHS, errors="ignore").sort_values("lesion", ignore_index=True)
