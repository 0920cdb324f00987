"""Any metric of one run with its interval: the bootstrap over patients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mammo.results.plain import plain
from mammo.results.statistics.bootstrap import accelerated_interval, often
from mammo.results.statistics.curves import Floats
from mammo.results.statistics.intervals import accuracy_interval, auc_interval, rarer_patients, wilson
from mammo.results.statistics.metrics import METRICS
from mammo.specs import pick

if TYPE_CHECKING:
    from mammo.results.scores import Scored

INTERVALS = {"auc": auc_interval, "accuracy": accuracy_interval}
"""The metrics whose interval has a formula."""
AT_ONCE = 2**21
"""Weights that are held at once."""

Weighted = Callable[[ArrayLike, ArrayLike, ArrayLike], Floats]
"""A metric of labels (N,) and logits (N,) whose images count `weights` (B, N) times: (B,)."""


@dataclass(frozen=True)
class Measured:
    """A value, its 95 % interval, and the number of images (or breasts, or patients) that it was counted on."""

    value: float
    low: float
    high: float
    n: int

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, an undefined number as null."""
        return {"value": plain(self.value), "interval": plain([self.low, self.high]), "n": self.n}


def measure(name: str, scored: Scored) -> Measured:
    """An entry of `METRICS` of one run, with the interval of its kind: DeLong's, Wilson's or the bootstrap's."""
    metric = pick(METRICS, name, "metric").function
    if name not in INTERVALS:
        return measured(metric, scored)
    low, high = scored.interval(INTERVALS[name])
    return Measured(scored.value(metric), low, high, np.size(scored.labels))


def measured(metric: Weighted, scored: Scored) -> Measured:
    """A metric of one run with its 95 % interval, bias-corrected and accelerated, patients drawn anew.

    Where all resamples that count agree they say nothing; the interval is then Wilson's for a share among as many
    trials as the rarer class has patients. (0, 1) where a class comes from one patient only; NaN where the metric is
    undefined.
    """
    labels, logits = np.asarray(scored.labels), np.asarray(scored.logits)
    number = labels.size
    value = float(metric(labels, logits, np.ones((1, number)))[0]) if number else np.nan
    if not np.isfinite(value):
        return Measured(np.nan, np.nan, np.nan, number)
    if rarer_patients(labels, scored.patients) < 2:
        return Measured(value, 0.0, 1.0, number)
    names, patient = np.unique(np.asarray(scored.patients), return_inverse=True)
    drawn = _values(metric, labels, logits, often(names.size), patient)
    others = _values(metric, labels, logits, 1 - np.eye(names.size, dtype=np.int64), patient)
    drawn, influence = drawn[np.isfinite(drawn)], value - others[np.isfinite(others)]
    low, high = accelerated_interval(value, drawn, influence)
    if high - low < 1e-9:
        low, high = wilson(np.array([value]), rarer_patients(labels, scored.patients))[0]
    return Measured(value, float(low), float(high), number)


def _values(
    metric: Weighted, labels: NDArray[Any], logits: NDArray[Any], counts: NDArray[np.int64], patient: NDArray[np.intp]
) -> Floats:
    """The metric where each patient counts `counts` (B, K) times, (B,)."""
    step = max(1, AT_ONCE // labels.size)
    pieces = [metric(labels, logits, counts[first : first + step][:, patient]) for first in range(0, len(counts), step)]
    return np.concatenate(pieces)
