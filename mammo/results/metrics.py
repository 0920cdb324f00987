"""Metrics of runs, computed from stored scores for many runs at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from collections.abc import Callable

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Metric:
    """A number for each run: `function(labels (N,), logits (R, N))` gives (R,)."""

    label: str
    description: str
    function: Callable[[ArrayLike, ArrayLike], Floats]
    higher_is_better: bool = True


def accuracy(labels: ArrayLike, logits: ArrayLike) -> Floats:
    """Share of images whose logit lies on the right side of 0 (probability 0.5).

    `labels` in {0, 1} (N,), `logits` (..., N); returns (...), NaN where a logit is NaN or there are no images.
    """
    positive, scores = _checked(labels, logits)
    if not positive.size:
        return np.full(scores.shape[:-1], np.nan)
    right: Floats = np.mean((scores > 0) == positive, axis=-1)
    return np.where(np.isnan(scores).any(axis=-1), np.nan, right)


def auc(labels: ArrayLike, logits: ArrayLike) -> Floats:
    """Area under the ROC curve: the Mann-Whitney statistic, a tie counting one half.

    `labels` in {0, 1} (N,), `logits` (..., N); returns (...), NaN where a class is missing or a logit is NaN.
    """
    positive, scores = _checked(labels, logits)
    return area_of_ranks(midranks(scores), positive)


def area_of_ranks(ranks: Floats, positive: NDArray[np.bool_]) -> Floats:
    """AUC from the `midranks` (..., N) of the scores and the truth `positive` (N,): (...), NaN where undefined."""
    positives, negatives = int(positive.sum()), int((~positive).sum())
    if not (positives and negatives):
        return np.full(ranks.shape[:-1], np.nan)
    above = ranks[..., positive].sum(axis=-1) - positives * (positives + 1) / 2
    area: Floats = above / (positives * negatives)
    return area


METRICS: dict[str, Metric] = {
    "auc": Metric("AUC", "Area under the ROC curve: the chance that a malignant image scores above a benign one.", auc),
    "accuracy": Metric("Accuracy", "Share of images classified correctly at probability 0.5.", accuracy),
}


def midranks(scores: ArrayLike) -> Floats:
    """Ranks from 1 along the last axis, ties sharing their mean rank, NaN where any is NaN; shape as `scores`.

    The same as `scipy.stats.rankdata(axis=-1)`, without scipy.stats' second of import.
    """
    values = np.asarray(scores)
    order = np.argsort(values, axis=-1)
    ordered = np.take_along_axis(values, order, axis=-1)
    ranks = np.empty(values.shape)
    np.put_along_axis(ranks, order, _ordered_ranks(ordered), axis=-1)
    ranks[np.isnan(ordered[..., -1:]).any(axis=-1)] = np.nan
    return ranks


def _ordered_ranks(ordered: NDArray[Any]) -> Floats:
    place = np.broadcast_to(np.arange(ordered.shape[-1], dtype=np.float64), ordered.shape)
    edge = ordered[..., 1:] != ordered[..., :-1]
    if edge.all():
        return place + 1
    border = np.ones((*ordered.shape[:-1], 1), dtype=bool)
    first = np.maximum.accumulate(np.where(np.concatenate([border, edge], axis=-1), place, 0), axis=-1)
    backward = np.where(np.concatenate([edge, border], axis=-1), place, np.inf)[..., ::-1]
    last = np.minimum.accumulate(backward, axis=-1)[..., ::-1]
    ranks: Floats = (first + last) / 2 + 1
    return ranks


def roc_curve(labels: ArrayLike, logits: ArrayLike, drop_intermediate: bool = False) -> tuple[Floats, Floats, Floats]:
    """The ROC curve of one run as (false positive rate, sensitivity, thresholds), from (0, 0) to (1, 1).

    `labels` in {0, 1} (N,), `logits` (N,); the first threshold is infinite. `drop_intermediate` leaves out
    points on a straight line between their neighbours. A rate is NaN where its class is missing.
    """
    positive, scores = _checked(labels, logits)
    order = np.argsort(-scores, kind="stable")
    scores, positive = scores[order], positive[order]
    ends = np.flatnonzero(np.append(scores[1:] != scores[:-1], True)) if scores.size else np.zeros(0, dtype=int)
    found = np.cumsum(positive)[ends].astype(float)
    false = 1.0 + ends - found
    if drop_intermediate and ends.size > 2:
        bends = (np.diff(false, 2) != 0) | (np.diff(found, 2) != 0)
        kept = np.concatenate([[True], bends, [True]])
        ends, found, false = ends[kept], found[kept], false[kept]
    thresholds = np.append(np.inf, scores[ends].astype(float))
    return _rate(false), _rate(found), thresholds


def _rate(counts: Floats) -> Floats:
    total = counts[-1] if counts.size else 0.0
    return np.append(0.0, counts) / (total if total else np.nan)


def _checked(labels: ArrayLike, logits: ArrayLike) -> tuple[NDArray[np.bool_], NDArray[Any]]:
    positive, scores = np.asarray(labels), np.asarray(logits)
    if positive.shape != scores.shape[-1:]:
        raise ValueError(f"{positive.shape} labels do not fit {scores.shape} logits")
    return positive == 1, scores
