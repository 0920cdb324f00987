"""Which runs cannot be told apart: groups of runs scored on the same images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr, stdtrit

from mammo.results.chance import deviations
from mammo.results.intervals import LEVEL, Components, components
from mammo.results.metrics import Floats, auc

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

CLOSEST = 1e-5
"""The least standard error that a difference is held against; of two runs that rank alike it is 0."""


def tie_groups(labels: ArrayLike, logits: ArrayLike, patients: ArrayLike) -> NDArray[np.int64]:
    """Number the runs of `logits` (R, N) by groups that `labels` (N,) cannot tell apart: (R,), from 1.

    The run of highest AUC leads group 1; with it is every run that may well be as good. A run counts as worse where
    its distance from the leader, in standard errors of their difference (paired DeLong, clustered by `patients`), is
    more than chance gives in 5 % of cases to the farthest of runs that are all equally good and of which the luckiest
    leads: a leader is chosen because it came out best, which a test of two named runs would not know. Runs so left
    out no longer count for those that stay (Romano and Wolf's step-down maxT, Econometrica 73, 2005). The best of
    those left out leads group 2, and so on. Runs of undefined AUC share the last group.
    """
    scores = np.atleast_2d(logits)
    parts = components(labels, scores, patients)
    area = auc(labels, scores) if parts is None else parts.area
    left = np.argsort(-area, kind="stable")[: np.count_nonzero(~np.isnan(area))]
    drawn = None if parts is None else deviations(parts)
    groups = np.zeros(len(scores), dtype=np.int64)
    group = 0
    while left.size:
        group += 1
        tied = left if parts is None or drawn is None else _tied_with_first(parts, drawn, left)
        groups[tied] = group
        left = left[groups[left] == 0]
    groups[groups == 0] = group + 1
    return groups


def _tied_with_first(parts: Components, drawn: NDArray[np.float32], rows: NDArray[np.intp]) -> NDArray[np.intp]:
    """Those of `rows`, the best first, that may well be as good as the first."""
    leader = rows[:1]
    errors = parts.errors(leader, rows)[0]
    gaps = (parts.area[leader] - parts.area[rows]) / np.maximum(errors, CLOSEST)
    while True:
        near = gaps <= _farthest_by_chance(parts, drawn, rows)
        if near.all():
            return rows
        rows, gaps = rows[near], gaps[near]


def _farthest_by_chance(parts: Components, drawn: NDArray[np.float32], rows: NDArray[np.intp]) -> float:
    """The distance from the leader that chance gives the farthest of `rows` in `LEVEL` of cases.

    In standard errors, which few patients tell badly: the normal draws' quantile is carried to Student's t with the
    degrees of freedom of the rarer class.
    """
    lucky = drawn[rows]
    leaders, led = np.unique(lucky.argmax(axis=0), return_inverse=True)
    errors = np.maximum(parts.errors(rows[leaders], rows), CLOSEST).astype(np.float32)
    farthest = np.zeros(lucky.shape[1])
    for place, leader in enumerate(leaders):
        chosen = lucky[:, led == place]
        farthest[led == place] = ((chosen[leader] - chosen) / errors[place][:, None]).max(axis=0)
    quantile = np.quantile(farthest, 1 - LEVEL)
    return float(-stdtrit(parts.freedom, ndtr(-quantile)))


def paired_p_values(parts: Components, leader: int) -> Floats:
    """Two-sided p values of every run's AUC against that of row `leader`, (R,); 1 where they do not differ."""
    errors = np.maximum(parts.errors(np.array([leader]), np.arange(parts.area.size))[0], 1e-9)
    p_values: Floats = 2 * ndtr(-np.abs(parts.area - parts.area[leader]) / errors)
    return p_values
