"""The axes of a sweep: the settings in which its runs differ, their influence, and the response along an axis."""

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
"""The axes that have an influence: those of caches and heads, since each split is analysed on its own."""
DRAWS = 1000
"""Resamples of the patients for an interval."""


@dataclass(frozen=True)
class Influence:
    """The influence of one axis: the share of the variance between runs that the means of its values explain.

    `interval` holds the middle 95 % of the shares over resamples of the validation patients, NaN where there are too
    few patients (`few`). `chance` is the expected share of an axis with as many values and no effect, (values - 1) /
    (runs - 1).
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
    """The influence of every axis on validation AUC, the most important first; empty where nothing varies.

    Each share is the η² of a main effect: the sum of squares between the means of the values of the axis divided by the
    total, after the mean of each split is subtracted. In a full grid the shares add up to at most 1; the remainder is
    interaction of axes. Resamples draw patients with replacement and change the AUCs by DeLong's structural components,
    a linear bootstrap.
    """
    aucs = _centred_aucs(sweep)
    defined = np.flatnonzero(np.isfinite(aucs[0]))
    runs, aucs = sweep.runs.iloc[defined], aucs[:, defined]
    results = []
    for name in varied(runs):
        codes, values = pd.factorize(runs[name])
        shares = _shares(aucs, codes)
        low, high = np.percentile(shares[1:], [2.5, 97.5])
        chance = (len(values) - 1) / max(len(runs) - 1, 1)
        results.append(Influence(name, len(values), float(shares[0]), (float(low), float(high)), chance))
    return sorted(results, key=lambda influence: -influence.share)


def response(sweep: Sweep, axis: str, by: str | None = None) -> pd.DataFrame:
    """Validation AUC along an axis: columns `by`, `value`, `mean`, `sd` (NaN for one run) and `runs`, sorted.

    Each row averages all runs with that value over their other settings, seeds and splits.
    """
    table = pd.DataFrame({"value": sweep.runs[axis], "auc": validation_auc(sweep)})
    table["by"] = sweep.runs[by].astype(str) if by else ""
    grouped = table.dropna(subset="auc").groupby(["by", "value"])["auc"]
    return grouped.agg(mean="mean", sd="std", runs="size").reset_index().sort_values(["by", "value"])


def validation_auc(sweep: Sweep) -> Floats:
    """The validation AUC of every run (runs,), NaN where undefined."""
    aucs = np.full(len(sweep.runs), np.nan)
    for _, rows, members in _by_split(sweep):
        aucs[rows] = auc(sweep.labels[members], np.asarray(sweep.logits[rows])[:, members])
    return aucs


def _centred_aucs(sweep: Sweep) -> Floats:
    """Validation AUCs minus the mean of their split, (1 + DRAWS, runs): row 0 as scored, the others resampled."""
    aucs = np.full((1 + DRAWS, len(sweep.runs)), np.nan)
    for split, rows, members in _by_split(sweep):
        logits = np.asarray(sweep.logits[rows])[:, members]
        patients = sweep.images["patient"].to_numpy()[members]
        labels, logits, patients = arranged(sweep.labels[members], logits, patients)
        parts = components(labels, logits, patients)
        if parts is None:  # the resamples stay NaN: too few patients for a variance
            aucs[0, rows] = auc(labels, logits)
        else:
            effects = parts.positive + parts.negative  # of each patient on each run's AUC
            count = effects.shape[1]
            draws = np.random.default_rng(split).multinomial(count, np.full(count, 1 / count), DRAWS) - 1.0
            aucs[0, rows] = parts.aucs
            aucs[1:, rows] = parts.aucs + draws @ effects.T
        scored = rows[np.isfinite(aucs[0, rows])]
        if scored.size:
            aucs[:, rows] -= aucs[:, scored].mean(axis=1, keepdims=True)
    return aucs


def _by_split(sweep: Sweep) -> list[tuple[int, NDArray[np.intp], NDArray[np.intp]]]:
    """Each split that has runs: its number, the rows of its runs, and the positions of its validation images."""
    numbers = sweep.runs["split"].to_numpy()
    splits = [(split, np.flatnonzero(numbers == split)) for split in range(len(sweep.parts))]
    return [(split, rows, sweep.members(split, "validation")) for split, rows in splits if rows.size]


def _shares(aucs: Floats, codes: NDArray[Any]) -> Floats:
    """The share of the variance of `aucs` (draws, runs) between the groups `codes` (runs,): (draws,)."""
    members = np.equal.outer(codes, np.unique(codes)).astype(float)
    counts = members.sum(axis=0)
    centred = aucs - aucs.mean(axis=1, keepdims=True)
    between = ((centred @ members) ** 2 / counts).sum(axis=1)
    total = (centred**2).sum(axis=1)
    shares: Floats = np.divide(between, total, out=np.zeros_like(total), where=total > 0)
    return np.where(np.isnan(total), np.nan, shares)
