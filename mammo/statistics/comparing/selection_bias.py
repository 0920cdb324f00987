"""Selection bias: how much of the winner's validation AUC comes from the number of heads that were tried."""

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
"""Standard deviations that no normal number exceeds in practice."""


@dataclass(frozen=True)
class SelectionBias:
    """The selection bias of the best of several heads by validation AUC.

    `heads` were tried, equivalent to `independent` heads with independent scores. The AUC `winner` lies `margin` above
    the `mean` of all heads. If all heads were equally good, the best would lie `expected` above the mean on average,
    above `least` in 95 % and below `limit` in 95 % of cases; `p_value` is the probability of a margin as large as the
    winner's.
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
        """The share of the winner's margin that selection among the heads explains, at most 1."""
        return 1.0 if self.margin <= self.expected else self.expected / self.margin

    @property
    def discounted(self) -> float:
        """The winner's AUC minus the expected margin: a cautious estimate of its AUC on other images."""
        return self.winner - self.expected


def selection_bias(
    parts: Components, deviations: NDArray[np.float32], rows: NDArray[np.intp] | None = None
) -> SelectionBias | None:
    """The selection bias of the best of the runs at `rows`, or of all; None where fewer than two have an AUC.

    `deviations` are the `chance.deviations` of `parts`. They have the covariance of the runs, so that heads with
    similar scores count as fewer heads.
    """
    rows = np.arange(parts.aucs.size) if rows is None else rows
    rows = rows[~np.isnan(parts.aucs[rows])]
    if rows.size < 2:
        return None
    aucs, random = parts.aucs[rows], deviations[rows]
    margins = np.maximum(random.max(axis=0) - random.mean(axis=0), 0).astype(float)  # rounding can make equal heads < 0
    margin, expected = float(aucs.max() - aucs.mean()), float(margins.mean())
    return SelectionBias(
        heads=int(rows.size),
        independent=independent_heads(expected, float(np.sqrt(parts.variance[rows].mean())), rows.size),
        winner=float(aucs.max()),
        mean=float(aucs.mean()),
        margin=margin,
        expected=expected,
        least=float(np.quantile(margins, LEVEL)),
        limit=float(np.quantile(margins, 1 - LEVEL)),
        p_value=float((np.count_nonzero(margins >= margin) + 1) / (margins.size + 1)),
    )


def independent_heads(expected: float, deviation: float, most: int) -> float:
    """The number of independent heads of standard deviation `deviation` whose best is `expected` above the true AUC.

    Between 1 and `most`; 1 where nothing varies.
    """
    if deviation <= 0 or expected <= 0:
        return 1.0
    low, high = 0.0, np.log(most)
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if _expected_best(np.exp(middle)) * deviation < expected else (low, middle)
    return float(np.exp(low))


def _expected_best(count: float) -> float:
    """The mean of the largest of `count` standard normal numbers, by integration of its distribution function."""
    grid: Floats = np.linspace(-TALLEST, TALLEST, 4001)
    return float(np.trapezoid(np.heaviside(grid, 0.5) - ndtr(grid) ** count, grid))
