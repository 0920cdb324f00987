"""95 % intervals of a share, such as a sensitivity, clustered by patient."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mammo.statistics.content_order import content_order
from mammo.statistics.intervals.delong import accuracy_interval

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def share_interval(right: ArrayLike, patients: ArrayLike) -> tuple[float, float]:
    """95 % interval of the share of images that are `right` (N,), clustered by `patients` (N,).

    Clopper and Pearson's, as for an accuracy; NaN where there are fewer patients than `few` requires.
    """
    correct = np.asarray(right, dtype=bool)
    order = content_order(correct, np.zeros((0, correct.size)), patients)
    calls = np.where(correct, 1.0, -1.0)[order]
    low, high = accuracy_interval(np.ones(correct.size), calls, np.asarray(patients)[order])[0]
    return float(low), float(high)
