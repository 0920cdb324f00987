"""95 % intervals of AUC and accuracy that know which images belong to one patient."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import betaincinv

from mammo.statistics.content_order import first_seen
from mammo.statistics.few import FEWEST, class_patients, lack_of_patients
from mammo.statistics.intervals.score import LEVEL, Sizes, score_interval
from mammo.statistics.metrics import Floats, area_of_ranks, midranks

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, DTypeLike, NDArray

    Rows = list[int] | NDArray[np.intp]


@dataclass(frozen=True)
class Components:
    """DeLong's structural components of R runs, centred and summed over the images of each of K patients.

    `area` (R,) is the AUC; `positive` and `negative` (R, K) are what each patient's malignant and benign
    images add to it. `sizes` counts the patients and images of both classes; `patients` (K,) are named in the order
    in which their images come, which `content_order` makes the same however they are called.
    """

    area: Floats
    positive: Floats
    negative: Floats
    sizes: Sizes
    patients: NDArray[Any]

    @property
    def weights(self) -> tuple[float, float, float]:
        """The small-sample factors of the squares of both kinds of components, and of their product."""
        malignant, benign = self.sizes.patients[0].tolist()
        own, other, cross = (count / (count - 1) for count in (malignant, benign, self.positive.shape[1]))
        return own, other, cross

    def only(self, rows: Rows) -> Components:
        """The components of a choice of runs."""
        return Components(self.area[rows], self.positive[rows], self.negative[rows], self.sizes, self.patients)

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

    def pair_covariance(self, rows: NDArray[np.intp], others: NDArray[np.intp]) -> Floats:
        """Covariance of each AUC of `rows` (P,) with that of `others` (P,), as `covariance` has it: (P,)."""
        own, other, cross = self.weights
        one, two = self.positive[rows], self.positive[others]
        its, theirs = self.negative[rows], self.negative[others]
        covariance: Floats = (own * one * two + other * its * theirs + cross * (one * theirs + its * two)).sum(axis=1)
        return covariance

    @property
    def freedom(self) -> int:
        """Degrees of freedom that the rarer class's patients leave an estimate of variance, at least 1."""
        return self.sizes.freedom

    @cached_property
    def variance(self) -> Floats:
        """Variance of every run's AUC, (R,)."""
        own, other, cross = self.weights
        squares = own * (self.positive**2).sum(axis=1) + other * (self.negative**2).sum(axis=1)
        products: Floats = squares + 2 * cross * (self.positive * self.negative).sum(axis=1)
        return np.maximum(products, 0.0)


def components(labels: ArrayLike, logits: ArrayLike, patients: ArrayLike, fewest: int = FEWEST) -> Components | None:
    """Structural components of the AUC of `logits` (R, N) by patient; None where `few` gives no interval.

    That is where either class comes from fewer than `fewest` patients. Source: DeLong, DeLong and Clarke-Pearson,
    Biometrics 44 (1988); Sun and Xu's form over ranks (2014); Obuchowski, Biometrics 53 (1997) for clusters.
    With one image a patient the result is DeLong's own.
    """
    positive, scores = np.asarray(labels) == 1, np.atleast_2d(logits)
    if lack_of_patients(labels, patients, fewest):
        return None
    names, patient = first_seen(patients)
    clusters = names.size
    ranks = midranks(scores)
    area = area_of_ranks(ranks, positive)
    sums = []
    for chosen, sign in ((positive, 1.0), (~positive, -1.0)):
        others = int((~chosen).sum())
        beaten = (ranks[:, chosen] - midranks(scores[:, chosen])) / others
        part = beaten if sign > 0 else 1 - beaten
        sums.append(_by_patient((part - area[:, None]) / chosen.sum(), patient[chosen], clusters))
    return Components(area, sums[0], sums[1], sizes_of(labels, patients), names)


def sizes_of(labels: ArrayLike, patients: ArrayLike) -> Sizes:
    """The patients and the images of both classes, malignant first."""
    malignant = int((np.asarray(labels) == 1).sum())
    images = [malignant, np.size(labels) - malignant]
    return Sizes(np.array([class_patients(labels, patients)]), np.array([images]))


def auc_interval(labels: ArrayLike, logits: ArrayLike, patients: ArrayLike) -> Floats:
    """95 % interval of every run's AUC, (R, 2), for `logits` (R, N), images clustered by `patients` (N,).

    The score interval of `score`, by the clustered DeLong variance. NaN where `few` gives no interval, a class is
    missing or a logit is NaN.
    """
    scores = np.atleast_2d(logits)
    parts = components(labels, scores, patients)
    return np.full((len(scores), 2), np.nan) if parts is None else score_interval(parts)


def accuracy_interval(labels: ArrayLike, logits: ArrayLike, patients: ArrayLike) -> Floats:
    """95 % interval of every run's accuracy, (R, 2): Clopper and Pearson's, with as many images as patients are worth.

    The number of images is divided by the design effect, the variance between patients over that of
    independent images (Rao and Scott 1992; Korn and Graubard 1998), never below 1; where every image is right or
    wrong it is the number of patients. NaN where there are fewer patients than `few` asks for, or a logit is NaN.
    """
    scores = np.atleast_2d(logits)
    right = ((scores > 0) == (np.asarray(labels) == 1)).astype(float)
    images = right.shape[1]
    names, patient = first_seen(patients)
    clusters = names.size
    if clusters < FEWEST:
        return np.full((len(scores), 2), np.nan)
    share = np.where(np.isnan(scores).any(axis=1), np.nan, right.mean(axis=1))
    sums = _by_patient(right - share[:, None], patient, clusters)
    between = clusters / (clusters - 1) * (sums**2).sum(axis=1) / images
    within = share * (1 - share)
    effect = np.divide(between, within, out=np.full_like(share, images / clusters), where=within > 0)
    return clopper_pearson(share, images / np.maximum(effect, 1.0))


def clopper_pearson(share: Floats, trials: ArrayLike) -> Floats:
    """Clopper and Pearson's 95 % interval of `share` (R,) among `trials` (R,), whole or not: (R, 2)."""
    number = np.broadcast_to(np.asarray(trials, dtype=float), share.shape)
    right, wrong = share * number, (1 - share) * number
    some, others = np.maximum(right, 1e-9), np.maximum(wrong, 1e-9)
    low = np.where(right > 1e-9, betaincinv(some, wrong + 1, LEVEL / 2), 0.0)
    high = np.where(wrong > 1e-9, betaincinv(right + 1, others, 1 - LEVEL / 2), 1.0)
    return np.where(np.isnan(share)[:, None], np.nan, np.stack([low, high], axis=1))


def _by_patient(values: Floats, patient: NDArray[np.intp], clusters: int) -> Floats:
    """Sum the columns of `values` (R, N) that belong to one patient: (R, clusters)."""
    order = np.argsort(patient, kind="stable")
    present, starts = np.unique(patient[order], return_index=True)
    sums = np.zeros((len(values), clusters))
    sums[:, present] = np.add.reduceat(values[:, order], starts, axis=1)
    return sums
