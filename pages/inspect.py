"""Inspect: the images that a run gets wrong, the surest mistakes first."""

import streamlit as st

from mammo.results.figures import score_histogram
from mammo.results.scores import StoredRun, run_names
from pages.shared import board, choose, show
from pages.shared.words import judgement, verdict

AT_ONCE = 18
MOST = 1000

home = choose.home()
st.title("Inspect")
table = board.choose_board(home)
names = run_names(table)
best = list(names)[:MOST]
run = StoredRun.open(home, choose.one("Run, best validation AUC first", best, "run", board.numbered(names)))
dataset = run.dataset(home)
note = show.notes(run.sweep.synthetic, [run.weights_note])
show.badge(note)
show.warnings(run.sweep.notes)
with st.container(horizontal=True, gap="large"):
    part = choose.switch("Images", ["test", "validation", "train"], "part")
    answers = choose.switch("Show", ["mistakes", "correct", "all"], "answers")
judged = run.judged(part)
shown = judged if answers == "all" else judged[judged["right"] == (answers == "correct")]
show.facts({"Images": len(judged), "Mistakes": int((~judged["right"]).sum()), "Shown": len(shown)})
if len(shown):
    pages = -(-len(shown) // AT_ONCE)
    page = choose.number(f"Page of {pages}", 1, pages, 1, "page", width=140) if pages > 1 else 1
    st.caption("The surest answers come first. The percentage is the probability of malignancy that the run gives.")
    some = shown.iloc[(page - 1) * AT_ONCE : page * AT_ONCE]
    show.wall(dataset, some, "judged", judgement, lambda row: show.full_size(dataset, row["image"], note, verdict(row)))
else:
    st.info("There are no such images.", icon=":material/info:")
st.subheader("Scores")
show.figure(score_histogram(run.scored(part), note, show.dark()), "scores")
