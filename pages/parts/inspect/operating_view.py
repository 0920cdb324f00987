"""A run at a threshold chosen on validation: its errors on any part, and predictive values in a clinic."""

import math
from collections.abc import Mapping

import streamlit as st

from mammo.results.figures.operating import (
    confusion_figure,
    operating_figure,
    precision_recall_figure,
    predictive_figure,
)
from mammo.results.interval_words import interval_words
from mammo.runs.run_summary import PREVALENCE
from mammo.runs.stored_run import StoredRun
from mammo.specs import Home
from mammo.statistics.intervals.measurement import Measurement
from mammo.statistics.measures import measure
from mammo.statistics.metrics import METRICS
from mammo.statistics.operating import MEASURES, Criterion, OperatingPoint
from mammo.statistics.predictive import predictive_values
from mammo.statistics.scored import Scored
from pages.shared.base import choose, show
from pages.shared.base.text import plain
from pages.shared.forms.criterion import point_at
from pages.shared.forms.reading import counted_by_patient

PREVALENCES = [0.001, 0.002, 0.003, 0.005, PREVALENCE, 0.008, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5]


def intervals_sentence(unit: str) -> str:
    """A sentence on the intervals of figures that count `unit`."""
    return f"Intervals are 95 % and {counted_by_patient(unit)}."


def operating(_home: Home, run: StoredRun, part: str, note: str, criterion: Criterion) -> None:
    """The operating point on the ROC curve, the confusion matrix, the rates, and predictive values by prevalence."""
    shown = run.scored(part)
    point = point_at(run, shown, criterion)
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Operating point")
        show.figure(operating_figure(run.scored("validation"), shown, point, note, show.dark()), "operating")
    with right:
        st.subheader("Confusion matrix")
        show.figure(confusion_figure(shown, point, note, show.dark()), "confusion")
        table({MEASURES[name].label: measurement for name, measurement in point.measures.items()}, shown.unit)
        threshold_note = f"They do not include that other validation {shown.unit} would give another threshold."
        st.caption(f"{intervals_sentence(shown.unit)} {threshold_note}")
    st.subheader("In a clinic")
    _clinic(point, shown, note)


def precision_recall(_home: Home, run: StoredRun, part: str, note: str, _criterion: Criterion) -> None:
    """The precision-recall curve, and the measures that need no threshold."""
    shown = run.scored(part)
    left, right = st.columns(2, gap="large")
    with left:
        show.figure(precision_recall_figure([shown], note, show.dark()), "precision")
    with right:
        free = {name: metric.label for name, metric in METRICS.items() if not metric.at_half}
        table({label: _measure(name, shown) for name, label in free.items()}, shown.unit)
        st.caption(
            f"{intervals_sentence(shown.unit)} Average precision rises with the share of "
            f"{plain(shown.classes.positive)} {shown.unit}; compare it on the same {shown.unit} only. "
            "Partial AUC is McClish's, where specificity is at least 0.9: 0.5 is chance."
        )


def table(measures: Mapping[str, Measurement], unit: str) -> None:
    """A table of measures with their intervals and numbers of cases."""
    heads = ("", "Value", "95\u00a0%\u00a0interval", f"n\u00a0({unit})")
    cells = [
        (label, _number(measurement.value), interval(measurement), f"{measurement.n:,}")
        for label, measurement in measures.items()
    ]
    rows = [dict(zip(heads, row, strict=True)) for row in cells]
    st.table(rows, border="horizontal", width="content")


def interval(measurement: Measurement, decimals: int = 3) -> str:
    """A 95 % interval as text without a line break, or the reason why there is none."""
    return interval_words(
        (measurement.low, measurement.high), f".{decimals}f", "\u2060–\u2060", measurement.reason or "?"
    )


def _clinic(point: OperatingPoint, shown: Scored, note: str) -> None:
    shares = point.measures["sensitivity"], point.measures["specificity"]
    plainly = shown.classes.plain
    where = "Prevalence of cancer" if plainly else f"Prevalence of {plain(shown.classes.quality)}"
    prevalence = choose.slide(where, PREVALENCES, "prevalence", lambda share: f"{share:.1%}", PREVALENCE)
    screening = f" In screening about {PREVALENCE:.1%} have cancer, far fewer than among these {shown.unit}."
    values = predictive_values(*shares, prevalence)
    left, right = st.columns(2, gap="large")
    with left:
        show.figure(predictive_figure(*shares, prevalence, shown, note, show.dark()), "predictive")
    with right:
        table(
            {MEASURES[name].label: measurement for name, measurement in zip(("ppv", "npv"), values, strict=True)},
            shown.unit,
        )
        st.caption(
            "By Bayes' rule from sensitivity and specificity, with intervals from theirs; the prevalence is "
            f"taken as exact.{screening if plainly else ''}"
        )


@st.cache_data(max_entries=256, show_spinner=False)
def _measure(name: str, shown: Scored) -> Measurement:
    return measure(name, shown)


def _number(value: float, decimals: int = 3) -> str:
    return "?" if math.isnan(value) else f"{value:.{decimals}f}"
