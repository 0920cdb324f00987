"""ROC curves of the chosen runs, their AUC and accuracy with intervals, and their learning curves."""

import math
from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from mammo.results.figures.runs import auc_accuracy_figure, roc_figure
from mammo.results.probes import probes_of
from mammo.runs.circular import NO_READER
from mammo.runs.reader import circularity_of, reader_of
from mammo.runs.stored_run import StoredRun
from mammo.specs import Home
from mammo.statistics.operating import Criterion
from mammo.statistics.scored import Scored
from pages.parts.compare.courses import courses
from pages.shared.base import choose, show
from pages.shared.base.text import plain
from pages.shared.forms.board import Leaderboard
from pages.shared.forms.reading import counted_by_patient

PARTS = ["test", "validation", "train"]


def curves(home: Home, leaderboard: Leaderboard, runs: list[StoredRun], note: str, criterion: Criterion) -> None:
    """ROC curves, and AUC and accuracy beside the converged probes."""
    unit = runs[0].unit if runs else "images"
    part = choose.switch(unit.capitalize(), PARTS, "part")
    scored = [_at_threshold(run, criterion, run.scored(part, leaderboard.names[run.id])) for run in runs]
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("ROC curves")
        circular = circularity_of(runs)
        no_reader = NO_READER if circular and circular.certain else ""
        figure = roc_figure(scored, "<br>".join(filter(None, (note, no_reader))), show.dark(), reader_of(runs, part))
        show.figure(figure, "roc")
        if circular:
            st.caption(plain(circular.reason))
    with right:
        st.subheader("AUC and accuracy")
        probes = probes_of(home, runs)
        beside = [
            _at_threshold(probes[run.id], criterion, probes[run.id].scored(part)) if run.id in probes else None
            for run in runs
        ]
        show.figure(auc_accuracy_figure(scored, note, show.dark(), beside), "dots")
        strokes = " Upright strokes: the converged linear probe on the same features and split." if probes else ""
        if any(map(math.isnan, (run.threshold for run in scored))):
            st.info(
                f"The validation {unit} of some runs allow no threshold; choose Probability 0.5 for their accuracy.",
                icon=":material/info:",
            )
        st.caption(
            f"Accuracy is that at each run's own threshold by the rule above: {criterion.words}. Lines are 95 % "
            f"intervals and {counted_by_patient(unit)}.{strokes}"
        )


def _at_threshold(run: StoredRun, criterion: Criterion, scored: Scored) -> Scored:
    """A run's scores with its threshold; NaN, so that accuracy is missing, where validation allows none."""
    return replace(scored, threshold=criterion.threshold_if_any(run.scored("validation")))


def learning(_home: Home, leaderboard: Leaderboard, runs: list[StoredRun], note: str, _criterion: Criterion) -> None:
    """Learning curves and regularisation paths."""
    courses(runs, leaderboard.names, note)


def scored_runs(leaderboard: Leaderboard, runs: Sequence[StoredRun], part: str) -> list[Scored]:
    """The scores of the runs on a part, under their short names."""
    return [run.scored(part, leaderboard.names[run.id]) for run in runs]
