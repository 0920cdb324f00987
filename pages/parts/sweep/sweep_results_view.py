"""The results of a sweep: which axis matters, the AUC along an axis, and every run as a line."""

from collections.abc import Callable

import streamlit as st

from mammo.axes import AXES
from mammo.data.dataset.dataset import Dataset
from mammo.results.board.importance import influences, varied
from mammo.results.board.leaderboard import ranked
from mammo.results.figures.axes import influence_figure, parallel_figure, response_figure
from mammo.results.setting_words import short_names
from mammo.runs.stored_run import StoredRun
from mammo.runs.sweep import Sweep, open_sweeps
from mammo.specs import Home
from pages.parts.sweep import clone
from pages.serving.navigation import nothing_yet
from pages.shared.base import choose, show
from pages.shared.forms import board

INFLUENCE_EXPLANATION = (
    "How much of the differences between the runs' validation AUC the values of one axis explain by themselves. Lines "
    "are 95 % intervals over resampled patients; the mark shows the share of an axis without any effect. The rest "
    "up to 100 % is interaction of axes."
)
RESPONSE_EXPLANATION = "Means over all runs of a value, whatever their other settings; bars are one standard deviation."
PARALLEL_EXPLANATION = "Each line is a run. Drag along an axis to keep only some runs, drag its name to move it."


def results(home: Home, dataset: Dataset) -> None:
    """One sweep of the data set along its axes."""
    opened, damaged = open_sweeps(home)
    show.warnings(damage.sentence for damage in damaged)
    sweep_of_id = {sweep.id: sweep for sweep in opened if sweep.about["dataset"]["name"] == dataset.name}
    if not sweep_of_id:
        nothing_yet("There is no finished sweep of this data set yet. Train some heads first.", "sweep")
    sweep = sweep_of_id[
        choose.one("Sweep", list(sweep_of_id), "sweep", lambda name: f"{name}, {len(sweep_of_id[name].runs):,} runs")
    ]
    note = _note(sweep)
    show.badge(show.notes(sweep.synthetic, _weights(sweep)))
    names = varied(sweep.runs)
    if not names:
        st.info("All runs of this sweep have the same settings, so there is no axis to look along.")
    else:
        VIEWS[choose.switch("Look at", list(VIEWS), "view", str)](sweep, names, note)
    _offer_settings(sweep)


def _influence(sweep: Sweep, _names: list[str], note: str) -> None:
    show.figure(influence_figure(influences(sweep), note, show.dark()), "influence")
    st.caption(INFLUENCE_EXPLANATION)


def _response(sweep: Sweep, names: list[str], note: str) -> None:
    first = next((name for name in names if AXES[name].logarithmic), names[0])
    with st.container(horizontal=True):
        axis = choose.one("Along", [first, *(n for n in names if n != first)], "along", _label, width=260)
        further_axes = ["", *(name for name in names if name != axis)]
        by = choose.one("A line for each", further_axes, "by", _label, width=260)
    show.figure(response_figure(sweep, axis, by or None, note, show.dark()), "response")
    st.caption(RESPONSE_EXPLANATION)


def _parallel(sweep: Sweep, _names: list[str], note: str) -> None:
    show.figure(parallel_figure(sweep, note, show.dark()), "parallel")
    st.caption(PARALLEL_EXPLANATION)


View = Callable[[Sweep, list[str], str], None]
VIEWS: dict[str, View] = {"What matters": _influence, "Along one axis": _response, "Every run": _parallel}


def _offer_settings(sweep: Sweep) -> None:
    """A link to the Sweep form with the settings of one of the runs."""
    table = ranked([sweep])
    names = short_names(table)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        run = choose.one("Go on from, best validation AUC first", list(names)[:1000], "from", board.run_labels(names))
        clone.link(StoredRun(sweep, sweep.row(run)))


def _note(sweep: Sweep) -> str:
    """The note in every figure: synthetic data or weights, and leakage of validation images into train."""
    leaks: dict[str, None] = {}
    for row in sweep.runs.groupby("split").head(1).index:
        leaks |= dict.fromkeys(StoredRun(sweep, int(row)).scored("validation").leak)
    return "<br>".join(filter(None, (show.notes(sweep.synthetic, _weights(sweep)), *leaks)))


def _weights(sweep: Sweep) -> list[str]:
    return [str(cache["weights_note"]) for cache in sweep.about["caches"].values()]


def _label(name: str) -> str:
    """An axis as people read it."""
    return AXES[name].label if name in AXES else "nothing, all runs"
