"""How a run does on kinds of images: by density, subtlety, finding, view, or any column that came with the images."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mammo.data.column_words import UNKNOWN
from mammo.errors import MammoError
from mammo.statistics.intervals.measurement import Measurement
from mammo.statistics.measures import measure_auc
from mammo.statistics.operating import measure_at

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mammo.runs.stored_run import StoredRun
    from mammo.statistics.scored import Scored

FEWEST = 10
"""Malignant and benign images that a group must have, each, before its figures are worth comparing."""
MOST = 12
"""Values that stand for themselves; of more, numbers are put in quarters and the rarer words together."""
OTHERS, ALL = "all others", "All"
MEASURES = {
    "auc": "AUC",
    "false_negative_rate": "False negative rate",
    "false_positive_rate": "False positive rate",
}


@dataclass(frozen=True)
class Subgroup:
    """One group of a part's images: how many, how many of them malignant, of how many patients, and `MEASURES`."""

    value: str
    n: int
    malignant: int
    patients: int
    measures: dict[str, Measurement]

    @property
    def small(self) -> bool:
        """Whether there are fewer than `FEWEST` of either class, so that its figures say little."""
        return min(self.malignant, self.n - self.malignant) < FEWEST

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        counts = {"value": self.value, "n": self.n, "malignant": self.malignant, "patients": self.patients}
        measures = {name: one.to_json() for name, one in self.measures.items()}
        return {**counts, "small": self.small, **measures}


def subgroups(run: StoredRun, part: str, column: str, threshold: float) -> list[Subgroup]:
    """All images of a part, and then its groups by a column of the images, with errors at a logit `threshold`.

    Intervals are those of each group by itself: none is corrected for how many groups one looks at. Raises MammoError
    where the sweep keeps no such column.
    """
    images, scored = run.images(part), run.scored(part)
    if column not in images:
        raise MammoError(
            f"The images of this sweep have no column {column!r}; they have: {', '.join(map(str, images))}."
        )
    values, order = group_values(images[column])
    rows = {value: (values == value).to_numpy() for value in order}
    whole = np.ones(len(images), dtype=bool)
    return [_subgroup(value, scored, chosen, threshold) for value, chosen in {ALL: whole, **rows}.items()]


def group_values(column: pd.Series) -> tuple[pd.Series, list[str]]:
    """Each row's group as a word, and the groups in order: what is missing comes last."""
    text = column.astype("string").fillna("")
    known = text != ""
    numbers = pd.to_numeric(column.where(known.to_numpy()), errors="coerce").astype("float64")
    numeric = bool(numbers.notna().sum() == known.sum())
    if text[known].nunique() > MOST and numeric:
        words, order = _quarters(numbers)
    else:
        often = text[known].value_counts()
        kept = sorted(often.index, key=lambda value: (-often[value], value))[:MOST]
        words = text.where(text.isin(kept), OTHERS)
        order = sorted(kept, key=float) if numeric else sorted(kept)
        order += [OTHERS] if text[known].nunique() > MOST else []
    words = words.where(known.to_numpy(), UNKNOWN)
    return words, order + ([] if known.all() else [UNKNOWN])


def _quarters(numbers: pd.Series) -> tuple[pd.Series, list[str]]:
    """Numbers in four groups of about the same size, named by their least and greatest."""
    place = pd.qcut(numbers, 4, labels=False, duplicates="drop")
    ends = numbers.groupby(place).agg(["min", "max"])
    named = {number: f"{low:g}–{high:g}" for number, low, high in ends.itertuples()}
    return place.map(named).astype("string"), list(named.values())


def _subgroup(value: str, scored: Scored, chosen: NDArray[np.bool_], threshold: float) -> Subgroup:
    labels, logits, patients = (np.asarray(held)[chosen] for held in (scored.labels, scored.logits, scored.patients))
    some = replace(scored, labels=labels, logits=logits, patients=patients)
    measures = {
        "auc": measure_auc(some),
        "false_negative_rate": _error(measure_at(some, threshold, "sensitivity")),
        "false_positive_rate": _error(measure_at(some, threshold, "specificity")),
    }
    return Subgroup(value, labels.size, int(labels.sum()), pd.unique(patients).size, measures)


def _error(share: Measurement) -> Measurement:
    return Measurement(1 - share.value, 1 - share.high, 1 - share.low, share.n, share.reason)
