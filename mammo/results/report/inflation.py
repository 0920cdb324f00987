"""What a leak is worth: the difference of mean AUCs between runs whose images and patients overlap."""

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


def mean_difference(more: Sequence[Scored], less: Sequence[Scored]) -> Effect:
    """Mean AUC of the runs `more` less that of the runs `less`, with its 95 % interval over patients.

    What each patient's images add to every AUC (DeLong's structural components, as `intervals.components` sums them)
    is added up over all runs, so that a patient who is scored in several of them counts once; the interval is that of
    `score`. Of two runs on the same images, no patient with images of both classes, this is the paired test of
    `mammo compare`. It speaks of other patients scored by the same heads; what other training images would change is
    the spread over draws. Without interval where a run has too few patients for one of its own.
    """
    value = float(np.mean([run.value(auc) for run in more]) - np.mean([run.value(auc) for run in less]))
    reason = next(
        filter(None, (lack_of_patients(run.labels, run.patients, classes=run.classes) for run in (*more, *less))), ""
    )
    if reason or np.isnan(value):
        return Effect(value, np.nan, np.nan, reason)
    sides = [pd.concat([_by_patient(run) / len(runs) for run in runs]).groupby(level=0).sum() for runs in (more, less)]
    added = pd.concat(sides, axis=1).fillna(0.0).to_numpy()
    added = added[np.lexsort(added.T)]  # so that the sums' last bits do not depend on names
    areas = np.array([np.mean([run.value(auc) for run in runs]) for runs in (more, less)])
    estimate = AucCovariance(areas, added.T @ added, _sizes([*more, *less]))
    (low, high), *_ = score_difference(estimate, np.array([0]), np.array([1]))[0].tolist()
    return Effect(value, low, high)


def _sizes(runs: Sequence[Scored]) -> Sizes:
    """The patients of all runs, and as many images as these have in the run of most."""
    labels, patients = (
        np.concatenate([np.asarray(getattr(run, name)) for run in runs]) for name in ("labels", "patients")
    )
    together = sizes_of(labels, patients)
    each = [sizes_of(run.labels, run.patients) for run in runs]
    share = np.max([one.images / one.patients for one in each], axis=0)
    return Sizes(together.patients, np.ceil(share * together.patients).astype(np.int64))


def _by_patient(run: Scored) -> pd.Series:
    """What each patient, by name, adds to a run's AUC."""
    run = run.arranged
    parts = components(run.labels, np.atleast_2d(run.logits), run.patients)
    assert parts is not None
    own, other, _ = np.sqrt(parts.weights)
    added = own * parts.positive[0] + other * parts.negative[0]
    return pd.Series(added, index=parts.patients)
