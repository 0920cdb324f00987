"""Predictive values at a prevalence, such as that of the clinic, that differs from that of the collection."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mammo.errors import MammoError
from mammo.statistics.intervals.measurement import Measurement

if TYPE_CHECKING:
    from collections.abc import Sequence


def predictive_values(
    sensitivity: Measurement, specificity: Measurement, prevalence: float
) -> tuple[Measurement, Measurement]:
    """Positive and negative predictive value at a prevalence, by Bayes' rule, with 95 % intervals.

    The interval of the likelihood ratio, sens / (1 - spec) or (1 - sens) / spec, follows from the intervals of the two
    shares (MOVER-R: Newcombe, Statistical Methods in Medical Research 25, 2016); the prevalence counts as exact. `n`
    counts the images of both shares. A value is NaN where no image was called that way, its bounds where one of the
    shares has no interval. Raises MammoError where the prevalence does not lie between 0 and 1.
    """
    if not 0 < prevalence < 1:
        raise MammoError(f"The prevalence must lie between 0 and 1, such as 0.005, not {prevalence:g}.")
    odds = prevalence / (1 - prevalence)
    number, reason = sensitivity.n + specificity.n, sensitivity.reason or specificity.reason
    positive = tuple(_share(odds * ratio) for ratio in _ratio(sensitivity, specificity.complement))
    negative = tuple(_share(ratio / odds) for ratio in _ratio(specificity, sensitivity.complement))
    return _measurement(positive, number, reason), _measurement(negative, number, reason)


def _measurement(values: Sequence[float], number: int, reason: str) -> Measurement:
    value, low, high = (values[0], math.nan, math.nan) if reason else values
    return Measurement(value, low, high, number, reason)


def _ratio(numerator: Measurement, denominator: Measurement) -> tuple[float, float, float]:
    """The ratio of two shares and its bounds by MOVER-R; infinite where the denominator is 0."""
    value, divisor = numerator.value, denominator.value
    product = value * divisor
    least, most = (bound * (2 * value - bound) for bound in (numerator.low, numerator.high))
    wide, narrow = (bound * (2 * divisor - bound) for bound in (denominator.high, denominator.low))
    low = _quotient(least, product + math.sqrt(max(product**2 - least * wide, 0)))
    high = (product + math.sqrt(max(product**2 - most * narrow, 0))) / narrow if narrow else math.inf
    ratio = _quotient(value, divisor) if value or divisor else math.nan
    return ratio, low, high


def _quotient(numerator: float, denominator: float) -> float:
    if math.isnan(numerator) or not numerator:
        return numerator
    return numerator / denominator if denominator else math.inf


def _share(odds: float) -> float:
    return 1.0 if math.isinf(odds) else odds / (1 + odds)
