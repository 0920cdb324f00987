"""Compare: the leaderboard, and what really differs between the chosen runs."""

import streamlit as st

from mammo.results.scores import stored_runs
from pages.shared import board, choose, ensembles, show
from pages.shared.criterion import choose_criterion
from pages.shared.curves_view import curves, learning
from pages.shared.differences_view import pairs
from pages.shared.downloads import downloads
from pages.shared.guard import said_plainly
from pages.shared.luck_view import luck, luck_line
from pages.shared.settings_view import settings

ROWS = {"runs": "Runs", "settings": "Settings"}
VIEWS = {"Curves": curves, "Differences": pairs, "Luck": luck, "Learning": learning}
THRESHOLD_FREE = ("Luck", "Learning")

home = choose.home()
st.title("Compare")
listed = board.choose_board(home)
note = show.notes(bool(listed.runs["synthetic"].any()), listed.runs["weights_note"])
show.badge(note)
with st.container(horizontal=True, vertical_alignment="bottom"):
    rows = choose.switch("Rows", list(ROWS), "rows", ROWS.__getitem__)
    runs = board.choose_some(listed)
if rows == "settings":
    settings(listed, runs, note)
    st.stop()
chosen = board.choose_runs(listed, runs)
luck_line(listed)
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
with said_plainly():
    VIEWS[view](home, listed, opened, note, criterion)
