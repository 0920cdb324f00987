"""Labels derived from BI-RADS: a comparison of the reader with them is circular."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mammo.data.birads import reader_scores

if TYPE_CHECKING:
    import pandas as pd

BIRADS = re.compile(r"bi[\W_]*rads|^assessment$", re.IGNORECASE)
"""Matches the names of columns and labels that hold BI-RADS assessments."""
FEWEST = 20
"""Patients that are needed before 'every assessment has one label' is more than a coincidence."""
NO_READER = "No reader's line: the labels are made from BI-RADS"
"""The note in a figure that replaces the reader's line."""
MAY_BE = (
    "Every BI-RADS assessment has one label only: the labels may be made from BI-RADS, and the reader's ROC says "
    "nothing then."
)


@dataclass(frozen=True)
class Circularity:
    """Why the reader's ROC is or may be meaningless; `certain` where it is known that BI-RADS gave the labels."""

    certain: bool
    reason: str


def circularity(about: Mapping[str, Any], table: pd.DataFrame) -> Circularity | None:
    """Whether the labels of a data set were derived from BI-RADS; None without any evidence.

    `about` describes the columns and classes of the data set or sweep; `table` holds patients, labels and BI-RADS.
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
    """Whether every assessment has one label only, in a table with enough patients and several labels."""
    if "birads" not in table:
        return False
    assessed = table.assign(score=reader_scores(table["birads"])).dropna(subset=["score"])
    if assessed["patient"].nunique() < FEWEST or assessed["label"].nunique() < 2:
        return False
    return bool((assessed.groupby("score")["label"].nunique() == 1).all())
