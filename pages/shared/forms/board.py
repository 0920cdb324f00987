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

MOST = 7
OFFERED = 1000
ALL = "all"
AT_HALF = "Share of test {unit} called what they are at probability 0.5, whatever the rule for thresholds below."
LEAKED = (
    "Test {unit} whose patient, or what may be a near-duplicate, also stands in train: test figures come out too high."
)
INTERVAL = "The 95 % interval{together}. Too few: of patients, as beneath."
INTERVALS = ("95 % validation", "95 % test", "95 % accuracy", "95 % cross-validated")
REASONS = {"validation_interval_reason": "Validation", "test_interval_reason": "Test"}
FEW = "no interval: "
"""How a reason begins that counts patients."""


@dataclass(frozen=True)
class Leaderboard:
    """A leaderboard to look at, not to change: its runs, their names, and the meter of each set of validation images.

    `key` tells it from every other; `sieve` holds what its runs can be chosen by; `left_out` tells of the sweeps that
    could not be read.
    """

    key: str
    runs: pd.DataFrame
    names: dict[str, str]
    meters: list[dict[str, Any]]
    sieve: RunFilter
    left_out: tuple[str, ...] = ()


def choose_board(home: Home) -> Leaderboard:
    """The leaderboard of one sweep or of all; where there is none, the page says so and ends."""
    names = sweeps(home)
    if not names:
        nothing_yet("There is no sweep yet. Train some heads on the Sweep page first.", "sweep")
    named = {ALL: "All sweeps"}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = choose.one("Sweep", [*names, ALL], "sweep", lambda name: named.get(name, name), width=360)
        level, ways = choose_reading()
    some, together = tuple(names) if chosen == ALL else (chosen,), ensembles.asked(home)
    try:
        listed = _read(_state(home, some), str(home.path), some, level, ways, together)
    except DamagedError as error:
        show.warnings([str(error), "All other sweeps are shown."])
        others = tuple(name for name in names if name != chosen)
        listed = _read(_state(home, others), str(home.path), others, level, ways, together)
    show.warnings(listed.left_out)
    return listed


def _state(home: Home, names: tuple[str, ...]) -> str:
    """What changes with every change of a file of some sweeps."""
    return str(board_store.board_path(home, list(names), None))


@st.cache_resource(max_entries=8, show_spinner="Reading the sweep…")
def _read(
    held: str, place: str, names: tuple[str, ...], level: str, ways: tuple[str, ...], together: tuple[str, ...]
) -> Leaderboard:
    board = read_board(Home(Path(place)), list(names), level=level, fuse=ways, ensembles=together)
    key = digest_json([held, level, ways, together])[:12]
    return Leaderboard(
        key, board.runs, short_names(board.runs), bias_rows(board), RunFilter(board.runs), board.left_out
    )


def filter_runs(listed: Leaderboard) -> pd.DataFrame:
    """The runs with one of the values that the visitor chooses of every setting; all where none is chosen."""
    if not listed.sieve.choices:
        return listed.runs
    said = "Runs with any of the values chosen of a setting, for every setting of which some are chosen."
    chosen = choose.any_of("Only", listed.sieve.choices, "only", placeholder="All runs", help=said)
    return listed.runs[listed.sieve.matches(chosen)]


def choose_runs(listed: Leaderboard, runs: pd.DataFrame) -> list[str]:
    """The runs ticked in the leaderboard, at most `MOST`; they stand in the address, the best three at first."""
    asked = st.query_params.get("runs", "").split(",")
    wrong = unlisted("runs", lambda name: bool(_rows(runs["run"], [name])))
    if len(runs) < len(listed.runs):
        st.caption(f"{len(runs):,} of {len(listed.runs):,} runs.")
    rows = _rows(runs["run"], asked) or list(range(min(3, len(runs))))
    key = f"{listed.key}-{st.query_params.get_all('only')}"
    ticked = choose_rows(shown(runs, listed.names), key, rows, unit_in(runs))
    lacks(runs)
    chosen = runs["run"].iloc[ticked].astype(str).tolist()
    st.query_params["runs"] = ",".join(chosen)
    address.note_choice("runs", "Runs", wrong, ", ".join(chosen))
    if len(chosen) > MOST:
        st.warning(f"The figures show the first {MOST} of the {len(chosen)} runs chosen.")
    return chosen[:MOST]


def choose_rows(table: pd.DataFrame, key: str, rows: list[int], unit: str) -> list[int]:
    """The rows of a table that are ticked, those of `rows` at first; its figures are of images, breasts or patients."""
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


def _rows(runs: pd.Series, asked: Sequence[str]) -> list[int]:
    """Where the runs stand that are asked for; one that is named at another level is found by its own name."""
    listed, wanted = set(runs), set(filter(None, asked))
    elsewhere = {name.partition("@")[0] for name in wanted - listed}
    return [row for row, run in enumerate(runs) if run in wanted or run.partition("@")[0] in elsewhere]


def unlisted(key: str, listed: Callable[[str], bool]) -> list[str]:
    """What the address names between commas that is not listed here."""
    texts = ",".join(address.requested(key) or []).split(",")
    return [text for text in dict.fromkeys(texts) if text and not listed(text)]


def offered(names: dict[str, str], key: str) -> list[str]:
    """The best runs, as many as a list can hold, and the one that the address names beyond them."""
    runs = list(names)
    text = st.query_params.get(key, "")
    named = numbered(names)
    return runs[:OFFERED] + [run for run in runs[OFFERED:] if text and text in (run, named(run))]


def numbered(names: dict[str, str]) -> Callable[[str], str]:
    """Words for a run in a list: its place, its settings and its id."""
    places = {run: place for place, run in enumerate(names, start=1)}
    return lambda run: f"{places[run]}. {names[run]}" + (f" ({run})" if run not in names[run] else "")


def shown(runs: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    """The leaderboard in words and numbers that a table shows."""
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
    """What is counted in a table of runs or settings, in the plural."""
    return unit_of(runs["level"].iloc[0]) if len(runs) else "images"


def interval_column(bounds: pd.Series, reasons: pd.Series) -> list[str]:
    """Intervals in words; `lacks` says why there is none."""
    few = ["too few" if str(reason).startswith(FEW) else "" for reason in reasons]
    return [interval_words(both, ".2f", "–", words) for both, words in zip(bounds, few, strict=True)]


def lacks(table: pd.DataFrame, **more: str) -> None:
    """A line beneath a table: why intervals are missing, by columns of reasons and what they are of."""
    sentences = []
    for column, part in (REASONS | more).items():
        reasons = list(dict.fromkeys(filter(None, table[column].dropna())))
        if reasons:
            others = ", or as few of others" if len(reasons) > 1 else ""
            sentences.append(f"{part}: {reasons[0].removeprefix(FEW)}{others}.")
    if sentences:
        st.caption(f"Why intervals are missing. {' '.join(sentences)}")


def columns(unit: str) -> dict[str, Any]:
    """How the columns of `shown` and of settings look, whose figures are of images, breasts or patients."""
    together = "" if unit == "patients" else f"; a patient's {unit} count together"
    column = st.column_config
    bar = column.ProgressColumn(min_value=0.0, max_value=1.0, format="%.3f", width=112)
    deviation = column.NumberColumn("sd", format="%.3f", width=62, help="Standard deviation over the runs.")
    tied = (
        f"Runs of one group cannot be told apart from its best on the validation {unit}, which led by luck or by skill."
    )
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
