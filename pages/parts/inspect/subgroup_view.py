"""AUC and error rates of a run by groups of images."""

import math

import streamlit as st

from mammo.data.column_words import display_value
from mammo.results.figures.operating import subgroup_figure
from mammo.runs.stored_run import StoredRun
from mammo.runs.subgroups import FEWEST, MEASURES, Subgroup, subgroups
from mammo.specs import Home
from mammo.specs.class_names import capital
from mammo.statistics.operating import Criterion
from mammo.statistics.scored import Scored
from pages.parts.inspect.operating_view import interval, intervals_sentence
from pages.shared.base import choose, show
from pages.shared.base.text import plain
from pages.shared.base.words import groups_of
from pages.shared.forms.criterion import point_at
from pages.shared.forms.reading import singular


def groups(_home: Home, run: StoredRun, part: str, note: str, criterion: Criterion) -> None:
    """AUC and error rates by a column of the images, as a figure and as a table."""
    shown = run.scored(part)
    names = groups_of(run.images(part))
    column = choose.one("Groups by", list(names), "by", lambda name: names[name], width=260)
    point = point_at(run, shown, criterion)
    subgroups_found = subgroups(run, part, column, point.threshold)
    show.figure(subgroup_figure(subgroups_found, shown, note, show.dark()), "subgroups")
    st.table([_row(group, names[column], shown) for group in subgroups_found], border="horizontal")
    positive, negative = plain(shown.classes.positive), plain(shown.classes.negative)
    st.caption(
        f"Grey: groups with fewer than {FEWEST} {positive} or {FEWEST} {negative} {shown.unit}, whose figures are "
        f"unreliable. {intervals_sentence(shown.unit)} They are not corrected for the number of groups: of twenty, one "
        f"differs by chance. A question mark means that a group has no {singular(shown.unit)} of a class that the "
        "figure needs."
    )


def _row(group: Subgroup, name: str, shown: Scored) -> dict[str, str]:
    positive = plain(capital(shown.classes.positive))
    counts = {f"n ({shown.unit})": group.n, positive: group.malignant, "Patients": group.patients}
    cells = {name: plain(display_value(group.value, shown.classes)), **{label: f"{n:,}" for label, n in counts.items()}}
    for measure, label in MEASURES.items():
        measurement = group.measures[measure]
        cells[label] = "?" if math.isnan(measurement.value) else f"{measurement.value:.2f} ({interval(measurement, 2)})"
    return {label: f":gray[{text}]" for label, text in cells.items()} if group.small else cells
