"""Any metric of one run with its interval, by the jackknife or the bootstrap over patients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from mammo.statistics.content_order import number_patients
from mammo.statistics.curves import Floats
from mammo.statistics.few import FEWEST, class_patients, lack_of_patients
from mammo.statistics.intervals.bootstrap import RESAMPLES, resample_counts
from mammo.statistics.intervals.delong import clopper_pearson, sizes_of
from mammo.statistics.intervals.score import LEVEL
from mammo.storage.json_files import json_value

if TYPE_CHECKING:
    from mammo.statistics.scored import Scored

AT_ONCE = 2**21
"""The most weights in memory at once."""

Weighted = Callable[[ArrayLike, ArrayLike, ArrayLike], Floats]
"""A metric of labels (N,) and logits (N,) whose images count `weights` (B, N) times: (B,)."""


@dataclass(frozen=True)
class Measurement:
    """A value, its 95 % interval, and the number of images (or breasts, or patients) that it was computed from.

    `reason` says why there is no interval, whose bounds are then NaN.
    """

    value: float
    low: float
    high: float
    n: int
    reason: str = ""

    @property
    def complement(self) -> Measurement:
        """One minus a share, such as the false negative rate of a sensitivity."""
        return Measurement(1 - self.value, 1 - self.high, 1 - self.low, self.n, self.reason)

    def to_json(self) -> dict[str, Any]:
        """The measurement as plain JSON values, an undefined number as null."""
        interval = json_value([self.low, self.high])
        return {"value": json_value(self.value), "interval": interval, "n": self.n, "reason": self.reason or None}


def measure_metric(
    metric: Weighted,
    scored: Scored,
    least: float = 0.0,
    smooth: bool = True,
    fewest: int = FEWEST,
    resamples: int = RESAMPLES,
) -> Measurement:
    """A metric of one run, between `least` and 1, with its 95 % interval by patient.

    The variance is that of the jackknife, which leaves out each patient in turn, or, where the metric is read off a
    curve and therefore not `smooth`, that of `resamples` resamples of the patients. The interval is Clopper and
    Pearson's for a share of the same variance, with the number of trials reduced by Student's t (Korn and Graubard,
    Survey Methodology 24, 1998). Where the variance is 0, the number of trials is the number of patients of the rarer
    class. NaN where the metric is undefined or a class comes from fewer than `fewest` patients.
    """
    scored = scored.arranged
    labels, logits = np.asarray(scored.labels), np.asarray(scored.logits)
    number = labels.size
    value = float(metric(labels, logits, np.ones((1, number)))[0]) if number else np.nan
    reason = lack_of_patients(labels, scored.patients, fewest, scored.classes)
    if reason or not np.isfinite(value):
        return Measurement(value if np.isfinite(value) else np.nan, np.nan, np.nan, number, reason)
    names, patient = number_patients(scored.patients)
    counts = 1 - np.eye(names.size, dtype=np.int64) if smooth else resample_counts(names.size, resamples)
    replicates = _replicates(metric, labels, logits, counts, patient)
    replicates = replicates[np.isfinite(replicates)]
    rarer = min(class_patients(labels, scored.patients))
    factor = replicates.size - 1 if smooth else rarer / (rarer - 1)
    share, variance = (value - least) / (1 - least), factor * float(np.var(replicates)) / (1 - least) ** 2
    within, quantile = share * (1 - share), sizes_of(labels, scored.patients).quantile
    varies = within > 0 and variance > 1e-18
    trials = within / variance * (ndtri(1 - LEVEL / 2) / quantile) ** 2 if varies else rarer
    low, high = least + (1 - least) * clopper_pearson(np.array([share]), trials)[0]
    return Measurement(value, float(low), float(high), number)


def _replicates(
    metric: Weighted, labels: NDArray[Any], logits: NDArray[Any], counts: NDArray[np.int64], patient: NDArray[np.intp]
) -> Floats:
    """The metric in B samples of which each holds each patient `counts` (B, K) times, (B,)."""
    step = max(1, AT_ONCE // labels.size)
    pieces = [metric(labels, logits, counts[first : first + step][:, patient]) for first in range(0, len(counts), step)]
    return np.concatenate(pieces)
