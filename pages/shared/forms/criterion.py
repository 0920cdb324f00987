"""The rule that chooses thresholds: one for each page, for all of its figures that count errors."""

import numpy as np
import streamlit as st

from mammo.runs.stored_run import StoredRun
from mammo.statistics.operating import RULES, Criterion, OperatingPoint, operate
from mammo.statistics.scored import Scored
from pages.shared.base import choose
from pages.shared.base.text import plain


def choose_criterion(idle: bool = False) -> Criterion:
    """A rule of `RULES` with its target share where it has one; the address holds both.

    `idle` disables the widgets where no view of the page counts errors; the choice is kept.
    """
    rule = choose.entry("Threshold, chosen on validation", RULES, "rule", width=225, disabled=idle)
    aim = 90
    if RULES[rule].has_target:
        aim = choose.number("Aim in %", 1, 100, 90, "target", width=140, disabled=idle)
    return Criterion(rule, aim / 100)


def point_at(run: StoredRun, shown: Scored, criterion: Criterion) -> OperatingPoint:
    """The operating point of a run on the images shown; a line on the page says where its threshold is."""
    validation = run.scored("validation")
    point = _point(validation, shown, criterion)
    positive = plain(shown.classes.positive)
    st.caption(f"Called {positive}: every probability above {point.words}. {_origin(validation, criterion)}")
    return point


def _origin(validation: Scored, criterion: Criterion) -> str:
    if not criterion.uses_validation:
        return "Chosen without looking at validation."
    return f"{criterion.words}, chosen on {np.size(validation.labels):,} validation {validation.unit}."


@st.cache_data(max_entries=64, show_spinner=False)
def _point(validation: Scored, shown: Scored, criterion: Criterion) -> OperatingPoint:
    return operate(validation, shown, criterion.rule, criterion.target)
