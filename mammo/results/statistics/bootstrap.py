"""The bootstrap of AUCs: patients are drawn anew, and every run is scored on the same draws."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import ndtr, ndtri

from mammo.results.statistics.intervals import LEVEL, components, rarer_patients, wilson
from mammo.results.statistics.metrics import Floats, auc

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
    """AUCs of R runs: `area` (R,) as they are and `drawn` (R, B) in B resamples of the patients.

    `influence` (R, K) is by how much each of K patients moves an AUC; it tells the resamples' skew.
    """

    area: Floats
    drawn: Floats
    influence: Floats

    def intervals(self) -> Floats:
        """95 % intervals of the AUCs, (R, 2), bias-corrected and accelerated (Efron, JASA 82, 1987)."""
        each = zip(self.area, self.drawn, self.influence, strict=True)
        return np.array([accelerated_interval(*one) for one in each]).reshape(-1, 2)

    def difference(self, first: int, second: int) -> tuple[tuple[float, float], float]:
        """95 % interval of the AUC of row `first` less that of row `second`, and the p value of there being none."""
        values = (held[first] - held[second] for held in (self.area, self.drawn, self.influence))
        value, drawn, influence = values
        return accelerated_interval(value, drawn, influence), _p_value(value, drawn, influence)


def bootstrap_interval(labels: ArrayLike, logits: ArrayLike, patients: ArrayLike) -> Floats:
    """95 % interval of every run's AUC, (R, 2), for `logits` (R, N), by the bootstrap over `patients` (N,).

    Where all resamples that count agree (AUC 0 or 1, or equal scores) they say nothing; the interval is then Wilson's,
    as in `intervals.auc_interval`. (0, 1) where a class comes from one patient only; NaN where a class is missing or a
    logit is NaN.
    """
    found = resampled(labels, logits, patients)
    if found is None:
        area = auc(labels, np.atleast_2d(logits))
        return np.where(np.isnan(area)[:, None], np.nan, np.array([0.0, 1.0]))
    bounds = found.intervals()
    silent = np.ptp(bounds, axis=1) < 1e-9
    return np.where(silent[:, None], wilson(found.area, rarer_patients(labels, patients)), bounds)


def resampled(
    labels: ArrayLike, logits: ArrayLike, patients: ArrayLike, resamples: int = RESAMPLES, seed: int = SEED
) -> Resampled | None:
    """AUCs of `logits` (R, N) in resamples of `patients` (N,), the same for all runs.

    Resamples without one of the classes are left out. None where either class comes from fewer than two patients.
    """
    scores = np.atleast_2d(logits)
    parts = components(labels, scores, patients)
    if parts is None:
        return None
    names, patient = np.unique(np.asarray(patients), return_inverse=True)
    drawn = resampled_areas(labels, scores, often(names.size, resamples, seed)[:, patient])
    kept = ~np.isnan(drawn).all(axis=0) | np.isnan(drawn).all()
    return Resampled(parts.area, drawn[:, kept], parts.positive + parts.negative)


def often(patients: int, resamples: int = RESAMPLES, seed: int = SEED) -> NDArray[np.int64]:
    """How often each of so many patients comes in each resample, (resamples, patients)."""
    chance = np.random.default_rng(seed)
    return chance.multinomial(patients, np.full(patients, 1 / patients), size=resamples)


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


def accelerated_interval(value: float, drawn: Floats, influence: Floats) -> tuple[float, float]:
    """95 % interval of `value`, which is `drawn` (B,) in resamples and moved by each patient by `influence` (K,)."""
    if np.isnan(value):
        return np.nan, np.nan
    bias, skew = _bias(value, drawn), _acceleration(influence)
    reach = bias + ndtri([LEVEL / 2, 1 - LEVEL / 2])
    low, high = np.quantile(drawn, ndtr(bias + reach / (1 - skew * reach)))
    return float(low), float(high)


def _p_value(value: float, drawn: Floats, influence: Floats) -> float:
    """Two-sided: the level at which the interval of `_interval` would just touch 0."""
    if np.isnan(value) or np.ptp(drawn) == 0:
        return float("nan") if np.isnan(value) else float(value == 0)
    bias, skew = _bias(value, drawn), _acceleration(influence)
    reach = ndtri(_share_below(drawn, 0.0)) - bias
    place = ndtr(reach / (1 + skew * reach) - bias)
    return float(2 * min(place, 1 - place))


def _bias(value: float, drawn: Floats) -> float:
    return float(ndtri(_share_below(drawn, value)))


def _share_below(drawn: Floats, value: float) -> float:
    """The share of resamples below a value, those equal to it counting one half; never 0 or 1."""
    below = np.count_nonzero(drawn < value) + np.count_nonzero(drawn == value) / 2
    return float((below + 0.5) / (drawn.size + 1))


def _acceleration(influence: Floats) -> float:
    squares = float((influence**2).sum())
    return float((influence**3).sum()) / (6 * squares**1.5) if squares > 0 else 0.0
