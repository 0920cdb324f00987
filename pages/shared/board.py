"""The leaderboard as a table to choose runs from."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
import streamlit as st

from mammo.files import digest_json
from mammo.results.fusion import LEVELS
from mammo.results.leaderboard import leaderboard
from mammo.results.sweep import sweeps
from mammo.specs import Home
from pages.shared import choose, ensembles
from pages.shared.places import nothing_yet
from pages.shared.reading import choose_reading, unit_of

MOST = 7
ALL = "all"
LEAKED = "Test images whose patient, or a near-duplicate, also stands in train: test figures come out too high."


def choose_board(home: Home) -> pd.DataFrame:
    """The leaderboard of one sweep or of all; where there is none, the page says so and ends."""
    names = sweeps(home)
    if not names:
        nothing_yet("There is no sweep yet. Train some heads on the Sweep page first.", "sweep")
    named = {ALL: "All sweeps"}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = choose.one("Sweep", [*names, ALL], "sweep", lambda name: named.get(name, name), width=360)
        level, ways = choose_reading()
    return _read(str(home.path), tuple(names) if chosen == ALL else (chosen,), level, ways, ensembles.asked(home))


@st.cache_data(max_entries=8, show_spinner="Reading the sweep…")
def _read(
    place: str, names: tuple[str, ...], level: str, ways: tuple[str, ...], together: tuple[str, ...]
) -> pd.DataFrame:
    return leaderboard(Home(Path(place)), list(names), level=level, fuse=ways, ensembles=together)


def choose_runs(board: pd.DataFrame, names: dict[str, str]) -> list[str]:
    """The runs ticked in the leaderboard, at most `MOST`; they stand in the address, the best three at first."""
    asked = st.query_params.get("runs", "").split(",")
    rows = _rows(board["run"], asked) or list(range(min(3, len(board))))
    event = st.dataframe(
        shown(board, names),
        hide_index=True,
        height=min(38 + 35 * len(board), 420),
        column_config=columns(),
        key=f"board-{digest_json(board['run'].tolist())[:12]}",
        on_select="rerun",
        selection_mode="multi-row",
        selection_default={"selection": {"rows": rows}},
    )
    chosen = [str(board["run"].iloc[row]) for row in event.selection.rows if row < len(board)]
    st.query_params["runs"] = ",".join(chosen)
    if len(chosen) > MOST:
        st.warning(f"The figures show the first {MOST} of the {len(chosen)} runs chosen.")
    return chosen[:MOST]


def _rows(runs: pd.Series, asked: Sequence[str]) -> list[int]:
    """Where the runs stand that are asked for; one that is named at another level is found by its own name."""
    listed = set(runs)
    elsewhere = {name.partition("@")[0] for name in asked if name and name not in listed}
    return [row for row, run in enumerate(runs) if run in asked or run.partition("@")[0] in elsewhere]


def numbered(names: dict[str, str]) -> Callable[[str], str]:
    """Words for a run in a list: its place, its settings and its id."""
    places = {run: place for place, run in enumerate(names, start=1)}
    return lambda run: f"{places[run]}. {names[run]}" + (f" ({run})" if run not in names[run] else "")


def shown(board: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    """The leaderboard in words and numbers that a table shows."""
    return pd.DataFrame(
        {
            "Group": board["tie_group"],
            "Run": board["run"].map(names),
            "Validation AUC": board["validation_auc"],
            "Test AUC": board["test_auc"],
            "95 % interval": intervals(board["test_auc_interval"]),
            "Test accuracy": board["test_accuracy"],
            f"Test {unit_of(board['level'].iloc[0])}": board["n_test"],
            "Leaked": board["leaked"],
            "Weights": board["weights_note"],
            "Split": board["protocol"],
            "Labels": board["labels"],
        }
    )


def intervals(bounds: Sequence[Sequence[float | None]]) -> list[str]:
    """95 % intervals in words."""
    return ["–".join("?" if value is None else f"{value:.2f}" for value in pair) for pair in bounds]


def columns() -> dict[str, object]:
    """How the columns of `shown` look."""
    bar = {"min_value": 0.0, "max_value": 1.0, "format": "%.3f", "width": 112}
    column = st.column_config
    tied = "Runs of one group cannot be told apart from its best on the validation images (paired DeLong test, 5 %)."
    return {
        "Group": column.NumberColumn(width=66, help=tied),
        "Run": column.TextColumn(width=280, help="The settings in which these runs differ."),
        "Validation AUC": column.ProgressColumn(**bar),
        "Test AUC": column.ProgressColumn(**bar),
        "95 % interval": column.TextColumn(width=96, help="Of the test AUC; a patient's images count together."),
        "Test accuracy": column.ProgressColumn(**bar),
        **{f"Test {level.unit}": column.NumberColumn(width=88) for level in LEVELS.values()},
        "Leaked": column.NumberColumn(width=70, help=LEAKED),
        "Weights": column.TextColumn(width=150),
        "Split": column.TextColumn(width=70),
    }
