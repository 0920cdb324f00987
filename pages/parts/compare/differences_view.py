"""Differences: whether the chosen runs differ, pair by pair, and which images flip between them."""

from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from mammo.results.comparison import LEVEL, TESTS, Difference, differences, p_words, shared_images, verdict
from mammo.results.figures.comparison import differences_figure
from mammo.results.figures.drawing import with_leaks
from mammo.results.interval_words import interval_words
from mammo.runs.stored_run import StoredRun, stored_runs
from mammo.specs import Home
from mammo.statistics.operating import Criterion
from mammo.storage.spreadsheets import plain_cells
from pages.parts.compare.curves_view import PARTS, scored_runs
from pages.shared.base import choose, show
from pages.shared.base.text import plain
from pages.shared.forms.board import Leaderboard

EXPLANATION = (
    "A paired test on the {unit} that all chosen runs were scored on; {together}the verdict follows the p value, "
    "which is corrected for all pairs (Holm); an interval is for its pair alone. Flips are {unit} that one run gets "
    "right and the other wrong, each run at its own threshold:"
)
TOGETHER = "a patient's {unit} count together, and "


def pairs(home: Home, leaderboard: Leaderboard, runs: list[StoredRun], note: str, criterion: Criterion) -> None:
    """Every pair of the chosen runs."""
    if len(runs) < 2:
        st.info("Tick at least two runs to see whether they differ.", icon=":material/info:")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        part = choose.switch("Images", PARTS, "part")
        test = choose.entry("Test", TESTS, "test", width=160)
    arguments = str(home.path), leaderboard.key, tuple(run.id for run in runs), part, criterion
    pairs_compared, left_out, number = _differences(*arguments)
    names, unit = [leaderboard.names[run.id] for run in runs], runs[0].unit
    note, _ = with_leaks(note, scored_runs(leaderboard, runs, part))
    show.figure(differences_figure(pairs_compared, names, note, show.dark(), test), "differences")
    verdicts = [verdict(pair, names, len(pairs_compared), test) for pair in pairs_compared]
    rows = [_row(pair, names, number, test, words) for pair, words in zip(pairs_compared, verdicts, strict=True)]
    st.dataframe(plain_cells(pd.DataFrame(rows)), hide_index=True, column_config=_columns())
    if any(left_out):
        lost = ", ".join(f"{count} of {names[row]}" for row, count in enumerate(left_out) if count)
        st.warning(f"Left out are {part} {unit} that not all of these runs were scored on: {plain(lost)}.")
    if contradictions := _of_one_group(leaderboard, runs, pairs_compared, test):
        st.info(
            f"{plain(contradictions)}. Groups come from validation {unit}; here the {part} {unit} show a difference."
        )
    reasons = dict.fromkeys(pair.reason.removeprefix("no interval: ") for pair in pairs_compared if pair.reason)
    few = f" Too few patients for an interval or a test: {'; '.join(reasons)}." if reasons else ""
    together = "" if unit == "patients" else TOGETHER.format(unit=unit)
    st.caption(f"{EXPLANATION.format(unit=unit, together=together)} {criterion.words}.{few}")


def _of_one_group(leaderboard: Leaderboard, runs: list[StoredRun], pairs_compared: list[Difference], test: str) -> str:
    """A clause on the pairs that differ here but share a tie group on the leaderboard; empty where there is none."""
    groups = leaderboard.runs.set_index("run")["tie_group"]
    significant = [pair for pair in pairs_compared if pair.result(test).corrected < LEVEL]
    contradictions = [pair for pair in significant if groups[runs[pair.first].id] == groups[runs[pair.second].id]]
    names = [
        f"{leaderboard.names[runs[pair.first].id]} and {leaderboard.names[runs[pair.second].id]}"
        for pair in contradictions
    ]
    return f"{'; '.join(names)} share a group of the leaderboard" if names else ""


@st.cache_data(max_entries=32, show_spinner="Testing…")
def _differences(
    home_path: str, leaderboard_key: str, names: tuple[str, ...], part: str, criterion: Criterion
) -> tuple[list[Difference], tuple[int, ...], int]:
    del leaderboard_key  # part of the cache key: the scores of a name can change
    runs = stored_runs(Home(Path(home_path)), names)
    shared = shared_images(runs, part)
    thresholds = [criterion.threshold(run.scored("validation")) for run in runs]
    return differences(shared, thresholds), shared.left_out, int(shared.labels.size)


def _row(pair: Difference, names: list[str], number: int, test: str, words: str) -> dict[str, object]:
    tested, flips = pair.result(test), pair.flips
    cells = {
        "First": names[pair.first],
        "Second": names[pair.second],
        "Verdict": words,
        "n": number,
        "Difference": pair.value,
    }
    bounds = interval_words(tested.interval, "+.3f", reason="too few" if pair.reason else "")
    flip_counts = {"Only first right": flips.first_only, "Only second": flips.second_only}
    return (
        cells
        | {"95 %": bounds, "p": p_words(tested.corrected)}
        | flip_counts
        | {"p, flips": p_words(pair.flips_corrected)}
    )


def _columns() -> dict[str, Any]:
    column = st.column_config
    corrected = column.TextColumn(alignment="right", width=68, help="Corrected for all pairs (Holm).")
    return {
        "First": column.TextColumn(width=205),
        "Second": column.TextColumn(width=205),
        "Verdict": column.TextColumn(width=180, help="By the p value, which is corrected for all pairs."),
        "n": column.NumberColumn(width=44),
        "Difference": column.NumberColumn(format="%+.3f", width=88, help="AUC of the first less that of the second."),
        "95 %": column.TextColumn(width=124, help="The difference's 95 % interval, of this pair alone."),
        "Only first right": column.NumberColumn(width=112),
        "Only second": column.NumberColumn(width=94),
        **dict.fromkeys(("p", "p, flips"), corrected),
    }
