"""The axes of a sweep: what its runs differ in, how much each of it matters, and how a figure moves along one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mammo.specs.cache_spec import CACHE_AXES
from mammo.specs.head_spec import HEAD_AXES
from mammo.statistics.content_order import arranged
from mammo.statistics.intervals.delong import components
from mammo.statistics.metrics import Floats, auc

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mammo.runs.sweep import Sweep

VARIED = (*CACHE_AXES, *HEAD_AXES)
"""The axes whose importance is told: each split is a study of its own."""
DRAWS = 1000
"""How often patients are drawn anew for an interval."""


@dataclass(frozen=True)
class Influence:
    """How much one axis matters: the share of the variance between runs that the means of its values account for.

    `interval` holds the middle 95 % of the shares when the validation patients are drawn anew, NaN where `few` gives
    none; `chance` is the share
    to be expected of an axis with as many values that does nothing, (values - 1) / (runs - 1).
    """

    axis: str
    values: int
    share: float
    interval: tuple[float, float]
    chance: float


def varied(runs: pd.DataFrame) -> list[str]:
    """The axes of caches and heads in which runs differ."""
    return [name for name in VARIED if name in runs and runs[name].nunique() > 1]


def influences(sweep: Sweep) -> list[Influence]:
    """What every axis contributes to validation AUC, the most important first; empty where nothing varies.

    Each share is a main effect's η² (sum of squares between the means of the axis' values over the total, after each
    split's own mean is taken off). In a full grid the shares add up to at most 1; what is left is interplay of axes.
    Patients are drawn with replacement and areas moved along DeLong's structural components, a linear bootstrap.
    """
    areas = _areas(sweep)
    known = np.flatnonzero(np.isfinite(areas[0]))
    runs, areas = sweep.runs.iloc[known], areas[:, known]
    made = []
    for name in varied(runs):
        codes, values = pd.factorize(runs[name])
        shares = _shares(areas, codes)
        low, high = np.percentile(shares[1:], [2.5, 97.5])
        chance = (len(values) - 1) / max(len(runs) - 1, 1)
        made.append(Influence(name, len(values), float(shares[0]), (float(low), float(high)), chance))
    return sorted(made, key=lambda one: -one.share)


def response(sweep: Sweep, axis: str, by: str | None = None) -> pd.DataFrame:
    """Validation AUC along an axis: columns `by`, `value`, `mean`, `sd` (NaN of one run) and `runs`, sorted.

    A row is the mean over all runs of that value, whatever their other settings, seeds and splits.
    """
    table = pd.DataFrame({"value": sweep.runs[axis], "auc": validation_auc(sweep)})
    table["by"] = sweep.runs[by].astype(str) if by else ""
    grouped = table.dropna(subset="auc").groupby(["by", "value"])["auc"]
    return grouped.agg(mean="mean", sd="std", runs="size").reset_index().sort_values(["by", "value"])


def validation_auc(sweep: Sweep) -> Floats:
    """The validation AUC of every run (runs,), NaN where undefined."""
    areas = np.full(len(sweep.runs), np.nan)
    for _, rows, members in _by_split(sweep):
        areas[rows] = auc(sweep.labels[members], np.asarray(sweep.logits[rows])[:, members])
    return areas


def _areas(sweep: Sweep) -> Floats:
    """Validation AUCs less their split's mean, as they are in row 0 and with patients drawn anew: (1 + DRAWS, runs)."""
    areas = np.full((1 + DRAWS, len(sweep.runs)), np.nan)
    for split, rows, members in _by_split(sweep):
        logits = np.asarray(sweep.logits[rows])[:, members]
        patients = sweep.images["patient"].to_numpy()[members]
        labels, logits, patients = arranged(sweep.labels[members], logits, patients)
        parts = components(labels, logits, patients)
        if parts is None:  # the draws stay NaN: nothing is known of how patients differ
            areas[0, rows] = auc(labels, logits)
        else:
            pull = parts.positive + parts.negative
            count = pull.shape[1]
            draws = np.random.default_rng(split).multinomial(count, np.full(count, 1 / count), DRAWS) - 1.0
            areas[0, rows] = parts.aucs
            areas[1:, rows] = parts.aucs + draws @ pull.T
        scored = rows[np.isfinite(areas[0, rows])]
        if scored.size:
            areas[:, rows] -= areas[:, scored].mean(axis=1, keepdims=True)
    return areas


def _by_split(sweep: Sweep) -> list[tuple[int, NDArray[np.intp], NDArray[np.intp]]]:
    """Each split that has runs: its number, its rows of runs, and the positions of its validation images."""
    numbers = sweep.runs["split"].to_numpy()
    splits = [(split, np.flatnonzero(numbers == split)) for split in range(len(sweep.parts))]
    return [(split, rows, sweep.members(split, "validation")) for split, rows in splits if rows.size]


def _shares(areas: Floats, codes: NDArray[Any]) -> Floats:
    """The share of the variance of `areas` (draws, runs) that lies between the groups `codes` (runs,): (draws,)."""
    members = np.equal.outer(codes, np.unique(codes)).astype(float)
    counts = members.sum(axis=0)
    centred = areas - areas.mean(axis=1, keepdims=True)
    between = ((centred @ members) ** 2 / counts).sum(axis=1)
    total = (centred**2).sum(axis=1)
    shares: Floats = np.divide(between, total, out=np.zeros_like(total), where=total > 0)
    return np.where(np.isnan(total), np.nan, shares)
