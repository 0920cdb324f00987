"""Calibration, whether probabilities agree with frequencies: temperature scaling and the calibration curve."""

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

LOWEST, HIGHEST = 0.01, 100.0
"""Bounds of a temperature: scores that order the validation images the wrong way would ask for an infinite one."""
AT_BOUND = 1e-6
"""A temperature whose relative distance from a bound is below this stands at the bound."""
HALVINGS = 60
BINS = 10


@dataclass(frozen=True)
class CalibrationBin:
    """The mean probability of a bin, its share of malignant images with the 95 % interval, and its number of images.

    The bounds are NaN where there are too few patients (`few`).
    """

    probability: float
    share: float
    low: float
    high: float
    n: int


def temperature(labels: ArrayLike, logits: ArrayLike) -> float:
    """The temperature T for which the probabilities of `logits` (N,) / T fit `labels` (N,) best, from 0.01 to 100.

    It is fitted on validation images and does not change the order of images (Guo et al., ICML 2017). The targets are
    Platt's (1999): (N₊ + 1) / (N₊ + 2) for the malignant and 1 / (N₋ + 2) for the benign, so that scores which separate
    a few images perfectly do not become certain. The slope of the cross-entropy in 1 / T increases monotonically, so
    bisection finds its zero. 1 where a class is missing, NaN where a logit is NaN.
    """
    positive, scores = checked(labels, np.asarray(logits, dtype=float))
    order = np.lexsort((scores, positive))  # so that rounding errors of sums do not depend on the order of rows
    positive, scores = positive[order], scores[order]
    if positive.all() or not positive.any():
        return 1.0
    if np.isnan(scores).any():
        return float("nan")
    malignant, benign = int(positive.sum()), int((~positive).sum())
    target = np.where(positive, (malignant + 1) / (malignant + 2), 1 / (benign + 2))
    low, high = np.log(LOWEST), np.log(HIGHEST)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        slope = np.mean((probability(scores * np.exp(-middle)) - target) * scores)
        low, high = (middle, high) if slope > 0 else (low, middle)
    return float(np.exp((low + high) / 2))


def bound_note(fitted: float, of: str = "", unit: str = "images", classes: ClassNames = PLAIN) -> str:
    """A warning about a temperature that stands at a bound; empty for any other temperature.

    `of`, such as ` of sweep.3`, names the run; `unit` is what the temperature was fitted on: images, breasts or
    patients.
    """
    if fitted > HIGHEST * (1 - AT_BOUND):
        why = f"validation {unit} of higher scores are not {classes.positive} more often"
        return f"The temperature{of} is at its upper bound, {HIGHEST:g}: {why}."
    if fitted < LOWEST * (1 + AT_BOUND):
        return f"The temperature{of} is at its lower bound, {LOWEST:g}: the scores hardly differ from one another."
    return ""


def calibration_curve(scored: Scored, bins: int = BINS, quantile: bool = True) -> list[CalibrationBin]:
    """The non-empty bins of a run's probabilities, from low to high.

    With `quantile` all bins hold about the same number of images, otherwise all have the same width. The means are
    those of scikit-learn's `calibration_curve`. Intervals are clustered by patient.
    """
    scored = scored.arranged
    positive, logits = checked(scored.labels, scored.logits)
    probabilities, patients = probability(logits), np.asarray(scored.patients)
    if not probabilities.size or np.isnan(probabilities).any():
        return []
    edges = np.linspace(0, 1, bins + 1)
    if quantile:
        edges = np.quantile(probabilities, edges)
    number = np.searchsorted(edges[1:-1], probabilities)
    members = [number == bin_number for bin_number in np.unique(number)]
    return [_bin(probabilities[rows], positive[rows], patients[rows]) for rows in members]


def _bin(probabilities: Floats, positive: NDArray[np.bool_], patients: NDArray[np.str_]) -> CalibrationBin:
    low, high = share_interval(positive, patients)
    return CalibrationBin(float(probabilities.mean()), float(positive.mean()), low, high, positive.size)
