"""What a leak is worth: the difference of mean AUCs between runs whose images and patients overlap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mammo.results.statistics.intervals import Z, components
from mammo.results.statistics.metrics import auc

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mammo.results.scores import Scored


@dataclass(frozen=True)
class Effect:
    """A difference of AUCs with its 95 % interval; the bounds are NaN where they cannot be estimated."""

    value: float
    low: float
    high: float


def mean_difference(more: Sequence[Scored], less: Sequence[Scored]) -> Effect:
    """Mean AUC of the runs `more` less that of the runs `less`, with its 95 % interval over patients.

    What each patient's images add to every AUC (DeLong's structural components, as `intervals.components` sums them)
    is added up over all runs, so that a patient who is scored in several of them counts once. Of two runs on the same
    images, no patient with images of both classes, this is DeLong's paired test. It speaks of other patients scored by
    the same heads; what other training images would change is the spread over draws.
    """
    weighted = [(run, sign / len(runs)) for runs, sign in ((more, 1.0), (less, -1.0)) for run in runs]
    value = sum(weight * run.value(auc) for run, weight in weighted)
    parts = [_by_patient(run) for run, _ in weighted]
    if any(part is None for part in parts):
        return Effect(value, np.nan, np.nan)
    added = pd.concat([part * weight for part, (_, weight) in zip(parts, weighted, strict=True) if part is not None])
    half = Z * float(np.sqrt((added.groupby(level=0).sum() ** 2).sum()))
    return Effect(value, value - half, value + half)


def _by_patient(run: Scored) -> pd.Series | None:
    """What each patient, by name, adds to a run's AUC; None where no variance can be estimated."""
    parts = components(run.labels, np.atleast_2d(run.logits), run.patients)
    if parts is None:
        return None
    own, other, _ = np.sqrt(parts.weights)
    added = own * parts.positive[0] + other * parts.negative[0]
    return pd.Series(added, index=np.unique(np.asarray(run.patients)))
