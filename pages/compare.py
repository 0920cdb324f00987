"""Compare: the leaderboard, and the chosen runs over one another."""

import streamlit as st

from mammo.results.figures import auc_accuracy_figure, roc_figure
from mammo.results.probes import probes_of
from mammo.results.reader import reader_of
from mammo.results.scores import run_names, stored_runs
from pages.shared import board, choose, ensembles, show
from pages.shared.courses import courses
from pages.shared.downloads import downloads

home = choose.home()
st.title("Compare")
table = board.choose_board(home)
note = show.notes(bool(table["synthetic"].any()), table["weights_note"])
show.badge(note)
names = run_names(table)
chosen = board.choose_runs(table, names)
ensembles.offer(home, chosen)
if not chosen:
    st.info("Tick runs in the table to see them here.", icon=":material/info:")
    st.stop()
runs = stored_runs(home, chosen)
downloads(table, runs)
show.warnings(sentence for run in runs for sentence in run.sweep.notes)
part = choose.switch("Images", ["test", "validation", "train"], "part")
scored = [run.scored(part, names[run.id]) for run in runs]
left, right = st.columns(2, gap="large")
with left:
    st.subheader("ROC curves")
    show.figure(roc_figure(scored, note, show.dark(), reader_of(runs, part)), "roc")
with right:
    st.subheader("AUC and accuracy")
    probes = probes_of(home, runs)
    beside = [probes[run.id].scored(part) if run.id in probes else None for run in runs]
    show.figure(auc_accuracy_figure(scored, note, show.dark(), beside), "dots")
    strokes = " Upright strokes: the converged linear probe on the same features and split." if probes else ""
    st.caption(f"Lines are 95 % intervals; images of one patient count together, not as independent.{strokes}")
courses(runs, names, note)
