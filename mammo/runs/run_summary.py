"""The summary of one run: operating point, metrics, calibration, and subgroups of images."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mammo.runs.subgroups import subgroups
from mammo.statistics.calibration import bound_note, calibration_curve, temperature
from mammo.statistics.measures import measure
from mammo.statistics.metrics import METRICS
from mammo.statistics.operating import TARGET, operate
from mammo.statistics.predictive import predictive_values
from mammo.storage.json_files import json_value

if TYPE_CHECKING:
    from mammo.runs.stored_run import StoredRun
    from mammo.statistics.scored import Scored

PREVALENCE = 0.006
"""Cancers per woman screened: 5.1 of 1,000 were detected at a sensitivity of 86.9 % (Lehman, Radiology 283, 2017)."""


def run_summary(
    run: StoredRun,
    part: str = "test",
    rule: str = "youden",
    target: float = TARGET,
    prevalence: float = PREVALENCE,
    column: str | None = None,
) -> dict[str, Any]:
    """The performance of a run on the images of a part, as plain JSON values.

    Every measure has `value`, `interval` and `n`.

    The threshold and the temperature are chosen on validation. Raises MammoError where the rule, its target, the
    prevalence or the column of the subgroups is unknown.
    """
    validation, shown = run.scored("validation"), run.scored(part)
    point = operate(validation, shown, rule, target)
    values = predictive_values(point.measures["sensitivity"], point.measures["specificity"], prevalence)
    groups = subgroups(run, part, column, point.threshold) if column else []
    return {
        **_about(run, shown),
        "rule": rule,
        "target": point.target,
        "threshold": point.threshold,
        "probability": point.probability,
        "chosen_on": _sizes(validation),
        "confusion": {name: _count(value) for name, value in asdict(point.counts).items()},
        "measures": {name: measured.to_json() for name, measured in point.measures.items()},
        "predictive": {"prevalence": prevalence, "ppv": values[0].to_json(), "npv": values[1].to_json()},
        "metrics": {name: measure(name, shown).to_json() for name, metric in METRICS.items() if not metric.at_half},
        "calibration": _calibration(validation, shown),
        "column": column,
        "subgroups": [group.to_json() for group in groups],
    }


def calibrated(validation: Scored, shown: Scored) -> tuple[float, Scored]:
    """The temperature fitted to a run's validation images, and `shown` with its logits divided by it."""
    fitted = temperature(validation.labels, validation.logits)
    return fitted, replace(shown, logits=np.asarray(shown.logits, dtype=float) / fitted)


def _about(run: StoredRun, shown: Scored) -> dict[str, Any]:
    return {
        "run": run.id,
        "dataset": run.sweep.about["dataset"]["name"],
        "synthetic": run.sweep.synthetic,
        "weights_note": run.weights_note,
        "protocol": str(run.settings["protocol"]),
        "leakage": run.sweep.about["splits"][int(run.settings["split"])]["leakage"],
        "leaked": max(shown.leaked, shown.repeated),
        "level": run.sweep.level,
        "classes": run.sweep.classes.to_json(),
        **_sizes(shown),
    }


def _sizes(scored: Scored) -> dict[str, Any]:
    labels = np.asarray(scored.labels)
    counts = {"n": labels.size, "malignant": int(labels.sum()), "patients": pd.unique(np.asarray(scored.patients)).size}
    return {"part": scored.part, "unit": scored.unit, **counts}


def _calibration(validation: Scored, shown: Scored) -> dict[str, Any]:
    fitted, scaled = calibrated(validation, shown)
    return {
        "temperature": fitted if np.isfinite(fitted) else None,
        "temperature_note": bound_note(fitted, unit=validation.unit, classes=validation.classes) or None,
        "brier": measure("brier", scaled).to_json(),
        "bins": [json_value(asdict(group)) for group in calibration_curve(shown)],
        "scaled_bins": [json_value(asdict(group)) for group in calibration_curve(scaled)],
    }


def _count(value: Any) -> int | None:
    return int(value) if np.isfinite(value) else None
