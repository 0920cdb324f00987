"""What chance alone makes of AUCs: how they would come out on other patients if every run were equally good."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mammo.statistics.intervals.delong import Components

DRAWS = 1000
SEED = 0


def deviations(parts: Components, draws: int = DRAWS, seed: int = SEED) -> NDArray[np.float32]:
    """How far chance takes every run's AUC from its true value, (R, draws), in draws of other patients.

    Normal, with exactly the clustered DeLong covariance of `parts`: every patient gets two random weights, for what
    its malignant and what its benign images add, whose covariance is that of the small-sample factors. The same
    patients get the same weights whatever the runs.
    """
    own, other, cross = parts.weights
    chance = np.random.default_rng(seed).standard_normal((2, parts.positive.shape[1], draws))
    by_malignant = np.sqrt(own) * chance[0]
    by_benign = cross / np.sqrt(own) * chance[0] + np.sqrt(max(other - cross**2 / own, 0.0)) * chance[1]
    drawn: NDArray[np.float32] = _product(parts.positive, by_malignant) + _product(parts.negative, by_benign)
    return drawn


def _product(components: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float32]:
    """Patients that add nothing are left out: most have images of one class only."""
    there = components.any(axis=0)
    product: NDArray[np.float32] = components[:, there].astype(np.float32) @ weights[there].astype(np.float32)
    return product
