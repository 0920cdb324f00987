"""Which runs cannot be told apart: groups of runs scored on the same images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import erfc

from mammo.results.intervals import LEVEL, Components, components
from mammo.results.metrics import Floats, auc

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def tie_groups(labels: ArrayLike, logits: ArrayLike, patients: ArrayLike) -> NDArray[np.int64]:
    """Number the runs of `logits` (R, N) by groups that `labels` (N,) cannot tell apart: (R,), from 1.

    The run of highest AUC leads group 1; with it is every run whose AUC does not differ from the leader's in a
    paired DeLong test clustered by `patients` (N,), two-sided at 5 %, Holm-corrected over the comparisons with
    that leader. The best of the rest leads group 2, and so on. Runs of undefined AUC share the last group.
    """
    scores = np.atleast_2d(logits)
    parts = components(labels, scores, patients)
    area = auc(labels, scores) if parts is None else parts.area
    left = np.argsort(-area, kind="stable")[: np.count_nonzero(~np.isnan(area))]
    groups = np.zeros(len(scores), dtype=np.int64)
    group = 0
    while left.size:
        group += 1
        tied = np.ones(left.size, dtype=bool) if parts is None else _tied_with_first(parts, left)
        groups[left[tied]] = group
        left = left[~tied]
    groups[groups == 0] = group + 1
    return groups


def paired_p_values(parts: Components, leader: int) -> Floats:
    """Two-sided p values of every run's AUC against that of row `leader`, (R,); 1 where they do not differ."""
    variance = parts.variance
    spread = np.maximum(variance + variance[leader] - 2 * parts.covariance(leader), 1e-18)
    p_values: Floats = erfc(np.abs(parts.area - parts.area[leader]) / np.sqrt(2 * spread))
    return p_values


def _tied_with_first(parts: Components, rows: NDArray[np.intp]) -> NDArray[np.bool_]:
    different = _holm(paired_p_values(parts, int(rows[0]))[rows[1:]])
    return np.append(True, ~different)


def _holm(p_values: Floats) -> NDArray[np.bool_]:
    """Which hypotheses Holm's step-down procedure (1979) rejects at `LEVEL`."""
    order = np.argsort(p_values, kind="stable")
    passed = p_values[order] <= LEVEL / np.arange(p_values.size, 0, -1)
    rejected = np.zeros(p_values.size, dtype=bool)
    rejected[order] = np.logical_and.accumulate(passed)
    return rejected
