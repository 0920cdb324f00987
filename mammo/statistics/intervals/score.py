"""Score intervals and tests of AUCs: they stay within the range of an AUC and are valid with few patients.

The variance of an AUC depends on the AUC itself: at an AUC of 1 its estimate is 0, which is useless. The score interval
therefore holds every candidate AUC that the observed AUC does not contradict, and takes for each candidate the variance
that this candidate would have: Hanley and McNeil's (Radiology 143, 1982) in the form of Newcombe's method 5 (Statistics
in Medicine 25, 2006), times the design effect, the ratio of the estimated variance to it. Distances are compared with
Student's t.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from scipy.special import stdtr, stdtrit

from mammo.statistics.metrics import Floats

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

LEVEL = 0.05
"""The share of intervals that miss the true value, and of tests that find a difference where there is none."""
HALVINGS = 40
NEGLIGIBLE = 1e-18
"""Variances below this are 0 except for rounding errors."""


@dataclass(frozen=True)
class Sizes:
    """Counts of patients and images, (F, 2) each, malignant first, of F sets of images whose AUCs are averaged."""

    patients: NDArray[np.int64]
    images: NDArray[np.int64]

    @property
    def freedom(self) -> int:
        """Degrees of freedom of a variance that is estimated from the patients of the rarer class, at least 1."""
        return max(int((self.patients - 1).sum(axis=0).min()), 1)

    @property
    def quantile(self) -> float:
        """Student's quantile of a two-sided 95 % interval."""
        return float(stdtrit(self.freedom, 1 - LEVEL / 2))

    @property
    def least_effect(self) -> float:
        """The least design effect that is accepted: half of that of the same number of independent images."""
        return 0.5 * float((self.patients.sum(axis=0) / self.images.sum(axis=0)).min())

    def variance(self, auc: Floats) -> Floats:
        """Variance of the mean AUC (...) of the F sets if each patient had one image, by Newcombe's method 5."""
        total = np.zeros_like(auc)
        for malignant, benign in self.patients:
            half = (malignant + benign) / 2 - 1
            factor = 1 + half * ((1 - auc) / (2 - auc) + auc / (1 + auc))
            total = total + auc * (1 - auc) * factor / (malignant * benign)
        return np.maximum(total, 0.0) / len(self.patients) ** 2


class AucEstimate(Protocol):
    """AUCs `aucs` (R,) with their `variance` (R,), covariances of pairs of them, and the sizes behind them."""

    @property
    def aucs(self) -> Floats:
        """The AUCs, (R,)."""
        ...

    @property
    def variance(self) -> Floats:
        """Their variances, (R,)."""
        ...

    @property
    def sizes(self) -> Sizes:
        """The patients and images behind them."""
        ...

    def pair_covariance(self, first: NDArray[np.intp], second: NDArray[np.intp]) -> Floats:
        """Covariance of the AUCs of the runs `first` (P,) with those of the runs `second` (P,), pair by pair: (P,)."""
        ...


@dataclass(frozen=True)
class AucCovariance:
    """AUCs (R,) with their covariance `matrix` (R, R)."""

    aucs: Floats
    matrix: Floats
    sizes: Sizes

    @property
    def variance(self) -> Floats:
        """Variance of every AUC, (R,)."""
        variance: Floats = np.diagonal(self.matrix)
        return variance

    def pair_covariance(self, first: NDArray[np.intp], second: NDArray[np.intp]) -> Floats:
        """Covariance of the AUCs of the runs `first` (P,) with those of the runs `second` (P,), pair by pair: (P,)."""
        covariance: Floats = self.matrix[first, second]
        return covariance


def score_interval(estimate: AucEstimate) -> Floats:
    """95 % intervals of AUCs, (R, 2); NaN where the AUC is NaN."""
    sizes, aucs = estimate.sizes, estimate.aucs
    effect = _design_effect(aucs, estimate.variance, sizes)

    def contradicted(value: Floats) -> NDArray[np.bool_]:
        return (aucs - value) ** 2 > sizes.quantile**2 * effect * sizes.variance(value)

    return _bounds(aucs, 0.0, 1.0, contradicted)


def score_difference(estimate: AucEstimate, first: NDArray[np.intp], second: NDArray[np.intp]) -> tuple[Floats, Floats]:
    """95 % intervals (P, 2) of the AUCs of the runs `first` (P,) minus those of `second` (P,), and p values (P,).

    The null hypothesis is a difference of 0. Every candidate difference keeps the observed mean of the two AUCs and
    their estimated correlation. An interval excludes 0 exactly where its p value is below 0.05.
    """
    sizes, value = estimate.sizes, estimate.aucs[first] - estimate.aucs[second]
    variance = _variance_of_difference(estimate, first, second)

    def contradicted(difference: Floats) -> NDArray[np.bool_]:
        return (value - difference) ** 2 > sizes.quantile**2 * variance(difference)

    with np.errstate(divide="ignore", invalid="ignore"):
        distance = np.abs(value) / np.sqrt(variance(np.zeros_like(value)))
    p_value = np.where(value == 0, 1.0, 2 * stdtr(sizes.freedom, -distance))
    return _bounds(value, -1.0, 1.0, contradicted), np.where(np.isnan(value), np.nan, p_value)


def _variance_of_difference(
    estimate: AucEstimate, first: NDArray[np.intp], second: NDArray[np.intp]
) -> Callable[[Floats], Floats]:
    """The variance of a difference of AUCs (P,) as a function of the difference."""
    sizes, aucs, own = estimate.sizes, estimate.aucs, estimate.variance
    effects = [_design_effect(aucs[runs], own[runs], sizes) for runs in (first, second)]
    scale = np.sqrt(own[first] * own[second])
    covariance = estimate.pair_covariance(first, second)
    correlation = np.divide(covariance, scale, out=np.zeros(scale.shape), where=scale > NEGLIGIBLE)
    correlation, middle = np.clip(correlation, -1, 1), (aucs[first] + aucs[second]) / 2

    def variance_at(difference: Floats) -> Floats:
        reach = np.abs(difference) / 2
        centre = np.minimum(np.maximum(middle, reach), 1 - reach)
        above = effects[0] * sizes.variance(centre + difference / 2)
        below = effects[1] * sizes.variance(centre - difference / 2)
        variance: Floats = np.maximum(above + below - 2 * correlation * np.sqrt(above * below), NEGLIGIBLE)
        return variance

    return variance_at


def _design_effect(aucs: Floats, variance: Floats, sizes: Sizes) -> Floats:
    """The ratio of a variance to that of patients with one image each, (R,); 1 where either is negligible."""
    independent = sizes.variance(aucs)
    defined = (independent > NEGLIGIBLE) & (variance > NEGLIGIBLE)
    effect = np.divide(variance, independent, out=np.ones(aucs.shape), where=defined)
    bounded: Floats = np.where(defined, np.maximum(effect, sizes.least_effect), effect)
    return bounded


def _bounds(value: Floats, low: float, high: float, contradicted: Callable[[Floats], NDArray[np.bool_]]) -> Floats:
    """The ends of the range around `value` (R,) that is not contradicted, by bisection: (R, 2)."""
    ends = []
    for end in (low, high):
        inside, outside = value.copy(), np.where(np.isnan(value), np.nan, end)
        for _ in range(HALVINGS):
            middle = (inside + outside) / 2
            beyond = contradicted(middle)
            outside, inside = np.where(beyond, middle, outside), np.where(beyond, inside, middle)
        ends.append(outside)
    return np.stack(ends, axis=1)
