"""Learning curves of trained runs, and regularisation paths of converged probes."""

from collections.abc import Mapping, Sequence

import streamlit as st

from mammo.results.figures.paths import path_figure
from mammo.results.figures.runs import learning_curves
from mammo.runs.stored_run import StoredRun
from mammo.specs import PROBE
from pages.shared.base import show


def courses(runs: Sequence[StoredRun], names: Mapping[str, str], note: str) -> None:
    """Show the learning curves of the trained runs and the regularisation paths of the probes."""
    stored = [run for run in runs if len(run.history)]
    probes = {names[run.id]: run for run in stored if run.settings["optimizer"] == PROBE}
    trained = {names[run.id]: run for run in stored if run.settings["optimizer"] != PROBE}
    if trained:
        st.subheader("Learning curves")
        validated = [run.scored("validation", name) for name, run in trained.items()]
        histories = {name: run.history for name, run in trained.items()}
        show.figure(learning_curves(histories, note, show.dark(), validated), "learning")
    if probes:
        st.subheader("Regularisation paths")
        show.figure(path_figure(probes, note, show.dark()), "paths")
        st.caption(
            "Converged probes at every strength C. The dot marks the chosen one: the best validation AUC; if several "
            "share it, the least validation loss."
        )
