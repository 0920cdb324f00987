"""The images that a run gets wrong, the surest mistakes first."""

import streamlit as st

from mammo.results.figures.runs import score_histogram
from mammo.results.scores import StoredRun
from mammo.specs import Home
from pages.shared import choose, show
from pages.shared.words import judgement, verdict

AT_ONCE = 18


def images(home: Home, run: StoredRun, part: str, note: str) -> None:
    """A wall of images, and how the run's scores spread over both classes."""
    if run.sweep.level == "image":
        _wall(home, run, part, note)
    else:
        st.info("Mammograms are shown one by one: choose the level Mammogram to see them.", icon=":material/info:")
    st.subheader("Scores")
    show.figure(score_histogram(run.scored(part), note, show.dark()), "scores")


def _wall(home: Home, run: StoredRun, part: str, note: str) -> None:
    dataset = run.dataset(home)
    answers = choose.switch("Show", ["mistakes", "correct", "all"], "answers")
    judged = run.judged(part)
    shown = judged if answers == "all" else judged[judged["right"] == (answers == "correct")]
    show.facts({"Images": len(judged), "Mistakes": int((~judged["right"]).sum())})
    if shown.empty:
        st.info("There are no such images.", icon=":material/info:")
        return
    pages = -(-len(shown) // AT_ONCE)
    page = choose.number(f"Page of {pages}", 1, pages, 1, "page", width=140) if pages > 1 else 1
    first = (page - 1) * AT_ONCE
    some = shown.iloc[first : first + AT_ONCE]
    st.caption(
        f"Images {first + 1} to {first + len(some)} of {len(shown):,}, the surest answers first. The percentage is the "
        "probability of malignancy that the run gives; above 50 % it counts as calling the image malignant."
    )
    stretched = show.brightness()
    show.wall(
        dataset,
        some,
        "judged",
        judgement,
        lambda row: show.full_size(dataset, row["image"], note, verdict(row), stretched),
        stretched,
    )
