"""Compare: the leaderboard, and which differences between the chosen runs are real."""

import streamlit as st

from mammo.runs.stored_run import stored_runs
from pages.parts.compare.curves_view import curves, learning
from pages.parts.compare.differences_view import pairs
from pages.parts.compare.downloads import downloads
from pages.parts.compare.luck_view import luck, luck_line
from pages.parts.compare.settings_view import settings
from pages.shared.base import choose, show
from pages.shared.base.guard import show_errors
from pages.shared.forms import board, ensembles
from pages.shared.forms.criterion import choose_criterion

ROWS = {"runs": "Runs", "settings": "Settings"}
VIEWS = {"Curves": curves, "Differences": pairs, "Luck": luck, "Learning": learning}
THRESHOLD_FREE = ("Luck", "Learning")

home = choose.home()
st.title("Compare")
leaderboard = board.choose_board(home)
note = show.notes(bool(leaderboard.runs["synthetic"].any()), leaderboard.runs["weights_note"])
show.badge(note)
with st.container(horizontal=True, vertical_alignment="bottom"):
    rows = choose.switch("Rows", list(ROWS), "rows", ROWS.__getitem__)
    runs = board.filter_runs(leaderboard)
if rows == "settings":
    settings(leaderboard, runs, note)
    st.stop()
chosen = board.choose_runs(leaderboard, runs)
luck_line(leaderboard)
opened = stored_runs(home, chosen)
with st.container(horizontal=True, vertical_alignment="bottom"):
    ensembles.offer(home, chosen)
    if opened:
        downloads(home, runs, opened)
if not chosen:
    st.info("Tick runs in the table to see them here.", icon=":material/info:")
    st.stop()
show.warnings(sentence for run in opened for sentence in run.sweep.notes)
with st.container(horizontal=True, vertical_alignment="bottom"):
    view = choose.switch("Look at", list(VIEWS), "view", str)
    criterion = choose_criterion(idle=view in THRESHOLD_FREE)
with show_errors():
    VIEWS[view](home, leaderboard, opened, note, criterion)
