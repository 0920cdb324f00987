"""The mistakes of a run, the most confident first: single images, or all images of a breast or patient."""

from collections.abc import Callable

import pandas as pd
import streamlit as st

from mammo.data.dataset.dataset import Dataset
from mammo.results.figures.runs import score_histogram
from mammo.runs.levels import images_of
from mammo.runs.stored_run import StoredRun
from mammo.specs import Home
from mammo.specs.class_names import ClassNames, capital
from mammo.statistics.operating import Criterion, OperatingPoint
from pages.shared.base import choose, show
from pages.shared.base.text import exposure, plain
from pages.shared.base.words import judgement, verdict
from pages.shared.forms.criterion import point_at
from pages.shared.views.full_size import full_size

AT_ONCE = {"image": 18, "breast": 8, "patient": 5}
"""The number of rows of a level on a page: about as many pictures for each level."""
ROOM, GAP = 30, 16
"""Pixels around the pictures of a wall, and between them."""
ANSWERS = ("mistakes", "missed", "false alarms", "correct", "all")


def images(home: Home, run: StoredRun, part: str, note: str, criterion: Criterion) -> None:
    """A wall of images, and the histogram of the run's scores by class."""
    shown = run.scored(part)
    point = point_at(run, shown, criterion)
    _wall(home, run, part, note, point)
    st.subheader("Scores")
    show.figure(score_histogram(shown, note, show.dark(), point.threshold), "scores")


def _wall(home: Home, run: StoredRun, part: str, note: str, point: OperatingPoint) -> None:
    dataset = run.dataset(home)
    judged = run.predictions(part, point.threshold)
    by_answer = {name: judged[chosen] for name, chosen in _answers(judged).items()}
    counted = {name: f"{capital(name)}: {len(rows):,}" for name, rows in by_answer.items()}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        shown = by_answer[choose.switch("Show", ANSWERS, "answers")]
        some, where = _page(shown, AT_ONCE[run.sweep.level], run.unit)
        stretched = choose.brightness()
    if shown.empty:
        st.info(f"No {run.unit} match this choice.", icon=":material/info:")
        return
    quality = plain(run.sweep.classes.quality)
    st.caption(
        f"{' · '.join(counted[name] for name in ANSWERS)}. {where}, the most confident answers first. The percentage "
        f"is the run's probability of {quality}."
    )
    if run.sweep.level == "image":
        _show(dataset, some, "judged", note, stretched, lambda row: judgement(row, run.sweep.classes), run)
    else:
        _groups(home, dataset, run, some, part, note, stretched)


def _page(shown: pd.DataFrame, most: int, unit: str) -> tuple[pd.DataFrame, str]:
    """The rows of the chosen page, and a text that names them."""
    pages = -(-len(shown) // most)
    page = choose.number(f"Page of {pages}", 1, pages, 1, "page", width=140) if pages > 1 else 1
    first = (page - 1) * most
    some = shown.iloc[first : first + most]
    return some, f"{capital(unit)} {first + 1:,} to {first + len(some):,} of {len(shown):,}"


def _groups(
    home: Home, dataset: Dataset, run: StoredRun, some: pd.DataFrame, part: str, note: str, stretched: bool
) -> None:
    """The images of each breast or patient together, beneath the run's verdict."""
    by_image = run.by_image(home)
    judged = by_image.predictions(part)
    with st.container(horizontal=True, vertical_alignment="top"):
        for number, (_, group) in enumerate(some.iterrows()):
            members = images_of(judged, group, run.sweep.level).sort_values(["breast", "view"])
            with st.container(width=ROOM + (show.CARD + GAP) * len(members), gap="xsmall"):
                st.markdown(judgement(group, run.sweep.classes))
                _show(dataset, members, f"group-{number}", note, stretched, _alone(run.sweep.classes), by_image)


def _alone(classes: ClassNames) -> Callable[[pd.Series], str]:
    """Return a caption for an image of a group: its view, its own label, and the run's verdict on it alone."""
    return lambda row: f"{exposure(row)}  \n{verdict(row, classes, 'alone')}"


def _show(
    dataset: Dataset,
    rows: pd.DataFrame,
    key: str,
    note: str,
    stretched: bool,
    caption: Callable[[pd.Series], str],
    run: StoredRun,
) -> None:
    classes = run.sweep.classes
    show.wall(
        dataset,
        rows,
        key,
        caption,
        lambda row: full_size(dataset, row["image"], note, verdict(row, classes), stretched),
        stretched,
    )


def _answers(judged: pd.DataFrame) -> dict[str, pd.Series]:
    """The rows that each answer shows, as masks; missed and false alarms are those of the confusion matrix."""
    wrong, called = ~judged["right"], judged["called"]
    all_of_them = pd.Series(True, index=judged.index)
    shown = (wrong, wrong & ~called, wrong & called, ~wrong, all_of_them)
    return dict(zip(ANSWERS, shown, strict=True))
