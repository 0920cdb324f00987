"""The images that a run gets wrong, the surest mistakes first."""

import pandas as pd
import streamlit as st

from mammo.results.figures.runs import score_histogram
from mammo.results.scores import StoredRun
from mammo.results.statistics.operating import Criterion, OperatingPoint
from mammo.specs import Home
from pages.shared import choose, show
from pages.shared.criterion import point_at
from pages.shared.text import plain
from pages.shared.words import judgement, verdict

AT_ONCE = 18
ANSWERS = ("mistakes", "missed", "false alarms", "correct", "all")


def images(home: Home, run: StoredRun, part: str, note: str, criterion: Criterion) -> None:
    """A wall of images, and how the run's scores spread over both classes."""
    shown = run.scored(part)
    point = point_at(run, shown, criterion)
    if run.sweep.level == "image":
        _wall(home, run, part, note, point)
    else:
        st.info("Mammograms are shown one by one: choose the level Mammogram to see them.", icon=":material/info:")
    st.subheader("Scores")
    show.figure(score_histogram(shown, note, show.dark(), point.threshold), "scores")


def _wall(home: Home, run: StoredRun, part: str, note: str, point: OperatingPoint) -> None:
    dataset = run.dataset(home)
    judged = run.judged(part, point.threshold)
    by_answer = {name: judged[chosen] for name, chosen in _answers(judged).items()}
    answers = choose.switch("Show", ANSWERS, "answers")
    counts = {name.capitalize(): len(by_answer[name]) for name in ANSWERS[:3]}
    show.facts({"Images": len(judged), **counts})
    shown = by_answer[answers]
    if shown.empty:
        st.info("There are no such images.", icon=":material/info:")
        return
    pages = -(-len(shown) // AT_ONCE)
    page = choose.number(f"Page of {pages}", 1, pages, 1, "page", width=140) if pages > 1 else 1
    first = (page - 1) * AT_ONCE
    some = shown.iloc[first : first + AT_ONCE]
    st.caption(
        f"Images {first + 1} to {first + len(some)} of {len(shown):,}, the surest answers first. The percentage is the "
        f"probability of {plain(run.sweep.classes.quality)} that the run gives."
    )
    stretched = choose.brightness()
    classes = run.sweep.classes
    show.wall(
        dataset,
        some,
        "judged",
        lambda row: judgement(row, classes),
        lambda row: show.full_size(dataset, row["image"], note, verdict(row, classes), stretched),
        stretched,
    )


def _answers(judged: pd.DataFrame) -> dict[str, pd.Series]:
    """Which images each answer shows; missed and false alarms are those of the confusion matrix."""
    wrong, called = ~judged["right"], judged["called"]
    all_of_them = pd.Series(True, index=judged.index)
    shown = (wrong, wrong & ~called, wrong & called, ~wrong, all_of_them)
    return dict(zip(ANSWERS, shown, strict=True))
