"""Predictive values where malignancy is as frequent as in the clinic rather than as in the collection."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mammo.errors import MammoError
from mammo.statistics.intervals.measured import Measured

if TYPE_CHECKING:
    from collections.abc import Sequence


def predictive_values(sensitivity: Measured, specificity: Measured, prevalence: float) -> tuple[Measured, Measured]:
    """Positive and negative predictive value at a prevalence, by Bayes' rule, with 95 % intervals.

    The likelihood ratio sens / (1 - spec), or (1 - sens) / spec, has the interval that the two shares' own intervals
    make (MOVER-R: Newcombe, Statistical Methods in Medical Research 25, 2016); the prevalence is taken as known. `n`
    counts the images behind both. A value is NaN where no image was called that way, its bounds where one of the shares
    has none. Raises MammoError where the prevalence does not lie between 0 and 1.
    """
    if not 0 < prevalence < 1:
        raise MammoError(f"The prevalence must lie between 0 and 1, such as 0.005, not {prevalence:g}.")
    odds = prevalence / (1 - prevalence)
    number, reason = sensitivity.n + specificity.n, sensitivity.reason or specificity.reason
    positive = tuple(_share(odds * one) for one in _ratio(sensitivity, _complement(specificity)))
    negative = tuple(_share(one / odds) for one in _ratio(specificity, _complement(sensitivity)))
    return _measured(positive, number, reason), _measured(negative, number, reason)


def _measured(values: Sequence[float], number: int, reason: str) -> Measured:
    value, low, high = (values[0], math.nan, math.nan) if reason else values
    return Measured(value, low, high, number, reason)


def _complement(share: Measured) -> Measured:
    return Measured(1 - share.value, 1 - share.high, 1 - share.low, share.n)


def _ratio(upper: Measured, lower: Measured) -> tuple[float, float, float]:
    """The quotient of two shares with the bounds that theirs give it; infinite where nothing is left to divide by."""
    product = upper.value * lower.value
    least, most = upper.low * (2 * upper.value - upper.low), upper.high * (2 * upper.value - upper.high)
    wide, narrow = lower.high * (2 * lower.value - lower.high), lower.low * (2 * lower.value - lower.low)
    low = _quotient(least, product + math.sqrt(max(product**2 - least * wide, 0)))
    high = (product + math.sqrt(max(product**2 - most * narrow, 0))) / narrow if narrow else math.inf
    value = _quotient(upper.value, lower.value) if upper.value or lower.value else math.nan
    return value, low, high


def _quotient(above: float, below: float) -> float:
    if math.isnan(above) or not above:
        return above
    return above / below if below else math.inf


def _share(odds: float) -> float:
    return 1.0 if math.isinf(odds) else odds / (1 + odds)
