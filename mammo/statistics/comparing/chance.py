"""Random deviations of AUCs: how the AUCs of equally good runs would vary over other samples of patients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mammo.statistics.intervals.delong import Components

DRAWS = 1000
SEED = 0


def deviations(parts: Components, draws: int = DRAWS, seed: int = SEED) -> NDArray[np.float32]:
    """Random deviations of every run's AUC from its true value, (R, draws), over samples of patients.

    They are normal with exactly the clustered DeLong covariance of `parts`: every patient gets two random weights, one
    for its malignant and one for its benign images, whose covariance is that of the small-sample factors. The weights
    depend on the patients and the seed only, not on the runs.
    """
    by_positive, by_negative, cross = parts.weights
    normal = np.random.default_rng(seed).standard_normal((2, parts.positive.shape[1], draws))
    malignant = np.sqrt(by_positive) * normal[0]
    uncorrelated = np.sqrt(max(by_negative - cross**2 / by_positive, 0.0))
    benign = cross / np.sqrt(by_positive) * normal[0] + uncorrelated * normal[1]
    sums: NDArray[np.float32] = _product(parts.positive, malignant) + _product(parts.negative, benign)
    return sums


def _product(components: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float32]:
    """The matrix product (R, draws), without the patients whose components are all 0: most have images of one class."""
    present = components.any(axis=0)
    product: NDArray[np.float32] = components[:, present].astype(np.float32) @ weights[present].astype(np.float32)
    return product
