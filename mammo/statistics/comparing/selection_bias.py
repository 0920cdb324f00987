"""The optimism meter: how much of the winner's validation AUC is owed to having tried so many heads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr

from mammo.statistics.intervals.score import LEVEL

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mammo.statistics.intervals.delong import Components
    from mammo.statistics.metrics import Floats

TALLEST = 12.0
"""Standard deviations that no draw of chance exceeds."""


@dataclass(frozen=True)
class Optimism:
    """What chance alone would make of the best of several heads by validation AUC, were all equally good.

    `heads` were tried, worth `independent` heads whose scores have nothing in common. The winner's AUC lies `margin`
    above the `mean` of all. Of equally good heads the best would lie `expected` above it on average, at least `least`
    and at most `limit` in 95 % of cases each; `p_value` is how often it would lie as far as the winner does.
    """

    heads: int
    independent: float
    winner: float
    mean: float
    margin: float
    expected: float
    least: float
    limit: float
    p_value: float

    @property
    def explained(self) -> float:
        """The share of the winner's margin that the number of heads explains, at most 1."""
        return 1.0 if self.margin <= self.expected else self.expected / self.margin

    @property
    def discounted(self) -> float:
        """The winner's AUC less what its luck may have been: what to expect of it on other images, at worst."""
        return self.winner - self.expected


def optimism(parts: Components, drawn: NDArray[np.float32], rows: NDArray[np.intp] | None = None) -> Optimism | None:
    """Measure the best of the runs at `rows`, or of all; None where fewer than two have an AUC.

    `drawn` are the `chance.deviations` of `parts`. They have the runs' own covariance, so that heads that score alike
    count for as little as they are worth.
    """
    rows = np.arange(parts.area.size) if rows is None else rows
    rows = rows[~np.isnan(parts.area[rows])]
    if rows.size < 2:
        return None
    area, lucky = parts.area[rows], drawn[rows]
    margins = np.maximum(lucky.max(axis=0) - lucky.mean(axis=0), 0).astype(float)  # heads that are one head round below
    margin, expected = float(area.max() - area.mean()), float(margins.mean())
    return Optimism(
        heads=int(rows.size),
        independent=independent_heads(expected, float(np.sqrt(parts.variance[rows].mean())), rows.size),
        winner=float(area.max()),
        mean=float(area.mean()),
        margin=margin,
        expected=expected,
        least=float(np.quantile(margins, LEVEL)),
        limit=float(np.quantile(margins, 1 - LEVEL)),
        p_value=float((np.count_nonzero(margins >= margin) + 1) / (margins.size + 1)),
    )


def independent_heads(expected: float, deviation: float, most: int) -> float:
    """How many independent heads of standard deviation `deviation` come out with a best `expected` above the truth.

    Between 1 and `most`; 1 where chance moves nothing.
    """
    if deviation <= 0 or expected <= 0:
        return 1.0
    low, high = 0.0, np.log(most)
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if _expected_best(np.exp(middle)) * deviation < expected else (low, middle)
    return float(np.exp(low))


def _expected_best(count: float) -> float:
    """The mean of the largest of `count` standard normal numbers, by the area beside its distribution function."""
    grid: Floats = np.linspace(-TALLEST, TALLEST, 4001)
    return float(np.trapezoid(np.heaviside(grid, 0.5) - ndtr(grid) ** count, grid))
