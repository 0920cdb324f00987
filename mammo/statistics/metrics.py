"""Metrics of runs, computed from stored scores for many runs at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mammo.statistics import curves
from mammo.statistics.confusion import confusion
from mammo.statistics.curves import checked, threshold_counts

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

Floats = curves.Floats
MOST_FALSE = 0.1
"""The upper limit of 1 − specificity in the partial AUC."""
LEAST = 0.9
"""The specificity (sensitivity) at which sensitivity (specificity) is read off the ROC curve."""
LEAST_PARTIAL_AUC = (1 - MOST_FALSE) / (2 - MOST_FALSE)
"""McClish's partial AUC of a curve without area below it."""


@dataclass(frozen=True)
class Metric:
    """A number for each run: `function(labels (N,), logits (R, N))` gives (R,).

    All except AUC and accuracy take a third argument, weights (B, N) of the images of one run in B resamples.
    """

    label: str
    description: str
    function: Callable[..., Floats]
    higher_is_better: bool = True
    at_half: bool = False
    """Whether it is computed from calls at probability 0.5, rather than from all thresholds or none."""
    least: float = 0.0
    """Its worst value; the best is 1, or 0 where lower is better."""
    smooth: bool = True
    """Whether one patient more or less changes it only slightly; a rate that is read off a curve may jump."""


def accuracy(labels: ArrayLike, logits: ArrayLike) -> Floats:
    """Share of images whose logit lies on the correct side of 0 (probability 0.5).

    `labels` in {0, 1} (N,), `logits` (..., N); returns (...), NaN where a logit is NaN or there are no images.
    """
    positive, scores = checked(labels, logits)
    if not positive.size:
        return np.full(scores.shape[:-1], np.nan)
    correct: Floats = np.mean((scores > 0) == positive, axis=-1)
    return np.where(np.isnan(scores).any(axis=-1), np.nan, correct)


def auc(labels: ArrayLike, logits: ArrayLike) -> Floats:
    """Area under the ROC curve: the Mann-Whitney statistic, a tie counting one half.

    `labels` in {0, 1} (N,), `logits` (..., N); returns (...), NaN where a class is missing or a logit is NaN.
    """
    positive, scores = checked(labels, logits)
    return auc_of_ranks(midranks(scores), positive)


def auc_of_ranks(ranks: Floats, positive: NDArray[np.bool_]) -> Floats:
    """AUC from the `midranks` (..., N) of the scores and the truth `positive` (N,): (...), NaN where undefined."""
    positives, negatives = int(positive.sum()), int((~positive).sum())
    if not (positives and negatives):
        return np.full(ranks.shape[:-1], np.nan)
    above = ranks[..., positive].sum(axis=-1) - positives * (positives + 1) / 2
    aucs: Floats = above / (positives * negatives)
    return aucs


def partial_auc(labels: ArrayLike, logits: ArrayLike, weights: ArrayLike | None = None) -> Floats:
    """McClish's standardised AUC where specificity is at least 0.9: 0.5 is chance and 1 perfect.

    `labels` in {0, 1} (N,), `logits` and `weights` (..., N); returns (...), NaN where a class is missing or a logit
    is NaN. The metrics below have the same arguments and result.
    """
    return curves.partial_auc(threshold_counts(labels, logits, weights), MOST_FALSE)


def average_precision(labels: ArrayLike, logits: ArrayLike, weights: ArrayLike | None = None) -> Floats:
    """Area under the precision-recall curve as a sum of steps; it depends on the share of malignant images."""
    return curves.average_precision(threshold_counts(labels, logits, weights))


def sensitivity_at_specificity(
    labels: ArrayLike, logits: ArrayLike, weights: ArrayLike | None = None, least: float = LEAST
) -> Floats:
    """The highest sensitivity among the thresholds of the ROC curve with a specificity of at least `least`."""
    curve = threshold_counts(labels, logits, weights)
    return curves.highest_rate(curve.sensitivity, 1 - curve.false_rate, least)


def specificity_at_sensitivity(
    labels: ArrayLike, logits: ArrayLike, weights: ArrayLike | None = None, least: float = LEAST
) -> Floats:
    """The highest specificity among the thresholds of the ROC curve with a sensitivity of at least `least`."""
    curve = threshold_counts(labels, logits, weights)
    return curves.highest_rate(1 - curve.false_rate, curve.sensitivity, least)


def balanced_accuracy(labels: ArrayLike, logits: ArrayLike, weights: ArrayLike | None = None) -> Floats:
    """Mean of sensitivity and specificity at probability 0.5."""
    return confusion(labels, logits, weights=weights).balanced_accuracy


def f1(labels: ArrayLike, logits: ArrayLike, weights: ArrayLike | None = None) -> Floats:
    """Harmonic mean of sensitivity and positive predictive value at probability 0.5."""
    return confusion(labels, logits, weights=weights).f1


def brier(labels: ArrayLike, logits: ArrayLike, weights: ArrayLike | None = None) -> Floats:
    """Mean squared distance of the probability of malignancy from the truth: 0 is perfect (Brier 1950)."""
    positive, scores = checked(labels, logits)
    distance = (probability(scores) - positive) ** 2
    times = np.ones(positive.shape) if weights is None else np.asarray(weights, dtype=float)
    total = np.broadcast_to(times.sum(axis=-1), np.broadcast_shapes(scores.shape[:-1], times.shape[:-1]))
    summed = np.asarray((distance * times).sum(axis=-1))
    mean: Floats = np.divide(summed, total, out=np.full(total.shape, np.nan), where=total > 0)
    return mean


def probability(logits: ArrayLike) -> Floats:
    """The probability of malignancy of each logit, of the same shape."""
    probabilities: Floats = 1 / (1 + np.exp(-np.clip(np.asarray(logits, dtype=float), -500, 500)))
    return probabilities


METRICS: dict[str, Metric] = {
    "auc": Metric("AUC", "Area under the ROC curve: the chance that a malignant image scores above a benign one.", auc),
    "accuracy": Metric("Accuracy", "Share of images classified correctly at probability 0.5.", accuracy, at_half=True),
    "partial_auc": Metric(
        "Partial AUC",
        "Area under the ROC curve where specificity is at least 0.9; McClish's scale.",
        partial_auc,
        least=LEAST_PARTIAL_AUC,
    ),
    "average_precision": Metric(
        "Average precision", "Area under the precision-recall curve, as a sum of steps.", average_precision
    ),
    "sensitivity_at_specificity": Metric(
        "Sensitivity at specificity 0.9", "Read off the ROC curve.", sensitivity_at_specificity, smooth=False
    ),
    "specificity_at_sensitivity": Metric(
        "Specificity at sensitivity 0.9", "Read off the ROC curve.", specificity_at_sensitivity, smooth=False
    ),
    "balanced_accuracy": Metric(
        "Balanced accuracy", "Mean of sensitivity and specificity at probability 0.5.", balanced_accuracy, at_half=True
    ),
    "f1": Metric(
        "F1", "Harmonic mean of sensitivity and positive predictive value at probability 0.5.", f1, at_half=True
    ),
    "brier": Metric("Brier score", "Mean squared distance of the probability from the truth.", brier, False),
}
USUAL = ("auc", "accuracy")
"""The metrics that the leaderboard shows by default."""


def midranks(scores: ArrayLike) -> Floats:
    """Ranks from 1 along the last axis, ties sharing their mean rank, NaN where any is NaN; shape as `scores`.

    The same as `scipy.stats.rankdata(axis=-1)`, without the import of scipy.stats, which takes a second.
    """
    values = np.asarray(scores)
    order = np.argsort(values, axis=-1)
    ordered = np.take_along_axis(values, order, axis=-1)
    ranks = np.empty(values.shape)
    np.put_along_axis(ranks, order, _ordered_ranks(ordered), axis=-1)
    ranks[np.isnan(ordered[..., -1:]).any(axis=-1)] = np.nan
    return ranks


def _ordered_ranks(ordered: NDArray[Any]) -> Floats:
    position = np.broadcast_to(np.arange(ordered.shape[-1], dtype=np.float64), ordered.shape)
    edge = ordered[..., 1:] != ordered[..., :-1]
    if edge.all():
        return position + 1
    border = np.ones((*ordered.shape[:-1], 1), dtype=bool)
    first = np.maximum.accumulate(np.where(np.concatenate([border, edge], axis=-1), position, 0), axis=-1)
    backward = np.where(np.concatenate([edge, border], axis=-1), position, np.inf)[..., ::-1]
    last = np.minimum.accumulate(backward, axis=-1)[..., ::-1]
    ranks: Floats = (first + last) / 2 + 1
    return ranks
