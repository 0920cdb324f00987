"""95 % intervals of AUC and accuracy that know which images belong to one patient."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from mammo.results.statistics.metrics import Floats, area_of_ranks, auc, midranks

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, DTypeLike, NDArray

    Rows = list[int] | NDArray[np.intp]

Z = 1.959963984540054
"""The normal quantile of a two-sided 95 % interval."""
LEVEL = 0.05
"""The share of intervals that miss the truth, and of tests that find a difference where there is none."""


@dataclass(frozen=True)
class Components:
    """DeLong's structural components of R runs, centred and summed over the images of each of K patients.

    `area` (R,) is the AUC; `positive` and `negative` (R, K) are what each patient's malignant and benign
    images add to it. `weights` holds the small-sample factors of their squares and of their product.
    """

    area: Floats
    positive: Floats
    negative: Floats
    weights: tuple[float, float, float]

    def only(self, rows: Rows) -> Components:
        """The components of a choice of runs."""
        return Components(self.area[rows], self.positive[rows], self.negative[rows], self.weights)

    def covariance(self, rows: Rows, others: Rows, exact: DTypeLike = np.float64) -> Floats:
        """Covariance of the AUCs of two choices of runs, (rows, others), as Obuchowski (1997) estimates it.

        Worked out in numbers of the kind `exact`.
        """
        own, other, cross = self.weights
        one, two = np.asarray(rows), np.asarray(others)
        covariance = np.zeros((one.size, two.size), dtype=exact)
        for mine, its, factor in ((self.positive, self.negative, own), (self.negative, self.positive, other)):
            there = np.flatnonzero(mine.any(axis=0))  # most patients have images of one class only
            left = factor * mine[np.ix_(one, there)] + cross * its[np.ix_(one, there)]
            covariance += left.astype(exact) @ mine[np.ix_(two, there)].astype(exact).T
        return covariance

    def errors(self, rows: Rows, others: Rows, exact: DTypeLike = np.float64) -> Floats:
        """Standard errors of the differences in AUC between two choices of runs, (rows, others)."""
        both = self.variance[np.asarray(rows)][:, None] + self.variance[np.asarray(others)]
        errors: Floats = np.sqrt(np.maximum(both - 2 * self.covariance(rows, others, exact), 0.0), dtype=exact)
        return errors

    @property
    def freedom(self) -> int:
        """Degrees of freedom that the rarer class's patients leave an estimate of variance, at least 1."""
        return max(round(1 / (max(self.weights[:2]) - 1)), 1)

    @cached_property
    def variance(self) -> Floats:
        """Variance of every run's AUC, (R,)."""
        own, other, cross = self.weights
        squares = own * (self.positive**2).sum(axis=1) + other * (self.negative**2).sum(axis=1)
        products: Floats = squares + 2 * cross * (self.positive * self.negative).sum(axis=1)
        return np.maximum(products, 0.0)


def components(labels: ArrayLike, logits: ArrayLike, patients: ArrayLike) -> Components | None:
    """Structural components of the AUC of `logits` (R, N) by patient; None where no variance can be estimated.

    That is where either class comes from fewer than two patients. Source: DeLong, DeLong and Clarke-Pearson,
    Biometrics 44 (1988); Sun and Xu's form over ranks (2014); Obuchowski, Biometrics 53 (1997) for clusters.
    With one image a patient the result is DeLong's own.
    """
    positive, scores = np.asarray(labels) == 1, np.atleast_2d(logits)
    _, patient = np.unique(np.asarray(patients), return_inverse=True)
    clusters = int(patient.max(initial=-1)) + 1
    counts = [np.unique(patient[chosen]).size for chosen in (positive, ~positive)]
    if min(counts) < 2:
        return None
    ranks = midranks(scores)
    area = area_of_ranks(ranks, positive)
    sums = []
    for chosen, sign in ((positive, 1.0), (~positive, -1.0)):
        others = int((~chosen).sum())
        beaten = (ranks[:, chosen] - midranks(scores[:, chosen])) / others
        part = beaten if sign > 0 else 1 - beaten
        sums.append(_by_patient((part - area[:, None]) / chosen.sum(), patient[chosen], clusters))
    factors = [count / (count - 1) for count in (*counts, clusters)]
    return Components(area, sums[0], sums[1], (factors[0], factors[1], factors[2]))


def auc_interval(labels: ArrayLike, logits: ArrayLike, patients: ArrayLike) -> Floats:
    """95 % interval of every run's AUC, (R, 2), for `logits` (R, N), images clustered by `patients` (N,).

    The clustered DeLong variance, carried to the logit scale so that bounds stay within 0 and 1. Where that
    variance is 0 (AUC 0 or 1, or equal scores), it says nothing; the interval is then Wilson's for a share
    among as many trials as the rarer class has patients, since the variance of an AUC A is at most
    A(1-A)/min(m, n) (Birnbaum and Klose 1957). (0, 1) where a class comes from one patient only; NaN where a
    class is missing or a logit is NaN.
    """
    scores = np.atleast_2d(logits)
    parts = components(labels, scores, patients)
    if parts is None:
        area = auc(labels, scores)
        return np.where(np.isnan(area)[:, None], np.nan, np.array([0.0, 1.0]))
    area, deviation = parts.area, np.sqrt(parts.variance)
    spread = area * (1 - area)
    usable = (spread > 0) & (deviation > 1e-9)
    with np.errstate(divide="ignore", invalid="ignore"):
        centre, half = np.log(area / (1 - area)), Z * deviation / spread
        bounds = 1 / (1 + np.exp(-np.stack([centre - half, centre + half], axis=1)))
    return np.where(usable[:, None], bounds, wilson(area, rarer_patients(labels, patients)))


def accuracy_interval(labels: ArrayLike, logits: ArrayLike, patients: ArrayLike) -> Floats:
    """95 % interval of every run's accuracy, (R, 2): Wilson's, with as many images as the patients are worth.

    The number of images is divided by the design effect, the variance between patients over that of
    independent images (Rao and Scott 1992), never below 1; where every image is right or wrong it is the
    number of patients. NaN where there are no images or a logit is NaN.
    """
    scores = np.atleast_2d(logits)
    right = ((scores > 0) == (np.asarray(labels) == 1)).astype(float)
    images = right.shape[1]
    _, patient = np.unique(np.asarray(patients), return_inverse=True)
    clusters = int(patient.max(initial=-1)) + 1
    if not images:
        return np.full((len(scores), 2), np.nan)
    share = np.where(np.isnan(scores).any(axis=1), np.nan, right.mean(axis=1))
    sums = _by_patient(right - share[:, None], patient, clusters)
    between = clusters / max(clusters - 1, 1) * (sums**2).sum(axis=1) / images
    within = share * (1 - share)
    effect = np.divide(between, within, out=np.full_like(share, images / clusters), where=within > 0)
    return wilson(share, images / np.maximum(effect, 1.0) if clusters > 1 else np.ones_like(share))


def wilson(share: Floats, trials: ArrayLike) -> Floats:
    """Wilson's 95 % interval of `share` (R,) among `trials` (R,) or one number: (R, 2)."""
    number = np.broadcast_to(np.asarray(trials, dtype=float), share.shape)
    shrink = 1 + Z**2 / number
    centre = (share + Z**2 / (2 * number)) / shrink
    half = Z * np.sqrt(share * (1 - share) / number + Z**2 / (4 * number**2)) / shrink
    low, high = np.minimum(centre - half, share), np.maximum(centre + half, share)
    return np.stack([np.maximum(low, 0.0), np.minimum(high, 1.0)], axis=1)


def _by_patient(values: Floats, patient: NDArray[np.intp], clusters: int) -> Floats:
    """Sum the columns of `values` (R, N) that belong to one patient: (R, clusters)."""
    order = np.argsort(patient, kind="stable")
    present, starts = np.unique(patient[order], return_index=True)
    sums = np.zeros((len(values), clusters))
    sums[:, present] = np.add.reduceat(values[:, order], starts, axis=1)
    return sums


def rarer_patients(labels: ArrayLike, patients: ArrayLike) -> int:
    """The number of patients of whichever class comes from fewer."""
    positive, names = np.asarray(labels) == 1, np.asarray(patients)
    return min(np.unique(names[positive]).size, np.unique(names[~positive]).size)
