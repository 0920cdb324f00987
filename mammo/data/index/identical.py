"""Identical files under several names: contradictions between them are reported."""

from __future__ import annotations

import pandas as pd

from mammo.specs.class_names import PLAIN, ClassNames

EXAMPLES = 3
CONTRADICTIONS = {"label": "opposite labels", "patient": "different patients"}
"""Columns of which one picture can have one value only, with words for a contradiction."""


def identical_files(images: pd.DataFrame, classes: ClassNames = PLAIN) -> tuple[list[str], list[str]]:
    """Find contradictions between images whose files have the same content (column `digest`).

    Returns notes, which name no image, and remarks with the names.
    """
    images = images.assign(label=images["label"].replace(classes.by_label))
    same = images[images["digest"].notna() & images["digest"].duplicated(keep=False)]
    notes, remarks = [], []
    for column, words in CONTRADICTIONS.items():
        groups = same.groupby("digest", sort=False)
        differ = same[groups[column].transform("nunique") > 1]
        pairs = [_describe(group, column) for _, group in differ.groupby("digest", sort=False)]
        if pairs:
            remainder = f" and {len(pairs) - EXAMPLES} more" if len(pairs) > EXAMPLES else ""
            count = "1 group" if len(pairs) == 1 else f"{len(pairs)} groups"
            notes.append(f"Identical files have {words} ({count} of such files).")
            remarks.append(f"Identical files with {words}: {'; '.join(pairs[:EXAMPLES])}{remainder}.")
    return notes, remarks


def _describe(group: pd.DataFrame, column: str) -> str:
    """Describe one image of each value: `a.png (benign) and b.png (malignant)`."""
    first = group.drop_duplicates(column)
    return " and ".join(f"{image} ({value})" for image, value in zip(first["image"], first[column], strict=True))
