"""95 % intervals of AUC and accuracy, clustered by patient."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import betaincinv

from mammo.statistics.content_order import number_patients
from mammo.statistics.few import FEWEST, class_patients, lack_of_patients
from mammo.statistics.intervals.score import LEVEL, Sizes, score_interval
from mammo.statistics.metrics import Floats, auc_of_ranks, midranks

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, DTypeLike, NDArray

    Rows = list[int] | NDArray[np.intp]


@dataclass(frozen=True)
class Components:
    """DeLong's structural components of R runs, centred and summed over the images of each of K patients.

    `aucs` (R,) are the AUCs; `positive` and `negative` (R, K) are what each patient's malignant and benign images add
    to them. `sizes` counts the patients and images of both classes. `patients` (K,) are the names in the order in which
    the images come; `content_order` makes this order independent of the names.
    """

    aucs: Floats
    positive: Floats
    negative: Floats
    sizes: Sizes
    patients: NDArray[Any]

    @property
    def weights(self) -> tuple[float, float, float]:
        """The small-sample factors of the squares of `positive` and of `negative`, and of their product."""
        malignant, benign = self.sizes.patients[0].tolist()
        by_positive, by_negative, cross = (count / (count - 1) for count in (malignant, benign, self.positive.shape[1]))
        return by_positive, by_negative, cross

    def only(self, rows: Rows) -> Components:
        """The components of the runs at `rows`."""
        return Components(self.aucs[rows], self.positive[rows], self.negative[rows], self.sizes, self.patients)

    def covariance(self, rows: Rows, columns: Rows, dtype: DTypeLike = np.float64) -> Floats:
        """Covariance of the AUCs of the runs `rows` with those of the runs `columns`, (rows, columns).

        Obuchowski's estimate (1997), computed in `dtype`.
        """
        by_positive, by_negative, cross = self.weights
        left, right = np.asarray(rows), np.asarray(columns)
        covariance = np.zeros((left.size, right.size), dtype=dtype)
        classes = ((self.positive, self.negative, by_positive), (self.negative, self.positive, by_negative))
        for own, opposite, factor in classes:
            present = np.flatnonzero(own.any(axis=0))  # most patients have images of one class only
            weighted = factor * own[np.ix_(left, present)] + cross * opposite[np.ix_(left, present)]
            covariance += weighted.astype(dtype) @ own[np.ix_(right, present)].astype(dtype).T
        return covariance

    def errors(self, rows: Rows, columns: Rows, dtype: DTypeLike = np.float64) -> Floats:
        """Standard errors of the differences in AUC between the runs `rows` and the runs `columns`, (rows, columns)."""
        variances = self.variance[np.asarray(rows)][:, None] + self.variance[np.asarray(columns)]
        errors: Floats = np.sqrt(np.maximum(variances - 2 * self.covariance(rows, columns, dtype), 0.0), dtype=dtype)
        return errors

    def pair_covariance(self, first: NDArray[np.intp], second: NDArray[np.intp]) -> Floats:
        """Covariance of the AUCs of the runs `first` (P,) with those of the runs `second` (P,), pair by pair: (P,)."""
        by_positive, by_negative, cross = self.weights
        malignant = self.positive[first], self.positive[second]
        benign = self.negative[first], self.negative[second]
        squares = by_positive * malignant[0] * malignant[1] + by_negative * benign[0] * benign[1]
        crossed = malignant[0] * benign[1] + benign[0] * malignant[1]
        covariance: Floats = (squares + cross * crossed).sum(axis=1)
        return covariance

    @property
    def freedom(self) -> int:
        """Degrees of freedom of a variance that is estimated from the patients of the rarer class, at least 1."""
        return self.sizes.freedom

    @cached_property
    def variance(self) -> Floats:
        """Variance of every run's AUC, (R,)."""
        by_positive, by_negative, cross = self.weights
        squares = by_positive * (self.positive**2).sum(axis=1) + by_negative * (self.negative**2).sum(axis=1)
        products: Floats = squares + 2 * cross * (self.positive * self.negative).sum(axis=1)
        return np.maximum(products, 0.0)


def components(labels: ArrayLike, logits: ArrayLike, patients: ArrayLike, fewest: int = FEWEST) -> Components | None:
    """Structural components of the AUCs of `logits` (R, N) by patient.

    None where either class comes from fewer than `fewest` patients. Source: DeLong, DeLong and Clarke-Pearson,
    Biometrics 44 (1988); Sun and Xu's form over ranks (2014); Obuchowski, Biometrics 53 (1997) for clusters.
    With one image per patient the result is DeLong's own.
    """
    positive, scores = np.asarray(labels) == 1, np.atleast_2d(logits)
    if lack_of_patients(labels, patients, fewest):
        return None
    names, patient = number_patients(patients)
    clusters = names.size
    ranks = midranks(scores)
    aucs = auc_of_ranks(ranks, positive)
    sums = []
    for members, sign in ((positive, 1.0), (~positive, -1.0)):
        opposite = int((~members).sum())
        beaten = (ranks[:, members] - midranks(scores[:, members])) / opposite
        component = beaten if sign > 0 else 1 - beaten
        sums.append(_by_patient((component - aucs[:, None]) / members.sum(), patient[members], clusters))
    return Components(aucs, sums[0], sums[1], sizes_of(labels, patients), names)


def sizes_of(labels: ArrayLike, patients: ArrayLike) -> Sizes:
    """Counts of the patients and the images of both classes, malignant first."""
    malignant = int((np.asarray(labels) == 1).sum())
    images = [malignant, np.size(labels) - malignant]
    return Sizes(np.array([class_patients(labels, patients)]), np.array([images]))


def auc_interval(labels: ArrayLike, logits: ArrayLike, patients: ArrayLike) -> Floats:
    """95 % interval of every run's AUC, (R, 2), for `logits` (R, N), images clustered by `patients` (N,).

    The score interval (`intervals.score`) with the clustered DeLong variance. NaN where there are too few patients
    (`few`), a class is missing or a logit is NaN.
    """
    scores = np.atleast_2d(logits)
    parts = components(labels, scores, patients)
    return np.full((len(scores), 2), np.nan) if parts is None else score_interval(parts)


def accuracy_interval(labels: ArrayLike, logits: ArrayLike, patients: ArrayLike) -> Floats:
    """95 % interval of every run's accuracy, (R, 2): Clopper and Pearson's with the effective number of images.

    That is the number of images divided by the design effect, the ratio of the variance between patients to that of
    independent images (Rao and Scott 1992; Korn and Graubard 1998), at least 1; where every image is right, or every
    one is wrong, it is the number of patients. NaN where there are fewer patients than `few` requires, or a logit is
    NaN.
    """
    scores = np.atleast_2d(logits)
    right = ((scores > 0) == (np.asarray(labels) == 1)).astype(float)
    images = right.shape[1]
    names, patient = number_patients(patients)
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
    """Clopper and Pearson's 95 % interval of `share` (R,) among `trials` (R,), which need not be integers: (R, 2)."""
    number = np.broadcast_to(np.asarray(trials, dtype=float), share.shape)
    right, wrong = share * number, (1 - share) * number
    low = np.where(right > 1e-9, betaincinv(np.maximum(right, 1e-9), wrong + 1, LEVEL / 2), 0.0)
    high = np.where(wrong > 1e-9, betaincinv(right + 1, np.maximum(wrong, 1e-9), 1 - LEVEL / 2), 1.0)
    return np.where(np.isnan(share)[:, None], np.nan, np.stack([low, high], axis=1))


def _by_patient(values: Floats, patient: NDArray[np.intp], clusters: int) -> Floats:
    """Sum the columns of `values` (R, N) patient by patient: (R, clusters)."""
    order = np.argsort(patient, kind="stable")
    present, starts = np.unique(patient[order], return_index=True)
    sums = np.zeros((len(values), clusters))
    sums[:, present] = np.add.reduceat(values[:, order], starts, axis=1)
    return sums
