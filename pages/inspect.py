"""Inspect: one run, its mistakes, its operating point, its probabilities, and the kinds of images it does well on."""

import streamlit as st

from mammo.runs.stored_run import StoredRun
from pages.parts.inspect.calibration_view import calibration
from pages.parts.inspect.mistakes_view import images
from pages.parts.inspect.operating_view import operating, precision_recall
from pages.parts.inspect.subgroup_view import groups
from pages.shared.base import choose, show
from pages.shared.base.guard import show_errors
from pages.shared.forms import board
from pages.shared.forms.criterion import choose_criterion

VIEWS = {"Images": images, "Operating point": operating, "Precision and recall": precision_recall}
VIEWS |= {"Calibration": calibration, "Subgroups": groups}
THRESHOLD_FREE = ("Precision and recall", "Calibration")

home = choose.home()
st.title("Inspect")
names = board.choose_board(home).names
best = board.offered_runs(names, "run")
run = StoredRun.open(home, choose.one("Run, best validation AUC first", best, "run", board.run_labels(names)))
note = show.notes(run.sweep.synthetic, [run.weights_note])
show.badge(note)
show.warnings(run.sweep.notes)
with st.container(horizontal=True, vertical_alignment="bottom"):
    view = choose.switch("Look at", list(VIEWS), "view", str)
    part = choose.switch("Part", ["test", "validation", "train"], "part")
    criterion = choose_criterion(idle=view in THRESHOLD_FREE)
with show_errors():
    VIEWS[view](home, run, part, note, criterion)
