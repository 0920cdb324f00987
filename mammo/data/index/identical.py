"""Identical files under several names: what contradicts itself in them is said."""

from __future__ import annotations

import pandas as pd

from mammo.specs.class_names import PLAIN, ClassNames

EXAMPLES = 3
CONTRADICTIONS = {"label": "opposite labels", "patient": "different patients"}
"""What one picture cannot have two of."""


def identical_files(images: pd.DataFrame, classes: ClassNames = PLAIN) -> tuple[list[str], list[str]]:
    """What contradicts itself between images whose files have the same content (column `digest`).

    Notes, which name no image, and remarks with the names.
    """
    images = images.assign(label=images["label"].replace(classes.by_label))
    same = images[images["digest"].notna() & images["digest"].duplicated(keep=False)]
    notes, remarks = [], []
    for column, words in CONTRADICTIONS.items():
        groups = same.groupby("digest", sort=False)
        differ = same[groups[column].transform("nunique") > 1]
        pairs = [_told(group, column) for _, group in differ.groupby("digest", sort=False)]
        if pairs:
            more = f" and {len(pairs) - EXAMPLES} more" if len(pairs) > EXAMPLES else ""
            count = "1 group" if len(pairs) == 1 else f"{len(pairs)} groups"
            notes.append(f"Identical files have {words} ({count} of such files).")
            remarks.append(f"Identical files with {words}: {'; '.join(pairs[:EXAMPLES])}{more}.")
    return notes, remarks


def _told(group: pd.DataFrame, column: str) -> str:
    """One image of each value: `a.png (benign) and b.png (malignant)`."""
    first = group.drop_duplicates(column)
    return " and ".join(f"{image} ({value})" for image, value in zip(first["image"], first[column], strict=True))
