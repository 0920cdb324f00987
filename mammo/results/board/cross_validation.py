"""The cross-validated AUCs of a leaderboard, for settings with runs of all folds."""

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

    `fold_of` returns the test images of the run in a row. Unless a setting has runs of all folds with each patient in
    one test set only, `cv_auc` and `cv_auc_interval` are NaN and `cv_reason` says why. `cv_runs` counts the runs of a
    setting.
    """
    results: list[tuple[CrossValidatedAuc, int]] = [(_none(OTHER), 0)] * len(runs)
    folded = np.flatnonzero((runs["protocol"] == PROTOCOL).to_numpy())
    if folded.size:
        numbers = setting_numbers(runs.iloc[folded])
        for number in range(numbers.max() + 1):
            rows = folded[numbers == number]
            result = _of_setting(runs.iloc[rows], rows.tolist(), fold_of)
            for row in rows:
                results[row] = result, rows.size
    values = [(result.auc, result.interval, result.reason, count) for result, count in results]
    return runs.assign(**dict(zip(COLUMNS, map(list, zip(*values, strict=True)), strict=True))) if values else runs


def _of_setting(setting: pd.DataFrame, rows: list[int], fold_of: Callable[[int], Fold]) -> CrossValidatedAuc:
    """The cross-validated AUC of the runs of one setting, the mean over its starts and draws of folds."""
    repeats: dict[tuple[Any, ...], dict[int, int]] = {}
    for row, seed, split_seed, redraw in zip(
        rows, setting["seed"], setting["split_seed"], setting["redraw"], strict=True
    ):
        repeats.setdefault((seed, split_seed), {})[int(redraw)] = row
    for row_of_fold in repeats.values():
        if missing := sorted(set(range(FOLDS)) - set(row_of_fold)):
            return _none(f"fold{'s' if len(missing) > 1 else ''} {', '.join(map(str, missing))} not run")
    folds = [[fold_of(row_of_fold[number]) for number in range(FOLDS)] for row_of_fold in repeats.values()]
    if any(_patients_repeat(repeat) for repeat in folds):
        return _none("a patient is tested in several folds")
    return cross_validated_auc(folds)


def _patients_repeat(folds: list[Fold]) -> bool:
    """Whether a patient is in the test sets of several folds."""
    patients = [np.unique(fold.patients) for fold in folds]
    return np.unique(np.concatenate(patients)).size < sum(names.size for names in patients)


def _none(reason: str) -> CrossValidatedAuc:
    return CrossValidatedAuc(np.nan, (np.nan, np.nan), reason)
