"""The calibration of a run's probabilities, as trained and at a temperature fitted on validation."""

import streamlit as st

from mammo.results.figures.operating import calibration_figure
from mammo.results.figures.runs import score_histogram
from mammo.runs.run_summary import calibrated
from mammo.runs.stored_run import StoredRun
from mammo.specs import Home
from mammo.statistics.calibration import bound_note
from mammo.statistics.measures import measure
from mammo.statistics.operating import Criterion
from pages.parts.inspect.operating_view import intervals_sentence, table
from pages.shared.base import show


def calibration(_home: Home, run: StoredRun, part: str, note: str, _criterion: Criterion) -> None:
    """The calibration curves as trained and at the temperature, both Brier scores, and the histogram of scores."""
    shown = run.scored(part)
    temperature, scaled = calibrated(run.scored("validation"), shown)
    left, right = st.columns(2, gap="large")
    with left:
        show.figure(calibration_figure(shown, scaled, temperature, note, show.dark()), "calibration")
    with right:
        show.facts({"Temperature": f"{temperature:.2f}"})
        if note_of_bound := bound_note(temperature, unit=shown.unit, classes=shown.classes):
            st.info(note_of_bound, icon=":material/info:")
        brier = {"Brier score, as trained": shown, f"Brier score, at temperature {temperature:.2f}": scaled}
        table({name: measure("brier", scored) for name, scored in brier.items()}, shown.unit)
        st.caption(
            f"Logits are divided by the temperature that fits the validation {shown.unit} best, to Platt's smoothed "
            f"targets: above 1 the run was overconfident. The order of the {shown.unit} does not change, so "
            f"AUC stays the same. {intervals_sentence(shown.unit)}"
        )
    st.subheader("Scores")
    show.figure(score_histogram(shown, note, show.dark()), "scores")
