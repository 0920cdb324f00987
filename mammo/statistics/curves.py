"""ROC and precision-recall curves: correct and false calls at every threshold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

CLOSE = 1e-12
"""Rates that differ by less are equal: they are quotients of integers, and differ by rounding errors only."""


@dataclass(frozen=True)
class ThresholdCounts:
    """Images called malignant while the threshold falls, from none to all, (..., N + 1) each.

    `true_malignant` counts the malignant among them and `false_malignant` the benign, weighted. Images of equal scores
    are called together: each of them has the count after the last.
    """

    true_malignant: Floats
    false_malignant: Floats

    @property
    def sensitivity(self) -> Floats:
        """Share of the malignant images that are called malignant, (..., N + 1); NaN without malignant images."""
        return _shares(self.true_malignant)

    @property
    def false_rate(self) -> Floats:
        """Share of the benign images that are called malignant, 1 − specificity, (..., N + 1); NaN without any."""
        return _shares(self.false_malignant)

    @property
    def precision(self) -> Floats:
        """Share of the images called malignant that are malignant, (..., N + 1); 1 where no image is called so."""
        called = self.true_malignant + self.false_malignant
        return np.divide(self.true_malignant, called, out=np.ones_like(called), where=called > 0)


def threshold_counts(labels: ArrayLike, logits: ArrayLike, weights: ArrayLike | None = None) -> ThresholdCounts:
    """The counts of `labels` (N,) and `logits` (..., N) at every threshold; NaN where a logit is NaN.

    `weights` (..., N) give how many times each image counts, by default once.
    """
    positive, scores = checked(labels, logits)
    order = np.argsort(-scores, axis=-1, kind="stable")
    ordered = np.take_along_axis(scores, order, axis=-1)
    truth = positive[order]
    times = np.ones(scores.shape) if weights is None else _in_order(np.asarray(weights, dtype=float), order)
    last = _last_of_equals(ordered)
    diverged = np.isnan(scores).any(axis=-1)[..., None]
    true, false = (_at(np.cumsum(times * members, axis=-1), last) for members in (truth, ~truth))
    return ThresholdCounts(np.where(diverged, np.nan, true), np.where(diverged, np.nan, false))


def partial_auc(curve: ThresholdCounts, most: float) -> Floats:
    """Standardised area under the ROC curve where 1 − specificity is at most `most`, (...).

    0.5 is chance and 1 perfect. Source: McClish, Medical Decision Making 9 (1989).
    """
    x, y = curve.false_rate, curve.sensitivity
    left, right = x[..., :-1], x[..., 1:]
    step, rise = right - left, np.diff(y, axis=-1)
    width = np.minimum(right, most) - np.minimum(left, most)
    part = np.divide(width, step, out=np.zeros_like(width), where=step > 0)
    area = (width * (y[..., :-1] + rise * part / 2)).sum(axis=-1)
    least = most**2 / 2
    standardised: Floats = (1 + (area - least) / (most - least)) / 2
    return standardised


def average_precision(curve: ThresholdCounts) -> Floats:
    """Precision at each threshold, weighted by the sensitivity that it adds, (...); NaN without malignant images."""
    area: Floats = (np.diff(curve.sensitivity, axis=-1) * curve.precision[..., 1:]).sum(axis=-1)
    return area


def highest_rate(rate: Floats, bounded: Floats, least: float) -> Floats:
    """The highest `rate` (..., N + 1) among the thresholds at which `bounded` (..., N + 1) is at least `least`, (...).

    The pair is sensitivity and specificity, or the reverse. NaN where a rate is NaN.
    """
    best = np.where(bounded >= least - CLOSE, rate, -np.inf).max(axis=-1)
    undefined = np.isnan(bounded + rate).any(axis=-1)
    highest: Floats = np.where(undefined, np.nan, best)
    return highest


def precision_recall_curve(labels: ArrayLike, logits: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """The precision-recall curve of one run as (precision, sensitivity, thresholds), thresholds falling.

    `labels` in {0, 1} (N,), `logits` (N,). The first point has precision 1, sensitivity 0 and an infinite threshold.
    """
    curve = threshold_counts(labels, logits)
    ends, thresholds = _thresholds(logits)
    return curve.precision[ends], curve.sensitivity[ends], thresholds


def roc_curve(labels: ArrayLike, logits: ArrayLike, drop_intermediate: bool = False) -> tuple[Floats, Floats, Floats]:
    """The ROC curve of one run as (false positive rate, sensitivity, thresholds), from (0, 0) to (1, 1).

    `labels` in {0, 1} (N,), `logits` (N,); the first threshold is infinite. `drop_intermediate` leaves out
    points that lie on a straight line between their neighbours. A rate is NaN where its class is missing.
    """
    curve = threshold_counts(labels, logits)
    ends, thresholds = _thresholds(logits)
    if drop_intermediate and ends.size > 3:
        bends = [np.diff(sums[ends[1:]], 2) != 0 for sums in (curve.true_malignant, curve.false_malignant)]
        corners = np.concatenate([[True, True], bends[0] | bends[1], [True]])
        ends, thresholds = ends[corners], thresholds[corners]
    return curve.false_rate[ends], curve.sensitivity[ends], thresholds


def checked(labels: ArrayLike, logits: ArrayLike) -> tuple[NDArray[np.bool_], NDArray[Any]]:
    """The truth (N,) and the scores (..., N) as arrays; raises ValueError where their lengths differ."""
    positive, scores = np.asarray(labels), np.asarray(logits)
    if positive.shape != scores.shape[-1:]:
        raise ValueError(f"{positive.shape} labels do not fit {scores.shape} logits")
    return positive == 1, scores


def _thresholds(logits: ArrayLike) -> tuple[NDArray[np.intp], Floats]:
    """The positions of the thresholds of one run in its counts, and the thresholds, from infinity down."""
    ordered = np.sort(np.asarray(logits, dtype=float))[::-1]
    last = np.append(ordered[1:] != ordered[:-1], np.ones(min(ordered.size, 1), dtype=bool))
    ends = np.flatnonzero(np.append(True, last))
    return ends, np.append(np.inf, ordered)[ends]


def _in_order(weights: Floats, order: NDArray[np.intp]) -> Floats:
    return weights[..., order] if order.ndim == 1 else np.take_along_axis(weights, order, axis=-1)


def _last_of_equals(ordered: Floats) -> NDArray[np.intp]:
    """For every position the last position of an equal score, (..., N)."""
    size = ordered.shape[-1]
    border = np.ones((*ordered.shape[:-1], min(size, 1)), dtype=bool)
    ends = np.concatenate([ordered[..., 1:] != ordered[..., :-1], border], axis=-1)
    positions = np.where(ends, np.arange(size), size)
    return np.minimum.accumulate(positions[..., ::-1], axis=-1)[..., ::-1]


def _at(sums: Floats, last: NDArray[np.intp]) -> Floats:
    """The sums (..., N) at the positions `last`, after a 0 for the infinite threshold: (..., N + 1)."""
    after = sums[..., last] if last.ndim == 1 else np.take_along_axis(sums, last, axis=-1)
    return np.concatenate([np.zeros((*after.shape[:-1], 1)), after], axis=-1)


def _shares(sums: Floats) -> Floats:
    total = sums[..., -1:]
    return np.divide(sums, total, out=np.full_like(sums, np.nan), where=total > 0)
