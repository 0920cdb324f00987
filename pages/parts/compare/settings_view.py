"""Settings instead of runs: means and standard deviations over random starts and draws of the split."""

import pandas as pd
import streamlit as st

from mammo.results.board.grouped import by_setting, strength_words
from mammo.results.figures.comparison import settings_figure
from mammo.results.setting_words import short_names
from pages.shared.base import address, show
from pages.shared.forms import board
from pages.shared.forms.board import Leaderboard
from pages.shared.forms.reading import unit_of

MOST = 12
DOTS = (
    "Each dot is a run; bars are means ± one standard deviation over random starts and draws of the split. They "
    "show how much training varies; how much patients vary is shown by the 95 % intervals in the table, whose bounds "
    "are means over runs."
)
SINGLE = "has no spread: one start on one draw of the split does not show how much training varies."
FOLDS = "Cross-validated AUC is the mean of the five folds' test AUCs, with its interval by patient."


def settings(leaderboard: Leaderboard, runs: pd.DataFrame, note: str) -> None:
    """A table of settings, and a figure with the runs and means of the ticked ones."""
    if runs.empty:
        st.info("No run has all of the chosen values.", icon=":material/info:")
        return
    table = by_setting(runs)
    names = list(short_names(table.assign(run=table["runs"].str[0])).values())
    requested = set(st.query_params.get("settings", "").split(","))
    listed_first = {own[0] for own in table["runs"]}
    wrong = board.unlisted("settings", listed_first.__contains__)
    rows = [row for row, own in enumerate(table["runs"]) if own[0] in requested] or list(range(min(5, len(table))))
    key = f"settings-{leaderboard.key}-{st.query_params.get_all('only')}"
    ticked = board.choose_rows(_shown(table, names), key, rows, board.unit_in(table))
    folds = (table["protocol"] == "five-fold").any()
    board.explain_missing_intervals(table, **({"cv_reason": "Cross-validation"} if folds else {}))
    chosen = [str(table["runs"].iloc[row][0]) for row in ticked]
    st.query_params["settings"] = ",".join(chosen)
    address.note_choice("settings", "Settings", wrong, ", ".join(chosen))
    if not ticked:
        st.info("Tick settings in the table to see them here.", icon=":material/info:")
        return
    if len(ticked) > MOST:
        st.warning(f"The figure shows the first {MOST} of the {len(ticked)} settings chosen.")
    some = ticked[:MOST]
    leak_note = (
        f"test {unit_of(table['level'].iloc[0])} have their patient, or a likely near-duplicate, in train"
        if table["leaked"].iloc[some].any()
        else ""
    )
    figure_note = "<br>".join(filter(None, (note, leak_note)))
    plot = settings_figure(table.iloc[some], runs, [names[row] for row in some], figure_note, show.dark())
    show.figure(plot, "settings")
    st.caption(_explanation(table.iloc[some], bool(folds)))


def _explanation(some: pd.DataFrame, folds: bool) -> str:
    """A caption on the figure's dots and bars, and on settings without a bar."""
    single = int((some["count"] == 1).sum())
    which = "Each of these settings is a single run and" if single == len(some) else "A setting of a single run"
    dots = "" if single == len(some) else DOTS
    return " ".join(filter(None, (dots, f"{which} {SINGLE}" if single else "", FOLDS if folds else "")))


def _shown(table: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    unit = unit_of(table["level"].iloc[0])
    columns = {
        "Validation AUC": table["validation_auc_mean"],
        "Setting": names,
        "Runs": table["count"],
        "Starts": table["starts"],
        "Draws": table["splits"],
    }
    if (table["protocol"] == "five-fold").any():
        columns["Cross-validated AUC"] = table["cv_auc"]
        columns["95 % cross-validated"] = board.interval_column(table["cv_auc_interval"], table["cv_reason"])
    strengths = [strength_words(*pair) for pair in zip(table["strength_median"], table["strength_range"], strict=True)]
    if any(strengths):
        columns["C of probes"] = strengths
    for part in ("validation", "test"):
        columns[f"{part.capitalize()} AUC"] = table[f"{part}_auc_mean"]
        columns[f"sd {part}"] = table[f"{part}_auc_sd"]
        reasons = table[f"{part}_interval_reason"]
        columns[f"95 % {part}"] = board.interval_column(table[f"{part}_auc_interval"], reasons)
        columns[f"{part.capitalize()} {unit}"] = [most for _, most in table[f"n_{part}"]]
    rows = pd.DataFrame({**columns, "Leaked": table["leaked"], "Weights": table["weights_note"]})
    return rows.drop(columns=[name for name in ("sd validation", "sd test") if rows[name].isna().all()])
