"""The performance of a run on subgroups of images: by density, subtlety, finding, view, or any other column."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mammo.data.column_words import UNKNOWN
from mammo.errors import MammoError
from mammo.statistics.measures import measure_auc
from mammo.statistics.operating import measure_at

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mammo.runs.stored_run import StoredRun
    from mammo.statistics.intervals.measurement import Measurement
    from mammo.statistics.scored import Scored

FEWEST = 10
"""Malignant and benign images, each, that a group needs for a useful comparison."""
MOST = 12
"""The most values that get a group each; of more, numbers are divided into quarters and rare words are joined."""
OTHERS, ALL = "all others", "All"
MEASURES = {
    "auc": "AUC",
    "false_negative_rate": "False negative rate",
    "false_positive_rate": "False positive rate",
}


@dataclass(frozen=True)
class Subgroup:
    """One group of the images of a part: counts of images, malignant images and patients, and its `MEASURES`."""

    value: str
    n: int
    malignant: int
    patients: int
    measures: dict[str, Measurement]

    @property
    def small(self) -> bool:
        """Whether either class has fewer than `FEWEST` images, so that the measures are imprecise."""
        return min(self.malignant, self.n - self.malignant) < FEWEST

    def to_json(self) -> dict[str, Any]:
        """The subgroup as plain JSON values."""
        counts = {"value": self.value, "n": self.n, "malignant": self.malignant, "patients": self.patients}
        measures = {name: measured.to_json() for name, measured in self.measures.items()}
        return {**counts, "small": self.small, **measures}


def subgroups(run: StoredRun, part: str, column: str, threshold: float) -> list[Subgroup]:
    """All images of a part, and then its groups by a column of the images, with error rates at a logit `threshold`.

    The intervals are not corrected for the number of groups. Raises MammoError where the sweep has no such column.
    """
    images, scored = run.images(part), run.scored(part)
    if column not in images:
        raise MammoError(
            f"The images of this sweep have no column {column!r}; they have: {', '.join(map(str, images))}."
        )
    values, order = group_values(images[column])
    rows = {value: (values == value).to_numpy() for value in order}
    rows = {ALL: np.ones(len(images), dtype=bool), **rows}
    return [_subgroup(value, scored, members, threshold) for value, members in rows.items()]


def group_values(column: pd.Series) -> tuple[pd.Series, list[str]]:
    """The group of each row as a word, and the groups in order; that of missing values is last."""
    text = column.astype("string").fillna("")
    present = text != ""
    numbers = pd.to_numeric(column.where(present.to_numpy()), errors="coerce").astype("float64")
    numeric = bool(numbers.notna().sum() == present.sum())
    if text[present].nunique() > MOST and numeric:
        words, order = _quarters(numbers)
    else:
        counts = text[present].value_counts()
        frequent = sorted(counts.index, key=lambda value: (-counts[value], value))[:MOST]
        words = text.where(text.isin(frequent), OTHERS)
        order = sorted(frequent, key=float) if numeric else sorted(frequent)
        order += [OTHERS] if text[present].nunique() > MOST else []
    words = words.where(present.to_numpy(), UNKNOWN)
    return words, order + ([] if present.all() else [UNKNOWN])


def _quarters(numbers: pd.Series) -> tuple[pd.Series, list[str]]:
    """Numbers in four groups of about the same size, named by their lowest and highest value."""
    quarter = pd.qcut(numbers, 4, labels=False, duplicates="drop")
    ends = numbers.groupby(quarter).agg(["min", "max"])
    names = {number: f"{low:g}–{high:g}" for number, low, high in ends.itertuples()}
    return quarter.map(names).astype("string"), list(names.values())


def _subgroup(value: str, scored: Scored, members: NDArray[np.bool_], threshold: float) -> Subgroup:
    labels, logits, patients = (
        np.asarray(values)[members] for values in (scored.labels, scored.logits, scored.patients)
    )
    group = replace(scored, labels=labels, logits=logits, patients=patients)
    measures = {
        "auc": measure_auc(group),
        "false_negative_rate": measure_at(group, threshold, "sensitivity").complement,
        "false_positive_rate": measure_at(group, threshold, "specificity").complement,
    }
    return Subgroup(value, labels.size, int(labels.sum()), pd.unique(patients).size, measures)
