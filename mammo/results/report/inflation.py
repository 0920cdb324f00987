"""The inflation of AUC by leakage: a difference of mean AUCs between runs whose images and patients overlap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mammo.statistics.few import lack_of_patients
from mammo.statistics.intervals.delong import components, sizes_of
from mammo.statistics.intervals.score import AucCovariance, Sizes, score_difference
from mammo.statistics.metrics import auc

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mammo.statistics.scored import Scored


@dataclass(frozen=True)
class Effect:
    """A difference of AUCs with its 95 % interval; `reason` says why there is none, and its bounds are then NaN."""

    value: float
    low: float
    high: float
    reason: str = ""


def mean_difference(first: Sequence[Scored], second: Sequence[Scored]) -> Effect:
    """Mean AUC of the runs `first` less that of the runs `second`, with its 95 % interval over patients.

    The contributions of a patient's images to the AUCs (DeLong's structural components, as `components` sums them)
    are added over all runs, so that a patient who is scored in several runs counts once; the interval is that of
    `score_difference`. For two runs on the same images, where no patient has images of both classes, this is the
    paired test of `mammo compare`. The interval covers new patients scored by the same heads; the effect of new
    training images is the spread over draws. There is no interval where a run has too few patients for its own.
    """
    value = float(np.mean([run.value(auc) for run in first]) - np.mean([run.value(auc) for run in second]))
    reason = next(
        filter(None, (lack_of_patients(run.labels, run.patients, classes=run.classes) for run in (*first, *second))), ""
    )
    if reason or np.isnan(value):
        return Effect(value, np.nan, np.nan, reason)
    sides = [
        pd.concat([_by_patient(run) / len(runs) for run in runs]).groupby(level=0).sum() for runs in (first, second)
    ]
    added = pd.concat(sides, axis=1).fillna(0.0).to_numpy()
    added = added[np.lexsort(added.T)]  # else the last bits of the sums depend on names
    aucs = np.array([np.mean([run.value(auc) for run in runs]) for runs in (first, second)])
    estimate = AucCovariance(aucs, added.T @ added, _sizes([*first, *second]))
    (low, high), *_ = score_difference(estimate, np.array([0]), np.array([1]))[0].tolist()
    return Effect(value, low, high)


def _sizes(runs: Sequence[Scored]) -> Sizes:
    """The patients of all runs by class, and their images at the highest number of images a patient of any run."""
    labels, patients = (
        np.concatenate([np.asarray(getattr(run, name)) for run in runs]) for name in ("labels", "patients")
    )
    together = sizes_of(labels, patients)
    each = [sizes_of(run.labels, run.patients) for run in runs]
    share = np.max([run_sizes.images / run_sizes.patients for run_sizes in each], axis=0)
    return Sizes(together.patients, np.ceil(share * together.patients).astype(np.int64))


def _by_patient(run: Scored) -> pd.Series:
    """The contribution of each patient, by name, to a run's AUC."""
    run = run.arranged
    parts = components(run.labels, np.atleast_2d(run.logits), run.patients)
    assert parts is not None
    positive_weight, negative_weight, _ = np.sqrt(parts.weights)
    added = positive_weight * parts.positive[0] + negative_weight * parts.negative[0]
    return pd.Series(added, index=parts.patients)
