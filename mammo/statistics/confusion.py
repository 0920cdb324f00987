"""What a threshold makes of images: the four counts of a confusion matrix and the rates made of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mammo.statistics.curves import Floats, checked

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


@dataclass(frozen=True)
class Confusion:
    """Images counted by truth and call, (...) each, as whole numbers or weights; a rate of nothing is NaN."""

    true_malignant: Floats
    false_malignant: Floats
    false_benign: Floats
    true_benign: Floats

    @property
    def sensitivity(self) -> Floats:
        """Share of the malignant that are called malignant; also called recall."""
        return _share(self.true_malignant, self.true_malignant + self.false_benign)

    @property
    def specificity(self) -> Floats:
        """Share of the benign that are called benign."""
        return _share(self.true_benign, self.true_benign + self.false_malignant)

    @property
    def accuracy(self) -> Floats:
        """Share of all that are called what they are."""
        right = self.true_malignant + self.true_benign
        return _share(right, right + self.false_malignant + self.false_benign)

    @property
    def balanced_accuracy(self) -> Floats:
        """Mean of sensitivity and specificity."""
        return (self.sensitivity + self.specificity) / 2

    @property
    def f1(self) -> Floats:
        """Harmonic mean of sensitivity and positive predictive value; 0 where nothing malignant is found."""
        found = 2 * self.true_malignant
        return _share(found, found + self.false_malignant + self.false_benign)


def confusion(
    labels: ArrayLike, logits: ArrayLike, threshold: float = 0.0, weights: ArrayLike | None = None
) -> Confusion:
    """Count `labels` (N,) against the calls that logits (..., N) above `threshold` make; NaN where a logit is NaN.

    `weights` (..., N) say how often each image counts: once unless told otherwise.
    """
    positive, scores = checked(labels, logits)
    called = scores > np.float64(threshold)  # a Python float would be rounded to the scores' precision
    often = np.ones(positive.shape) if weights is None else np.asarray(weights, dtype=float)
    diverged = np.isnan(scores).any(axis=-1)
    cells = ((positive, called), (~positive, called), (positive, ~called), (~positive, ~called))
    return Confusion(*(np.where(diverged, np.nan, (often * (truth & call)).sum(axis=-1)) for truth, call in cells))


def _share(part: Floats, whole: Floats) -> Floats:
    share: Floats = np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=np.asarray(whole) > 0)
    return share
