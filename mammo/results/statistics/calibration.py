"""Whether probabilities keep their word: temperature scaling and the calibration curve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mammo.results.statistics.curves import Floats, checked
from mammo.results.statistics.metrics import probability
from mammo.results.statistics.shares import share_interval

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from mammo.results.scores import Scored

COLDEST, HOTTEST = 0.01, 100.0
"""Temperatures end here: of validation images that a run tells apart without error, none would be cold enough."""
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
    """The temperature T for which the probabilities of `logits` (N,) / T are likeliest, between 0.01 and 100.

    It is fitted on validation images and moves no image past another (Guo et al., ICML 2017). The likelihood's slope
    in 1 / T only rises, so that halving the interval finds where it is 0. 1 where a class is missing, NaN where a
    logit is NaN.
    """
    positive, scores = checked(labels, np.asarray(logits, dtype=float))
    if positive.all() or not positive.any():
        return 1.0
    if np.isnan(scores).any():
        return float("nan")
    low, high = np.log(COLDEST), np.log(HOTTEST)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        slope = np.mean((probability(scores * np.exp(-middle)) - positive) * scores)
        low, high = (middle, high) if slope > 0 else (low, middle)
    return float(np.exp((low + high) / 2))


def calibration_curve(scored: Scored, bins: int = BINS, quantile: bool = True) -> list[CalibrationBin]:
    """The bins of a run's probabilities that hold any, from low to high.

    Bins hold about as many images each or, where not `quantile`, are as wide; the means are those of scikit-learn's
    `calibration_curve`. Intervals count patients.
    """
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
