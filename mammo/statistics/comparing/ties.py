"""Groups of runs that cannot be distinguished on the same images."""

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
"""A lower bound of standard errors, since that of two runs with the same ranks is 0."""


def tie_groups(labels: ArrayLike, logits: ArrayLike, patients: ArrayLike) -> NDArray[np.int64]:
    """The tie group of every run of `logits` (R, N) on images of `labels` (N,): (R,), from 1.

    By `group_ties`, clustered by `patients` (N,). Where there are too few patients (`few`), all runs tie.
    """
    scores = np.atleast_2d(logits)
    parts = components(labels, scores, patients)
    if parts is None:
        undefined = np.isnan(auc(labels, scores))
        return np.where(undefined & ~undefined.all(), 2, 1)
    return group_ties(parts, deviations(parts))


def group_ties(parts: Components, random: NDArray[np.float32]) -> NDArray[np.int64]:
    """The tie group of each of R runs, (R,), from 1; `random` are their `chance.deviations`, (R, draws).

    The run of highest AUC leads group 1, which holds every run that may be equally good. A run is worse where its
    distance from the leader, in standard errors of their difference (paired DeLong, clustered by patient), exceeds the
    95 % quantile of the largest such distance among equally good runs of which the best by chance leads. (A test of two
    runs chosen beforehand would ignore that the leader was chosen because its AUC is highest.) Runs that are excluded
    no longer count for those that remain (Romano and Wolf's step-down maxT, Econometrica 73, 2005). The best of the
    excluded runs leads group 2, and so on. Runs of undefined AUC share the last group.
    """
    remaining = np.argsort(-parts.aucs, kind="stable")[: np.count_nonzero(~np.isnan(parts.aucs))]
    groups = np.zeros(parts.aucs.size, dtype=np.int64)
    group = 0
    while remaining.size:
        group += 1
        groups[_tied_with_first(parts, random, remaining)] = group
        remaining = remaining[groups[remaining] == 0]
    groups[groups == 0] = group + 1
    return groups


def _tied_with_first(parts: Components, random: NDArray[np.float32], rows: NDArray[np.intp]) -> NDArray[np.intp]:
    """Those of `rows`, sorted by AUC from the highest, that tie with the first."""
    gaps = (parts.aucs[rows[0]] - parts.aucs[rows]) / np.maximum(parts.errors(rows[:1], rows)[0], CLOSEST)
    random, errors = random[rows], _Errors(parts, rows)
    remaining = np.arange(rows.size)
    while True:
        near = gaps[remaining] <= _largest_random_distance(random, errors, remaining, parts.freedom)
        if near.all():
            return rows[remaining]
        remaining = remaining[near]


class _Errors:
    """Standard errors of the differences between runs and a leader, computed once for each leader."""

    def __init__(self, parts: Components, rows: NDArray[np.intp]) -> None:
        self.parts, self.rows = parts, rows
        self.by_leader: dict[int, NDArray[np.float32]] = {}

    def of(self, leaders: list[int]) -> list[NDArray[np.float32]]:
        """The errors of all runs against each of the positions `leaders`, (R,) each."""
        missing = [leader for leader in leaders if leader not in self.by_leader]
        if missing:
            errors = self.parts.errors(self.rows[missing], self.rows, np.float32)
            self.by_leader |= dict(zip(missing, np.maximum(errors, np.float32(CLOSEST)), strict=True))
        return [self.by_leader[leader] for leader in leaders]


def _largest_random_distance(
    random: NDArray[np.float32], errors: _Errors, rows: NDArray[np.intp], freedom: int
) -> float:
    """The 1 - `LEVEL` quantile of the largest distance from the leader among equally good runs at `rows`.

    In standard errors. Since these are uncertain with few patients, the quantile of the normal draws is converted to
    that of Student's t with `freedom` degrees of freedom.
    """
    first = rows[random[rows].argmax(axis=0)]
    leaders = np.unique(first)
    largest = np.zeros(random.shape[1])
    for leader, error in zip(leaders, errors.of(leaders.tolist()), strict=True):
        draws = random[:, first == leader]
        largest[first == leader] = ((draws[leader] - draws[rows]) / error[rows, None]).max(axis=0)
    return float(-stdtrit(freedom, ndtr(-np.quantile(largest, 1 - LEVEL))))


def paired_p_values(parts: Components, leader: int) -> Floats:
    """Two-sided p values of every run's AUC against that of row `leader`, (R,), by the score test; 1 for equal AUCs."""
    rows = np.arange(parts.aucs.size)
    return score_difference(parts, rows, np.full(rows.size, leader))[1]
