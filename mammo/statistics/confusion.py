"""The confusion matrix at a threshold: its four counts and the rates computed from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mammo.statistics.curves import Floats, checked

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


@dataclass(frozen=True)
class Confusion:
    """Images counted by truth and call, (...) each, unweighted or weighted; a rate without images is NaN."""

    true_malignant: Floats
    false_malignant: Floats
    false_benign: Floats
    true_benign: Floats

    @property
    def sensitivity(self) -> Floats:
        """Share of the malignant images that are called malignant; also named recall."""
        return _share(self.true_malignant, self.true_malignant + self.false_benign)

    @property
    def specificity(self) -> Floats:
        """Share of the benign images that are called benign."""
        return _share(self.true_benign, self.true_benign + self.false_malignant)

    @property
    def accuracy(self) -> Floats:
        """Share of all images that are called correctly."""
        correct = self.true_malignant + self.true_benign
        return _share(correct, correct + self.false_malignant + self.false_benign)

    @property
    def balanced_accuracy(self) -> Floats:
        """Mean of sensitivity and specificity."""
        return (self.sensitivity + self.specificity) / 2

    @property
    def f1(self) -> Floats:
        """Harmonic mean of sensitivity and positive predictive value; 0 where no malignant image is called so."""
        agreement = 2 * self.true_malignant
        return _share(agreement, agreement + self.false_malignant + self.false_benign)


def confusion(
    labels: ArrayLike, logits: ArrayLike, threshold: float = 0.0, weights: ArrayLike | None = None
) -> Confusion:
    """The confusion matrix of `labels` (N,) and of calls, malignant where `logits` (..., N) lie above `threshold`.

    `weights` (..., N) give how many times each image counts, by default once. NaN where a logit is NaN.
    """
    positive, scores = checked(labels, logits)
    called = scores > np.float64(threshold)  # a Python float would be rounded to the precision of the scores
    times = np.ones(positive.shape) if weights is None else np.asarray(weights, dtype=float)
    diverged = np.isnan(scores).any(axis=-1)
    cells = ((positive, called), (~positive, called), (positive, ~called), (~positive, ~called))
    return Confusion(*(np.where(diverged, np.nan, (times * (truth & call)).sum(axis=-1)) for truth, call in cells))


def _share(part: Floats, total: Floats) -> Floats:
    share: Floats = np.divide(part, total, out=np.full(np.shape(total), np.nan), where=np.asarray(total) > 0)
    return share
