"""Runs grouped by setting: means and standard deviations over random starts and draws of the split."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pandas.api.typing import DataFrameGroupBy

REPEATS = ("seed", "split_seed", "redraw")
"""Columns in which runs of one setting differ: starts of the head, test sets, draws of validation or folds."""
FIGURES = ("validation_auc", "test_auc", "validation_accuracy", "test_accuracy")
OWN = {
    "run",
    "sweep",
    "trained_epochs",
    "best_epoch",
    "strength",
    "threshold",
    "leakage",
    "leaked",
    "notes",
    "tie_group",
    "n_validation",
    "n_test",
}
"""Columns of the leaderboard that belong to a single run."""


def setting_numbers(runs: pd.DataFrame) -> NDArray[np.intp]:
    """The number of every run's setting, (R,), from 0; a setting is all columns of settings but `REPEATS`."""
    differ = [name for name in _settings(runs) if runs[name].nunique(dropna=False) > 1]
    grouped = runs.groupby(differ, dropna=False, sort=False).ngroup() if differ else pd.Series(0, index=runs.index)
    return np.asarray(grouped, dtype=np.intp)


def by_setting(runs: pd.DataFrame) -> pd.DataFrame:
    """One row per setting of the leaderboard's `runs`, highest mean validation AUC first.

    A setting is all columns of settings but `REPEATS`. `runs` holds the ids and `count` their number; `starts` counts
    the seeds of heads and `splits` the draws of the split. Each of `FIGURES` has the columns `_mean` and `_sd` over the
    runs (NaN for one run) and, from the 95 % intervals of the runs, `_interval`, the mean bounds, and `_half_width`,
    half their mean length. `n_validation` and `n_test` are the fewest and the most images of a run. `leaked` is the
    highest number of leaked test images, None where it is unknown for a run. `cv_auc` is the cross-validated AUC with
    its interval, or `cv_reason` says why there is none. For probes, `strength_median` and `strength_range` describe the
    chosen strengths; for other heads they are NaN and None. `notes` are those of all runs.
    """
    if runs.empty:
        return pd.DataFrame()
    keys = setting_numbers(runs)
    draws = runs["split_seed"].astype("string").fillna("") + "." + runs["redraw"].astype("string").fillna("")
    leaked = pd.to_numeric(runs["leaked"]).fillna(np.inf)
    groups = runs.assign(splits=draws, leaked=leaked).groupby(keys, sort=False)
    table = groups[_settings(runs)].head(1).set_index(pd.unique(keys))
    table = table.assign(count=groups.size(), runs=groups["run"].agg(list), starts=groups["seed"].nunique())
    table["splits"] = groups["splits"].nunique()
    table["notes"] = groups["notes"].agg(_all_of)
    for figure in FIGURES:
        table[f"{figure}_mean"] = groups[figure].mean()
        table[f"{figure}_sd"] = groups[figure].std(ddof=1)
        table[f"{figure}_half_width"] = groups[f"{figure}_half_width"].mean()
        bounds = pd.DataFrame(runs[f"{figure}_interval"].tolist(), index=runs.index, dtype=float).groupby(keys).mean()
        table[f"{figure}_interval"] = pd.Series(list(bounds.itertuples(index=False, name=None)), index=bounds.index)
    for part in ("validation", "test"):
        counted = groups[f"n_{part}"]
        table[f"n_{part}"] = list(zip(counted.min().tolist(), counted.max().tolist(), strict=True))
        table[f"{part}_interval_reason"] = groups[f"{part}_interval_reason"].first()
    chosen = groups["strength"]
    table["strength_median"] = chosen.median()
    ranges = list(zip(chosen.min().tolist(), chosen.max().tolist(), strict=True))
    table["strength_range"] = pd.Series(ranges, index=table.index, dtype=object).where(chosen.count() > 0, None)
    most = groups["leaked"].max()
    table["leaked"] = most.astype(object).where(np.isfinite(most), None)
    table = _with_cross_validation(table, groups)
    return table.sort_values("validation_auc_mean", ascending=False, kind="stable", ignore_index=True)


def _all_of(notes: pd.Series) -> list[str]:
    """The notes of runs in their order, each once."""
    return list(dict.fromkeys(note for run_notes in notes for note in run_notes))


def strength_words(median: float | None, reach: tuple[float, float] | None) -> str:
    """The chosen strengths of the probes of a setting: the median, and the range where they differ; empty without."""
    if median is None or reach is None:
        return ""
    low, high = reach
    return f"{median:.3g}" + (f" ({low:.3g} to {high:.3g})" if low < high else "")


def _with_cross_validation(table: pd.DataFrame, groups: DataFrameGroupBy[Any, Any]) -> pd.DataFrame:
    """The table with the cross-validated AUC of the settings of which all runs are listed."""
    first = groups[["cv_auc", "cv_auc_interval", "cv_reason", "cv_runs"]].first()
    incomplete = (first["cv_runs"] > 0) & (first["cv_runs"] != groups.size())
    none = pd.Series([(np.nan, np.nan)] * len(first), index=first.index)
    return table.assign(
        cv_auc=first["cv_auc"].where(~incomplete),
        cv_auc_interval=first["cv_auc_interval"].where(~incomplete, none),
        cv_reason=first["cv_reason"].where(~incomplete, "some of the setting's runs are left out"),
    )


def _settings(runs: pd.DataFrame) -> list[str]:
    return [str(name) for name in runs if not _is_own(str(name))]


def _is_own(name: str) -> bool:
    """Whether a column is no setting."""
    return name in OWN or name in REPEATS or name.startswith(("validation_", "test_", "cv_"))
