"""Runs of one setting brought together: means and standard deviations over random starts and draws of the split."""

from __future__ import annotations

import numpy as np
import pandas as pd

REPEATS = ("seed", "split_seed", "redraw")
"""What tells the runs of one setting apart: starts of the head, test sets, draws of validation or folds."""
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
"""Columns of the leaderboard that tell of one run."""


def by_setting(runs: pd.DataFrame) -> pd.DataFrame:
    """One row a setting of the leaderboard's `runs`, highest mean validation AUC first.

    A setting is everything but `REPEATS`. `runs` holds the ids and `count` their number; `starts` counts the seeds of
    heads and `splits` the draws of the split. Every figure of `FIGURES` stands as `_mean`, `_sd` over the runs (NaN of
    one run), and `_half_width`, the mean half-width of a run's own 95 % interval. `n_validation` and `n_test` are the
    fewest and the most images of a run; `leaked` the most test images that train has seen, None where that is unknown
    of a run. Of probes, `strength_median` is the median of the strengths chosen and `strength_range` the least and the
    greatest, NaN and None of others.
    """
    if runs.empty:
        return pd.DataFrame()
    settings = [str(name) for name in runs if not _tells_of_one(str(name))]
    differ = [name for name in settings if runs[name].nunique(dropna=False) > 1]
    keys = runs.groupby(differ, dropna=False, sort=False).ngroup().to_numpy() if differ else np.zeros(len(runs), int)
    drawn = runs["split_seed"].astype("string").fillna("") + "." + runs["redraw"].astype("string").fillna("")
    leaked = pd.to_numeric(runs["leaked"]).fillna(np.inf)
    groups = runs.assign(splits=drawn, leaked=leaked).groupby(keys, sort=False)
    table = groups[settings].head(1).set_index(pd.unique(keys))
    table = table.assign(count=groups.size(), runs=groups["run"].agg(list), starts=groups["seed"].nunique())
    table["splits"] = groups["splits"].nunique()
    for figure in FIGURES:
        table[f"{figure}_mean"] = groups[figure].mean()
        table[f"{figure}_sd"] = groups[figure].std(ddof=1)
        table[f"{figure}_half_width"] = groups[f"{figure}_half_width"].mean()
    for part in ("validation", "test"):
        counted = groups[f"n_{part}"]
        table[f"n_{part}"] = list(zip(counted.min().tolist(), counted.max().tolist(), strict=True))
    chosen = groups["strength"]
    table["strength_median"] = chosen.median()
    bounds = list(zip(chosen.min().tolist(), chosen.max().tolist(), strict=True))
    table["strength_range"] = pd.Series(bounds, index=table.index, dtype=object).where(chosen.count() > 0, None)
    most = groups["leaked"].max()
    table["leaked"] = most.astype(object).where(np.isfinite(most), None)
    return table.sort_values("validation_auc_mean", ascending=False, kind="stable", ignore_index=True)


def strength_words(median: float | None, reach: tuple[float, float] | None) -> str:
    """The strengths that the probes of a setting chose: their median, and their range where they differ; or nothing."""
    if median is None or reach is None:
        return ""
    low, high = reach
    return f"{median:.3g}" + (f" ({low:.3g} to {high:.3g})" if low < high else "")


def _tells_of_one(name: str) -> bool:
    return name in OWN or name in REPEATS or name.startswith(("validation_", "test_"))
