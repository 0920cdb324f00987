"""Labels made from BI-RADS: a reader compared with them is compared with himself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mammo.data.birads import reader_scores

if TYPE_CHECKING:
    import pandas as pd

BIRADS = re.compile(r"bi[\W_]*rads|^assessment$", re.IGNORECASE)
"""How columns and labels are named that hold BI-RADS assessments."""
FEWEST = 20
"""Patients from which on it is no accident that every assessment has one label."""
NO_READER = "No reader's line: the labels are made from BI-RADS"
"""What a figure says in place of the reader's line."""
MAY_BE = (
    "Every BI-RADS assessment has one label only: the labels may be made from BI-RADS, and the reader's ROC says "
    "nothing then."
)


@dataclass(frozen=True)
class Circularity:
    """Why the reader's ROC says nothing or may say nothing; `certain` where it is known how the labels were made."""

    certain: bool
    reason: str


def circularity(about: Mapping[str, Any], table: pd.DataFrame) -> Circularity | None:
    """Whether the labels of a data set were made from BI-RADS; None where nothing speaks for it.

    `about` is what the data set or a sweep says of its columns and classes; `table` holds patients, labels and BI-RADS.
    """
    columns, classes = about.get("columns") or {}, about.get("classes") or {}
    label, birads = str(columns.get("label", "")), str(columns.get("birads", ""))
    positive = str(classes.get("positive", ""))
    if label and (label == birads or about.get("labels_from_birads")):
        source = f"the column {label!r}, which holds the BI-RADS assessments"
    elif BIRADS.search(label):
        source = f"the column {label!r}, which names BI-RADS assessments"
    elif BIRADS.search(positive):
        source = f"BI-RADS assessments ({positive})"
    else:
        return Circularity(False, MAY_BE) if _agrees(table) else None
    return Circularity(
        True,
        f"The labels are made from {source}: the reader's ROC would compare BI-RADS with itself, and none is drawn.",
    )


def _agrees(table: pd.DataFrame) -> bool:
    """Whether each of several assessments goes with one label only, in a set that has enough patients to tell."""
    if "birads" not in table:
        return False
    known = table.assign(score=reader_scores(table["birads"])).dropna(subset=["score"])
    if known["patient"].nunique() < FEWEST or known["label"].nunique() < 2:
        return False
    return bool((known.groupby("score")["label"].nunique() == 1).all())
