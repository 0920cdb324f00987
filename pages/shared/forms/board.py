"""The leaderboard as a table to choose runs from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from mammo.errors import DamagedError
from mammo.results.board import store as board_store
from mammo.results.board.filter import RunFilter
from mammo.results.board.leaderboard import bias_rows, read_board
from mammo.results.interval_words import interval_words
from mammo.results.setting_words import short_names
from mammo.runs.fusion import LEVELS
from mammo.runs.sweep import sweeps
from mammo.specs import Home
from mammo.storage.digests import digest_json
from mammo.storage.spreadsheets import plain_cells
from pages.serving.navigation import nothing_yet
from pages.shared.base import address, choose, show
from pages.shared.forms import ensembles
from pages.shared.forms.reading import choose_reading, unit_of

MOST_RUNS = 7
MOST_LISTED = 1000
ALL = "all"
AT_HALF = "Share of test {unit} classified correctly at probability 0.5, whatever the rule for thresholds below."
LEAKED = "Test {unit} whose patient, or a likely near-duplicate, is also in train: test figures come out too high."
INTERVAL = "The 95 % interval{together}. “Too few” is said of patients; the line beneath the table explains it."
INTERVALS = ("95 % validation", "95 % test", "95 % accuracy", "95 % cross-validated")
REASONS = {"validation_interval_reason": "Validation", "test_interval_reason": "Test"}
FEW = "no interval: "
"""The beginning of a reason that counts patients."""


@dataclass(frozen=True)
class Leaderboard:
    """A leaderboard as it is shown: its runs, their names, and the selection bias of each set of validation images.

    It is cached, so it must not be changed. `key` identifies it; `run_filter` holds the settings by which runs can be
    filtered; `left_out` holds a sentence for each sweep that could not be read.
    """

    key: str
    runs: pd.DataFrame
    names: dict[str, str]
    biases: list[dict[str, Any]]
    run_filter: RunFilter
    left_out: tuple[str, ...] = ()


def choose_board(home: Home) -> Leaderboard:
    """The leaderboard of one sweep or of all; where there is none, the page says so and ends."""
    names = sweeps(home)
    if not names:
        nothing_yet("There is no sweep yet. Train some heads on the Sweep page first.", "sweep")
    label = {ALL: "All sweeps"}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = choose.one("Sweep", [*names, ALL], "sweep", lambda name: label.get(name, name), width=360)
        level, ways = choose_reading()
    some, together = tuple(names) if chosen == ALL else (chosen,), ensembles.requested(home)
    try:
        leaderboard = _read(_state(home, some), str(home.path), some, level, ways, together)
    except DamagedError as error:
        show.warnings([str(error), "All other sweeps are shown."])
        readable = tuple(name for name in names if name != chosen)
        leaderboard = _read(_state(home, readable), str(home.path), readable, level, ways, together)
    show.warnings(leaderboard.left_out)
    return leaderboard


def _state(home: Home, names: tuple[str, ...]) -> str:
    """A key that changes with every change of a file of these sweeps."""
    return str(board_store.board_path(home, list(names), None))


@st.cache_resource(max_entries=8, show_spinner="Reading the sweep…")
def _read(
    state: str, home_path: str, names: tuple[str, ...], level: str, ways: tuple[str, ...], together: tuple[str, ...]
) -> Leaderboard:
    board = read_board(Home(Path(home_path)), list(names), level=level, fuse=ways, ensembles=together)
    key = digest_json([state, level, ways, together])[:12]
    return Leaderboard(
        key, board.runs, short_names(board.runs), bias_rows(board), RunFilter(board.runs), board.left_out
    )


def filter_runs(leaderboard: Leaderboard) -> pd.DataFrame:
    """The runs that have, for every setting with chosen values, one of these values; all runs where none is chosen."""
    if not leaderboard.run_filter.choices:
        return leaderboard.runs
    help_text = "Shows the runs that have one of the chosen values of every setting."
    chosen = choose.any_of("Only", leaderboard.run_filter.choices, "only", placeholder="All runs", help=help_text)
    return leaderboard.runs[leaderboard.run_filter.matches(chosen)]


def choose_runs(leaderboard: Leaderboard, runs: pd.DataFrame) -> list[str]:
    """The runs ticked in the leaderboard, at most `MOST_RUNS`, the best three at first; the address holds them."""
    requested = st.query_params.get("runs", "").split(",")
    wrong = unlisted("runs", lambda name: bool(_rows(runs["run"], [name])))
    if len(runs) < len(leaderboard.runs):
        st.caption(f"{len(runs):,} of {len(leaderboard.runs):,} runs.")
    rows = _rows(runs["run"], requested) or list(range(min(3, len(runs))))
    key = f"{leaderboard.key}-{st.query_params.get_all('only')}"
    ticked = choose_rows(shown_columns(runs, leaderboard.names), key, rows, unit_in(runs))
    explain_missing_intervals(runs)
    chosen = runs["run"].iloc[ticked].astype(str).tolist()
    st.query_params["runs"] = ",".join(chosen)
    address.note_choice("runs", "Runs", wrong, ", ".join(chosen))
    if len(chosen) > MOST_RUNS:
        st.warning(f"The figures show the first {MOST_RUNS} of the {len(chosen)} runs chosen.")
    return chosen[:MOST_RUNS]


def choose_rows(table: pd.DataFrame, key: str, rows: list[int], unit: str) -> list[int]:
    """The ticked rows of a table, `rows` at first; `unit` is what its figures count: images, breasts or patients."""
    event = st.dataframe(
        plain_cells(table),
        hide_index=True,
        height=min(38 + 35 * max(len(table), 1), 420),
        column_config=columns(unit),
        key=f"board-{key}",
        on_select="rerun",
        selection_mode="multi-row",
        selection_default={"selection": {"rows": rows}},
    )
    return [row for row in event.selection.rows if row < len(table)]


def _rows(runs: pd.Series, requested: Sequence[str]) -> list[int]:
    """The rows of the runs that are requested; a run requested at another level is matched by its own name."""
    names = set(filter(None, requested))
    elsewhere = {name.partition("@")[0] for name in names - set(runs)}
    return [row for row, run in enumerate(runs) if run in names or run.partition("@")[0] in elsewhere]


def unlisted(key: str, is_listed: Callable[[str], bool]) -> list[str]:
    """The names in the address, separated by commas, that are not listed here."""
    texts = ",".join(address.requested(key) or []).split(",")
    return [text for text in dict.fromkeys(texts) if text and not is_listed(text)]


def offered_runs(names: dict[str, str], key: str) -> list[str]:
    """The best runs, at most `MOST_LISTED`, and the run that the address names where it is not among them."""
    runs = list(names)
    text = st.query_params.get(key, "")
    label = run_labels(names)
    return runs[:MOST_LISTED] + [run for run in runs[MOST_LISTED:] if text and text in (run, label(run))]


def run_labels(names: dict[str, str]) -> Callable[[str], str]:
    """Return a function that labels a run in a list with its rank, its settings and its id."""
    ranks = {run: rank for rank, run in enumerate(names, start=1)}
    return lambda run: f"{ranks[run]}. {names[run]}" + (f" ({run})" if run not in names[run] else "")


def shown_columns(runs: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    """The columns of the leaderboard as the table shows them."""
    unit = unit_in(runs)
    return pd.DataFrame(
        {
            "Validation AUC": runs["validation_auc"],
            "Run": runs["run"].map(names),
            "Group": runs["tie_group"],
            "95 % validation": interval_column(runs["validation_auc_interval"], runs["validation_interval_reason"]),
            f"Validation {unit}": runs["n_validation"],
            "Test AUC": runs["test_auc"],
            "95 % test": interval_column(runs["test_auc_interval"], runs["test_interval_reason"]),
            f"Test {unit}": runs["n_test"],
            "Test accuracy": runs["test_accuracy"],
            "95 % accuracy": interval_column(runs["test_accuracy_interval"], runs["test_interval_reason"]),
            "Leaked": runs["leaked"],
            "Weights": runs["weights_note"],
            "Split": runs["protocol"],
            "Labels": runs["labels"],
        }
    )


def unit_in(runs: pd.DataFrame) -> str:
    """What a table of runs or settings counts, in the plural."""
    return unit_of(runs["level"].iloc[0]) if len(runs) else "images"


def interval_column(bounds: pd.Series, reasons: pd.Series) -> list[str]:
    """Intervals as text; `explain_missing_intervals` says why there is none."""
    few = ["too few" if str(reason).startswith(FEW) else "" for reason in reasons]
    return [interval_words(both, ".2f", "–", words) for both, words in zip(bounds, few, strict=True)]


def explain_missing_intervals(table: pd.DataFrame, **further_reasons: str) -> None:
    """A line beneath a table that says why intervals are missing; `further_reasons` are labels by column of reasons."""
    sentences = []
    for column, part in (REASONS | further_reasons).items():
        reasons = list(dict.fromkeys(filter(None, table[column].dropna())))
        if reasons:
            alternatives = ", or as few of others" if len(reasons) > 1 else ""
            sentences.append(f"{part}: {reasons[0].removeprefix(FEW)}{alternatives}.")
    if sentences:
        st.caption(f"Why intervals are missing. {' '.join(sentences)}")


def columns(unit: str) -> dict[str, Any]:
    """The layout of the columns of runs and settings; `unit` is what their figures count."""
    together = "" if unit == "patients" else f"; a patient's {unit} count together"
    column = st.column_config
    bar = column.ProgressColumn(min_value=0.0, max_value=1.0, format="%.3f", width=112)
    deviation = column.NumberColumn("sd", format="%.3f", width=62, help="Standard deviation over the runs.")
    tied = f"Runs of one group do not differ measurably from its best run on the validation {unit}."
    return {
        "Group": column.NumberColumn(width=60, help=tied),
        "Run": column.TextColumn(width=268, help="The settings in which these runs differ."),
        "Setting": column.TextColumn(width=246, help="Everything but random starts and draws of the split."),
        **dict.fromkeys(("Validation AUC", "Test AUC"), bar),
        "Cross-validated AUC": column.ProgressColumn(min_value=0.0, max_value=1.0, format="%.3f", width=146),
        "Test accuracy": column.ProgressColumn(
            "Test accuracy at 0.5",
            min_value=0.0,
            max_value=1.0,
            format="%.3f",
            width=132,
            help=AT_HALF.format(unit=unit),
        ),
        **dict.fromkeys(INTERVALS, column.TextColumn(width=104, help=INTERVAL.format(together=together))),
        **dict.fromkeys(("sd validation", "sd test"), deviation),
        **{
            f"{part} {level.unit}": column.NumberColumn("n", width=46, help=f"{part} {level.unit}.")
            for level in LEVELS.values()
            for part in ("Validation", "Test")
        },
        "Leaked": column.NumberColumn(width=70, help=LEAKED.format(unit=unit)),
        "Weights": column.TextColumn(width=150),
        "Split": column.TextColumn(width=70),
    }
