"""Every metric of a run with the interval of its kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mammo.specs import pick
from mammo.statistics.few import FEWEST, FEWEST_BY_METRIC, lack_of_patients
from mammo.statistics.intervals.delong import accuracy_interval, auc_interval
from mammo.statistics.intervals.measurement import Measurement, measure_metric
from mammo.statistics.metrics import METRICS
from mammo.statistics.operating import MEASURES, measure_at

if TYPE_CHECKING:
    from mammo.statistics.scored import Scored

INTERVALS = {"auc": auc_interval, "accuracy": accuracy_interval}
"""The metrics whose intervals are computed for many runs at once."""


def measure(name: str, scored: Scored) -> Measurement:
    """The metric `name` of `METRICS` of one run with its interval.

    The AUC has the score interval, metrics at probability 0.5 have that of `MEASURES`, the others that of
    `measure_metric`.
    """
    metric = pick(METRICS, name, "metric")
    if name == "auc":
        return measure_auc(scored)
    if name in MEASURES:
        return measure_at(scored, 0.0, name)
    return measure_metric(metric.function, scored, metric.least, metric.smooth, FEWEST_BY_METRIC.get(name, FEWEST))


def _lack(scored: Scored) -> str:
    return lack_of_patients(scored.labels, scored.patients, classes=scored.classes)


def measure_auc(scored: Scored) -> Measurement:
    """The AUC of a run with its score interval."""
    low, high = scored.interval(auc_interval)
    value, reason = scored.value(METRICS["auc"].function), _lack(scored)
    return Measurement(value, low, high, np.size(scored.labels), reason)
