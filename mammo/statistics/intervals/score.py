"""Score intervals and tests of AUCs: they keep within their range and hold with few patients.

The variance of an AUC depends on how large the AUC is: at an AUC of 1 an estimate of it is 0, which says nothing. The
score interval therefore holds every AUC that the one found does not contradict, each by the variance that it would
have itself: Hanley and McNeil's (Radiology 143, 1982) in the form of Newcombe's method 5 (Statistics in Medicine 25,
2006), times the design effect, by how much the variance that was estimated differs from it. Distances are held against
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
"""The share of intervals that miss the truth, and of tests that find a difference where there is none."""
HALVINGS = 40
NOTHING = 1e-18
"""Variances below this are 0 but for rounding."""


@dataclass(frozen=True)
class Sizes:
    """Patients and images with malignant and benign images, (F, 2) each, of F sets whose AUCs are averaged."""

    patients: NDArray[np.int64]
    images: NDArray[np.int64]

    @property
    def freedom(self) -> int:
        """Degrees of freedom that the rarer class's patients leave an estimate of variance, at least 1."""
        return max(int((self.patients - 1).sum(axis=0).min()), 1)

    @property
    def quantile(self) -> float:
        """Student's quantile of a two-sided 95 % interval."""
        return float(stdtrit(self.freedom, 1 - LEVEL / 2))

    @property
    def least_effect(self) -> float:
        """The least design effect that is believed: half of what as many unrelated images would have."""
        return 0.5 * float((self.patients.sum(axis=0) / self.images.sum(axis=0)).min())

    def variance(self, area: Floats) -> Floats:
        """Variance of an AUC (...) of patients with one image each, by Newcombe's method 5; of the mean of F sets."""
        total = np.zeros_like(area)
        for malignant, benign in self.patients:
            others = (malignant + benign) / 2 - 1
            factor = 1 + others * ((1 - area) / (2 - area) + area / (1 + area))
            total = total + area * (1 - area) * factor / (malignant * benign)
        return np.maximum(total, 0.0) / len(self.patients) ** 2


class Estimate(Protocol):
    """AUCs `area` (R,) with their `variance` (R,), covariances of pairs of them, and the sizes behind them."""

    @property
    def area(self) -> Floats:
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

    def pair_covariance(self, rows: NDArray[np.intp], others: NDArray[np.intp]) -> Floats:
        """Covariance of each AUC of `rows` (P,) with that of `others` (P,): (P,)."""
        ...


@dataclass(frozen=True)
class Estimated:
    """AUCs (R,) with their covariance `matrix` (R, R)."""

    area: Floats
    matrix: Floats
    sizes: Sizes

    @property
    def variance(self) -> Floats:
        """Variance of every AUC, (R,)."""
        variance: Floats = np.diagonal(self.matrix)
        return variance

    def pair_covariance(self, rows: NDArray[np.intp], others: NDArray[np.intp]) -> Floats:
        """Covariance of each AUC of `rows` (P,) with that of `others` (P,): (P,)."""
        covariance: Floats = self.matrix[rows, others]
        return covariance


def score_interval(found: Estimate) -> Floats:
    """95 % intervals of AUCs, (R, 2); NaN where an AUC is."""
    sizes, area = found.sizes, found.area
    effect = _design_effect(area, found.variance, sizes)

    def contradicted(value: Floats) -> NDArray[np.bool_]:
        return (area - value) ** 2 > sizes.quantile**2 * effect * sizes.variance(value)

    return _bounds(area, 0.0, 1.0, contradicted)


def score_difference(found: Estimate, rows: NDArray[np.intp], others: NDArray[np.intp]) -> tuple[Floats, Floats]:
    """95 % intervals (P, 2) of the AUCs of `rows` (P,) less those of `others` (P,), and p values of there being none.

    Of the two AUCs that make a difference, the mean is taken to be that found; their correlation is that estimated.
    An interval leaves out 0 just where its p value is below 0.05.
    """
    sizes, value = found.sizes, found.area[rows] - found.area[others]
    variance = _variance_of_difference(found, rows, others)

    def contradicted(difference: Floats) -> NDArray[np.bool_]:
        return (value - difference) ** 2 > sizes.quantile**2 * variance(difference)

    with np.errstate(divide="ignore", invalid="ignore"):
        distance = np.abs(value) / np.sqrt(variance(np.zeros_like(value)))
    p_value = np.where(value == 0, 1.0, 2 * stdtr(sizes.freedom, -distance))
    return _bounds(value, -1.0, 1.0, contradicted), np.where(np.isnan(value), np.nan, p_value)


def _variance_of_difference(
    found: Estimate, rows: NDArray[np.intp], others: NDArray[np.intp]
) -> Callable[[Floats], Floats]:
    """The variance of a difference of AUCs (P,), by how large the difference is."""
    sizes, area, own = found.sizes, found.area, found.variance
    one, other = (_design_effect(area[some], own[some], sizes) for some in (rows, others))
    scale = np.sqrt(own[rows] * own[others])
    known = scale > NOTHING
    related = np.divide(found.pair_covariance(rows, others), scale, out=np.zeros(scale.shape), where=known)
    related, middle = np.clip(related, -1, 1), (area[rows] + area[others]) / 2

    def at(difference: Floats) -> Floats:
        reach = np.abs(difference) / 2
        centre = np.minimum(np.maximum(middle, reach), 1 - reach)
        above = one * sizes.variance(centre + difference / 2)
        below = other * sizes.variance(centre - difference / 2)
        variance: Floats = np.maximum(above + below - 2 * related * np.sqrt(above * below), NOTHING)
        return variance

    return at


def _design_effect(area: Floats, variance: Floats, sizes: Sizes) -> Floats:
    """By how much a variance differs from that of patients with one image each; 1 where it says nothing."""
    plain = sizes.variance(area)
    known = (plain > NOTHING) & (variance > NOTHING)
    effect = np.divide(variance, plain, out=np.ones(area.shape), where=known)
    believed: Floats = np.where(known, np.maximum(effect, sizes.least_effect), effect)
    return believed


def _bounds(value: Floats, low: float, high: float, contradicted: Callable[[Floats], NDArray[np.bool_]]) -> Floats:
    """The ends of what is not contradicted on both sides of `value` (R,), by halving: (R, 2)."""
    ends = []
    for end in (low, high):
        inside, outside = value.copy(), np.where(np.isnan(value), np.nan, end)
        for _ in range(HALVINGS):
            middle = (inside + outside) / 2
            beyond = contradicted(middle)
            outside, inside = np.where(beyond, middle, outside), np.where(beyond, inside, middle)
        ends.append(outside)
    return np.stack(ends, axis=1)
