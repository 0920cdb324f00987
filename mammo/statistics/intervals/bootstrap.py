"""The bootstrap of AUCs: patients are drawn anew, and every run is scored on the same draws."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from mammo.statistics.content_order import first_seen
from mammo.statistics.few import FEWEST, lack_of_patients
from mammo.statistics.intervals.delong import sizes_of
from mammo.statistics.intervals.score import Sizes, score_interval
from mammo.statistics.metrics import Floats, auc

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

RESAMPLES = 2000
SEED = 0
EXACT = 2**23
"""Below this float32 holds every multiple of one half, and so every count of pairs."""
AT_ONCE = 2**24
"""Numbers of a table of counts that are held at once."""


@dataclass(frozen=True)
class Resampled:
    """AUCs of R runs: `area` (R,) as they are and `drawn` (R, B) in B resamples of the patients."""

    area: Floats
    drawn: Floats
    sizes: Sizes

    @cached_property
    def variance(self) -> Floats:
        """Variance of every run's AUC, (R,)."""
        everyone = np.arange(self.area.size)
        return self.pair_covariance(everyone, everyone)

    def pair_covariance(self, rows: NDArray[np.intp], others: NDArray[np.intp]) -> Floats:
        """Covariance of each AUC of `rows` (P,) with that of `others` (P,): (P,).

        Resamples of K patients vary by (K - 1) / K of what other patients would.
        """
        centred = self.drawn - self.drawn.mean(axis=1, keepdims=True)
        fewest = int(self.sizes.patients.min())
        covariance: Floats = np.einsum("pb,pb->p", centred[rows], centred[others]) / self.drawn.shape[1]
        return covariance * fewest / (fewest - 1)


def bootstrap_interval(labels: ArrayLike, logits: ArrayLike, patients: ArrayLike) -> Floats:
    """95 % interval of every run's AUC, (R, 2), for `logits` (R, N), by the bootstrap over `patients` (N,).

    The score interval of `score`, by the variance over resamples. NaN where `few` gives no interval, a class is
    missing or a logit is NaN.
    """
    found = resampled(labels, logits, patients)
    return np.full((len(np.atleast_2d(logits)), 2), np.nan) if found is None else score_interval(found)


def resampled(
    labels: ArrayLike,
    logits: ArrayLike,
    patients: ArrayLike,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    fewest: int = FEWEST,
) -> Resampled | None:
    """AUCs of `logits` (R, N) in resamples of `patients` (N,), the same for all runs.

    Resamples without one of the classes are left out. None where either class comes from fewer than `fewest` patients.
    """
    scores = np.atleast_2d(logits)
    if lack_of_patients(labels, patients, fewest):
        return None
    names, patient = first_seen(patients)
    drawn = resampled_areas(labels, scores, often(names.size, resamples, seed)[:, patient])
    kept = ~np.isnan(drawn).all(axis=0) | np.isnan(drawn).all()
    return Resampled(auc(labels, scores), drawn[:, kept], sizes_of(labels, patients))


@lru_cache(maxsize=4)
def often(patients: int, resamples: int = RESAMPLES, seed: int = SEED) -> NDArray[np.int64]:
    """How often each of so many patients comes in each resample, (resamples, patients); not to be written to."""
    chance = np.random.default_rng(seed)
    counts = chance.multinomial(patients, np.full(patients, 1 / patients), size=resamples)
    counts.setflags(write=False)
    return counts


def resampled_areas(labels: ArrayLike, logits: ArrayLike, weights: ArrayLike) -> Floats:
    """AUC of every run of `logits` (R, N) where image i counts `weights[b, i]` times (B, N): (R, B).

    Each run is sorted once. Down its benign images the weights of all resamples are summed up, which tells how many
    benign images lie below any score; a malignant image's place among them is the same in every resample. NaN where
    a resample has no image of one class, and where a run's logit is NaN.
    """
    scores, positive = np.atleast_2d(logits), np.asarray(labels) == 1
    counts = np.asarray(weights).T
    pairs = counts[positive].sum(axis=0) * counts[~positive].sum(axis=0)
    exact = np.float32 if pairs.max(initial=0) < EXACT else np.float64
    areas = np.full((len(scores), counts.shape[1]), np.nan)
    step = max(1, AT_ONCE // max(len(counts), 1))
    for start in range(0, counts.shape[1], step):
        some = slice(start, start + step)
        malignant, benign = counts[positive, some].astype(exact), counts[~positive, some].astype(exact)
        won = _pairs_won(scores[:, positive], scores[:, ~positive], malignant, benign)
        np.divide(won, pairs[some], out=areas[:, some], where=pairs[some] > 0)
    areas[np.isnan(scores).any(axis=1)] = np.nan
    return areas


def _pairs_won(malignant: NDArray[Any], benign: NDArray[Any], weights: NDArray[Any], others: NDArray[Any]) -> Floats:
    """Weighted pairs in which the malignant score is the higher, a tie counting one half: (R, B)."""
    won = np.empty((len(malignant), weights.shape[1]))
    below = np.zeros((len(others) + 1, weights.shape[1]), dtype=weights.dtype)
    rows, added = list(below), list(others)
    for run, (high, low) in enumerate(zip(malignant, benign, strict=True)):
        order = np.argsort(low)
        for row, image in enumerate(order.tolist()):  # row by row: numpy's cumsum down columns takes ten times as long
            np.add(rows[row], added[image], out=rows[row + 1])
        first, last = np.searchsorted(low[order], high, "left"), np.searchsorted(low[order], high, "right")
        beaten = below[first]
        if (first != last).any():
            beaten = (beaten + below[last]) / 2
        won[run] = np.einsum("ib,ib->b", beaten, weights)
    return won
