"""Every metric of a run with the interval of its kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mammo.specs import pick
from mammo.statistics.few import FEWEST, MORE, lack_of_patients
from mammo.statistics.intervals.delong import accuracy_interval, auc_interval
from mammo.statistics.intervals.measured import Measured, measured
from mammo.statistics.metrics import METRICS
from mammo.statistics.operating import MEASURES, measure_at

if TYPE_CHECKING:
    from mammo.statistics.scored import Scored

INTERVALS = {"auc": auc_interval, "accuracy": accuracy_interval}
"""The metrics whose intervals are computed for many runs at once."""


def measure(name: str, scored: Scored) -> Measured:
    """An entry of `METRICS` of one run with its interval.

    The AUC's is the score interval; metrics at probability 0.5 have those of `MEASURES`, the others that of `measured`.
    """
    metric = pick(METRICS, name, "metric")
    if name == "auc":
        return measured_auc(scored)
    if name in MEASURES:
        return measure_at(scored, 0.0, name)
    return measured(metric.function, scored, metric.least, metric.smooth, MORE.get(name, FEWEST))


def _lack(scored: Scored) -> str:
    return lack_of_patients(scored.labels, scored.patients, classes=scored.classes)


def measured_auc(scored: Scored) -> Measured:
    """The AUC of a run with its score interval."""
    low, high = scored.interval(auc_interval)
    value, reason = scored.value(METRICS["auc"].function), _lack(scored)
    return Measured(value, low, high, np.size(scored.labels), reason)
