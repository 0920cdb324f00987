"""Whether probabilities keep their word: temperature scaling and the calibration curve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mammo.specs.class_names import PLAIN, ClassNames
from mammo.statistics.curves import Floats, checked
from mammo.statistics.intervals.shares import share_interval
from mammo.statistics.metrics import probability

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from mammo.statistics.scored import Scored

COLDEST, HOTTEST = 0.01, 100.0
"""Temperatures end here: of scores that order the validation images the wrong way, none would be hot enough."""
AT_BOUND = 1e-6
"""How close to an end, as a part of it, a temperature stands that was stopped there."""
HALVINGS = 60
BINS = 10


@dataclass(frozen=True)
class CalibrationBin:
    """The mean probability of a bin, the share that is malignant with its 95 % interval, and how many it holds.

    The bounds are NaN where `few` gives no interval.
    """

    probability: float
    share: float
    low: float
    high: float
    n: int


def temperature(labels: ArrayLike, logits: ArrayLike) -> float:
    """The temperature T for which the probabilities of `logits` (N,) / T fit best, between 0.01 and 100.

    It is fitted on validation images and moves no image past another (Guo et al., ICML 2017), to Platt's targets
    (1999): (N₊ + 1) / (N₊ + 2) for the malignant and 1 / (N₋ + 2) for the benign, so that scores which tell a few
    images apart without error are not taken for certain. The cross-entropy's slope in 1 / T only rises, so that halving
    the interval finds where it is 0. 1 where a class is missing, NaN where a logit is NaN.
    """
    positive, scores = checked(labels, np.asarray(logits, dtype=float))
    order = np.lexsort((scores, positive))  # so that the last bits of sums do not depend on rows
    positive, scores = positive[order], scores[order]
    if positive.all() or not positive.any():
        return 1.0
    if np.isnan(scores).any():
        return float("nan")
    malignant, benign = int(positive.sum()), int((~positive).sum())
    target = np.where(positive, (malignant + 1) / (malignant + 2), 1 / (benign + 2))
    low, high = np.log(COLDEST), np.log(HOTTEST)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        slope = np.mean((probability(scores * np.exp(-middle)) - target) * scores)
        low, high = (middle, high) if slope > 0 else (low, middle)
    return float(np.exp((low + high) / 2))


def bound_note(hot: float, of: str = "", unit: str = "images", classes: ClassNames = PLAIN) -> str:
    """What must be said of a temperature that stands at a bound; empty of any other.

    `of` says whose it is; it was fitted on images, breasts or patients, the `unit`.
    """
    if hot > HOTTEST * (1 - AT_BOUND):
        why = f"validation {unit} of higher scores are not {classes.positive} more often"
        return f"The temperature{of} is at its upper bound, {HOTTEST:g}: {why}."
    if hot < COLDEST * (1 + AT_BOUND):
        return f"The temperature{of} is at its lower bound, {COLDEST:g}: the scores hardly differ from one another."
    return ""


def calibration_curve(scored: Scored, bins: int = BINS, quantile: bool = True) -> list[CalibrationBin]:
    """The bins of a run's probabilities that hold any, from low to high.

    Bins hold about as many images each or, where not `quantile`, are as wide; the means are those of scikit-learn's
    `calibration_curve`. Intervals count patients.
    """
    scored = scored.arranged
    positive, logits = checked(scored.labels, scored.logits)
    chance, patients = probability(logits), np.asarray(scored.patients)
    if not chance.size or np.isnan(chance).any():
        return []
    edges = np.linspace(0, 1, bins + 1)
    if quantile:
        edges = np.quantile(chance, edges)
    number = np.searchsorted(edges[1:-1], chance)
    return [
        _bin(chance[chosen], positive[chosen], patients[chosen]) for chosen in map(number.__eq__, np.unique(number))
    ]


def _bin(chance: Floats, positive: NDArray[np.bool_], patients: NDArray[np.str_]) -> CalibrationBin:
    low, high = share_interval(positive, patients)
    return CalibrationBin(float(chance.mean()), float(positive.mean()), low, high, positive.size)
