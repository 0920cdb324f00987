"""The bootstrap of AUCs: patients are resampled, and every run is scored on the same resamples."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from mammo.statistics.content_order import number_patients
from mammo.statistics.few import FEWEST, lack_of_patients
from mammo.statistics.intervals.delong import sizes_of
from mammo.statistics.intervals.score import Sizes, score_interval
from mammo.statistics.metrics import Floats, auc

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

RESAMPLES = 2000
SEED = 0
EXACT = 2**23
"""Below this, float32 represents every multiple of one half exactly, and so every count of pairs."""
AT_ONCE = 2**24
"""The most numbers of a table of counts in memory at once."""


@dataclass(frozen=True)
class ResampledAucs:
    """AUCs of R runs: `aucs` (R,) on all images and `resampled` (R, B) in B resamples of the patients."""

    aucs: Floats
    resampled: Floats
    sizes: Sizes

    @cached_property
    def variance(self) -> Floats:
        """Variance of every run's AUC, (R,)."""
        rows = np.arange(self.aucs.size)
        return self.pair_covariance(rows, rows)

    def pair_covariance(self, first: NDArray[np.intp], second: NDArray[np.intp]) -> Floats:
        """Covariance of the AUCs of the runs `first` (P,) with those of the runs `second` (P,), pair by pair: (P,).

        The variance over resamples of K patients is (K - 1) / K of the variance over new samples of K patients.
        """
        centred = self.resampled - self.resampled.mean(axis=1, keepdims=True)
        fewest = int(self.sizes.patients.min())
        covariance: Floats = np.einsum("pb,pb->p", centred[first], centred[second]) / self.resampled.shape[1]
        return covariance * fewest / (fewest - 1)


def bootstrap_interval(labels: ArrayLike, logits: ArrayLike, patients: ArrayLike) -> Floats:
    """95 % interval of every run's AUC, (R, 2), for `logits` (R, N), by the bootstrap over `patients` (N,).

    The score interval (`intervals.score`) with the variance over resamples. NaN where there are too few patients
    (`few`), a class is missing or a logit is NaN.
    """
    estimate = resampled(labels, logits, patients)
    return np.full((len(np.atleast_2d(logits)), 2), np.nan) if estimate is None else score_interval(estimate)


def resampled(
    labels: ArrayLike,
    logits: ArrayLike,
    patients: ArrayLike,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    fewest: int = FEWEST,
) -> ResampledAucs | None:
    """AUCs of `logits` (R, N) in resamples of `patients` (N,); all runs share the resamples.

    Resamples that lack a class are left out. None where either class comes from fewer than `fewest` patients.
    """
    scores = np.atleast_2d(logits)
    if lack_of_patients(labels, patients, fewest):
        return None
    names, patient = number_patients(patients)
    aucs = resampled_aucs(labels, scores, resample_counts(names.size, resamples, seed)[:, patient])
    defined = ~np.isnan(aucs).all(axis=0) | np.isnan(aucs).all()
    return ResampledAucs(auc(labels, scores), aucs[:, defined], sizes_of(labels, patients))


@lru_cache(maxsize=4)
def resample_counts(patients: int, resamples: int = RESAMPLES, seed: int = SEED) -> NDArray[np.int64]:
    """How many times each resample holds each patient, (resamples, patients); a read-only array."""
    chance = np.random.default_rng(seed)
    counts = chance.multinomial(patients, np.full(patients, 1 / patients), size=resamples)
    counts.setflags(write=False)
    return counts


def resampled_aucs(labels: ArrayLike, logits: ArrayLike, weights: ArrayLike) -> Floats:
    """AUC of every run of `logits` (R, N) in B resamples in which image i counts `weights[b, i]` times (B, N): (R, B).

    The scores of each run are sorted once. Cumulative sums of the benign images' weights give, for all resamples at
    once, how many benign images lie below a score; a malignant image has the same rank among them in every resample.
    NaN where a resample lacks a class and where a logit of the run is NaN.
    """
    scores, positive = np.atleast_2d(logits), np.asarray(labels) == 1
    counts = np.asarray(weights).T
    pairs = counts[positive].sum(axis=0) * counts[~positive].sum(axis=0)
    dtype = np.float32 if pairs.max(initial=0) < EXACT else np.float64
    aucs = np.full((len(scores), counts.shape[1]), np.nan)
    step = max(1, AT_ONCE // max(len(counts), 1))
    for start in range(0, counts.shape[1], step):
        chunk = slice(start, start + step)
        malignant, benign = counts[positive, chunk].astype(dtype), counts[~positive, chunk].astype(dtype)
        won = _pairs_won(scores[:, positive], scores[:, ~positive], malignant, benign)
        np.divide(won, pairs[chunk], out=aucs[:, chunk], where=pairs[chunk] > 0)
    aucs[np.isnan(scores).any(axis=1)] = np.nan
    return aucs


def _pairs_won(
    malignant: NDArray[Any], benign: NDArray[Any], malignant_weights: NDArray[Any], benign_weights: NDArray[Any]
) -> Floats:
    """Weighted pairs in which the malignant score is the higher, a tie counting one half: (R, B).

    The scores are (R, M) and (R, N), the weights (M, B) and (N, B).
    """
    won = np.empty((len(malignant), malignant_weights.shape[1]))
    below = np.zeros((len(benign_weights) + 1, benign_weights.shape[1]), dtype=benign_weights.dtype)
    rows, weights = list(below), list(benign_weights)
    for run, (high, low) in enumerate(zip(malignant, benign, strict=True)):
        order = np.argsort(low)
        for row, image in enumerate(order.tolist()):  # row by row: numpy's cumsum down columns takes ten times as long
            np.add(rows[row], weights[image], out=rows[row + 1])
        first, last = np.searchsorted(low[order], high, "left"), np.searchsorted(low[order], high, "right")
        beaten = below[first]
        if (first != last).any():
            beaten = (beaten + below[last]) / 2
        won[run] = np.einsum("ib,ib->b", beaten, malignant_weights)
    return won
