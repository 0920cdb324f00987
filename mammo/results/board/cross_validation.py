"""The cross-validated AUCs of a leaderboard: settings of which every fold was trained and tested."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mammo.data.splits.protocols import FOLDS
from mammo.results.board.grouped import setting_numbers
from mammo.statistics.cross_validated import CrossValidatedAuc, Fold, cross_validated_auc

if TYPE_CHECKING:
    from collections.abc import Callable

PROTOCOL = "five-fold"
OTHER = f"cross-validated AUC is of the protocol {PROTOCOL}"
COLUMNS = ("cv_auc", "cv_auc_interval", "cv_reason", "cv_runs")


def with_cross_validation(runs: pd.DataFrame, fold_of: Callable[[int], Fold]) -> pd.DataFrame:
    """The leaderboard's `runs` with the cross-validated AUC of each run's setting in `COLUMNS`.

    `fold_of` gives the test images of the run in a row. `cv_auc` and `cv_auc_interval` are NaN, and `cv_reason` says
    why, unless a setting has runs of all folds, each patient tested once; `cv_runs` counts the runs behind them.
    """
    found: list[tuple[CrossValidatedAuc, int]] = [(_none(OTHER), 0)] * len(runs)
    folded = np.flatnonzero((runs["protocol"] == PROTOCOL).to_numpy())
    if folded.size:
        numbers = setting_numbers(runs.iloc[folded])
        for number in range(numbers.max() + 1):
            rows = folded[numbers == number]
            one = _of_setting(runs.iloc[rows], rows.tolist(), fold_of)
            for row in rows:
                found[row] = one, rows.size
    told = [(one.auc, one.interval, one.reason, count) for one, count in found]
    return runs.assign(**dict(zip(COLUMNS, map(list, zip(*told, strict=True)), strict=True))) if told else runs


def _of_setting(setting: pd.DataFrame, rows: list[int], fold_of: Callable[[int], Fold]) -> CrossValidatedAuc:
    """The cross-validated AUC of one setting's runs, the mean over its starts and draws of folds."""
    sets: dict[tuple[Any, ...], dict[int, int]] = {}
    for row, seed, split_seed, redraw in zip(
        rows, setting["seed"], setting["split_seed"], setting["redraw"], strict=True
    ):
        sets.setdefault((seed, split_seed), {})[int(redraw)] = row
    for held in sets.values():
        if missing := sorted(set(range(FOLDS)) - set(held)):
            return _none(f"fold{'s' if len(missing) > 1 else ''} {', '.join(map(str, missing))} not run")
    folds = [[fold_of(held[number]) for number in range(FOLDS)] for held in sets.values()]
    if any(_patients_return(one) for one in folds):
        return _none("a patient is tested in several folds")
    return cross_validated_auc(folds)


def _patients_return(folds: list[Fold]) -> bool:
    each = [np.unique(fold.patients) for fold in folds]
    return np.unique(np.concatenate(each)).size < sum(names.size for names in each)


def _none(reason: str) -> CrossValidatedAuc:
    return CrossValidatedAuc(np.nan, (np.nan, np.nan), reason)
