"""Which runs cannot be told apart: groups of runs scored on the same images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr, stdtrit

from mammo.statistics.comparing.chance import deviations
from mammo.statistics.intervals.delong import Components, components
from mammo.statistics.intervals.score import LEVEL, score_difference
from mammo.statistics.metrics import Floats, auc

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

CLOSEST = 1e-5
"""The least standard error that a difference is held against; of two runs that rank alike it is 0."""


def tie_groups(labels: ArrayLike, logits: ArrayLike, patients: ArrayLike) -> NDArray[np.int64]:
    """Number the runs of `logits` (R, N) by groups that `labels` (N,) cannot tell apart: (R,), from 1.

    As `grouped` has it, clustered by `patients` (N,). Where `few` gives no test, all tie.
    """
    scores = np.atleast_2d(logits)
    parts = components(labels, scores, patients)
    if parts is None:
        undefined = np.isnan(auc(labels, scores))
        return np.where(undefined & ~undefined.all(), 2, 1)
    return grouped(parts, deviations(parts))


def grouped(parts: Components, drawn: NDArray[np.float32]) -> NDArray[np.int64]:
    """Number R runs by groups that cannot be told apart, (R,), from 1; `drawn` are their `chance.deviations`.

    The run of highest AUC leads group 1; with it is every run that may well be as good. A run counts as worse where
    its distance from the leader, in standard errors of their difference (paired DeLong, clustered by patient), is
    more than chance gives in 5 % of cases to the farthest of runs that are all equally good and of which the luckiest
    leads: a leader is chosen because it came out best, which a test of two named runs would not know. Runs so left
    out no longer count for those that stay (Romano and Wolf's step-down maxT, Econometrica 73, 2005). The best of
    those left out leads group 2, and so on. Runs of undefined AUC share the last group.
    """
    left = np.argsort(-parts.area, kind="stable")[: np.count_nonzero(~np.isnan(parts.area))]
    groups = np.zeros(parts.area.size, dtype=np.int64)
    group = 0
    while left.size:
        group += 1
        groups[_tied_with_first(parts, drawn, left)] = group
        left = left[groups[left] == 0]
    groups[groups == 0] = group + 1
    return groups


def _tied_with_first(parts: Components, drawn: NDArray[np.float32], rows: NDArray[np.intp]) -> NDArray[np.intp]:
    """Those of `rows`, the best first, that may well be as good as the first."""
    gaps = (parts.area[rows[0]] - parts.area[rows]) / np.maximum(parts.errors(rows[:1], rows)[0], CLOSEST)
    lucky, errors = drawn[rows], _Errors(parts, rows)
    left = np.arange(rows.size)
    while True:
        near = gaps[left] <= _farthest_by_chance(lucky, errors, left, parts.freedom)
        if near.all():
            return rows[left]
        left = left[near]


class _Errors:
    """Standard errors of the differences between some runs and a leader, each leader's worked out once."""

    def __init__(self, parts: Components, rows: NDArray[np.intp]) -> None:
        self.parts, self.rows = parts, rows
        self.known: dict[int, NDArray[np.float32]] = {}

    def of(self, leaders: list[int]) -> list[NDArray[np.float32]]:
        """For each of the places `leaders` its errors from all runs."""
        unknown = [leader for leader in leaders if leader not in self.known]
        if unknown:
            errors = self.parts.errors(self.rows[unknown], self.rows, np.float32)
            self.known |= dict(zip(unknown, np.maximum(errors, np.float32(CLOSEST)), strict=True))
        return [self.known[leader] for leader in leaders]


def _farthest_by_chance(lucky: NDArray[np.float32], errors: _Errors, left: NDArray[np.intp], freedom: int) -> float:
    """The distance from the leader that chance gives the farthest of the runs at `left` in `LEVEL` of cases.

    In standard errors, which few patients tell badly: the normal draws' quantile is carried to Student's t with
    `freedom` degrees of freedom.
    """
    first = left[lucky[left].argmax(axis=0)]
    leaders = np.unique(first)
    farthest = np.zeros(lucky.shape[1])
    for leader, error in zip(leaders, errors.of(leaders.tolist()), strict=True):
        chosen = lucky[:, first == leader]
        farthest[first == leader] = ((chosen[leader] - chosen[left]) / error[left, None]).max(axis=0)
    return float(-stdtrit(freedom, ndtr(-np.quantile(farthest, 1 - LEVEL))))


def paired_p_values(parts: Components, leader: int) -> Floats:
    """Two-sided p values of every run's AUC against that of row `leader`, (R,), by `score`; 1 where they are equal."""
    rows = np.arange(parts.area.size)
    return score_difference(parts, rows, np.full(rows.size, leader))[1]
