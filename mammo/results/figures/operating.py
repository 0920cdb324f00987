"""Plotly figures of one run's operating point, calibration, precision and groups of images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mammo.data.column_words import worded
from mammo.results.figures.drawing import LINE, blank_figure, legend_below, panels, roc_axes, with_leaks
from mammo.results.figures.palette import SERIES, ground, style
from mammo.results.interval_words import value_words
from mammo.runs.subgroups import MEASURES
from mammo.statistics.calibration import BINS, calibration_curve
from mammo.statistics.curves import precision_recall_curve, roc_curve
from mammo.statistics.few import TOO_FEW
from mammo.statistics.intervals.measurement import Measurement
from mammo.statistics.measures import measure
from mammo.statistics.predictive import predictive_values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plotly.graph_objects import Figure

    from mammo.runs.subgroups import Subgroup
    from mammo.statistics.operating import OperatingPoint
    from mammo.statistics.scored import Scored

PER_BIN, LEAST_BINS = 30, 4
PREVALENCES = np.geomspace(0.001, 0.6, 60)


def operating_figure(
    validation: Scored, shown: Scored, point: OperatingPoint, note: str = "", dark: bool = False
) -> Figure:
    """Where a threshold stands on the ROC curve, with the intervals of sensitivity and specificity.

    The threshold was chosen on `validation`, whose curve is dotted; it is marked on both.
    """
    note, _ = with_leaks(note, [shown])
    figure = blank_figure(note, dark, height=430 + 2 * LINE)
    chance = {"color": ground(dark).muted, "dash": "dot", "width": 1}
    figure.add_scatter(x=[0, 1], y=[0, 1], mode="lines", line=chance, hoverinfo="skip", showlegend=False)
    for number, run in enumerate([shown] if shown.part == "validation" else [validation, shown]):
        colour = SERIES[0] if run is shown else ground(dark).muted
        x, y, _ = roc_curve(run.labels, run.logits, drop_intermediate=True)
        line = {"color": colour, "width": 2.2 if run is shown else 1.4, "dash": "solid" if run is shown else "dash"}
        named = f"{run.part.capitalize()}, n = {np.size(run.labels)}"
        hover = "1 − specificity %{x:.2f}<br>sensitivity %{y:.2f}<extra></extra>"
        figure.add_scatter(x=x, y=y, mode="lines", line=line, name=named, legendrank=2 - number, hovertemplate=hover)
    _mark(figure, point.measures["sensitivity"], point.measures["specificity"], dark)
    roc_axes(figure, [shown])
    legend_below(figure, 3)
    return figure


def _mark(figure: Figure, sensitivity: Measurement, specificity: Measurement, dark: bool) -> None:
    found = [*_around(sensitivity)]
    spared = [*_around(specificity)]
    figure.add_scatter(
        x=[1 - specificity.value],
        y=[sensitivity.value],
        error_x={"type": "data", "array": [spared[0]], "arrayminus": [spared[1]], "thickness": 1.4, "width": 4},
        error_y={"type": "data", "array": [found[1]], "arrayminus": [found[0]], "thickness": 1.4, "width": 4},
        mode="markers",
        marker={"size": 11, "color": SERIES[1], "line": {"width": 1.5, "color": ground(dark).paper}},
        name=f"Sensitivity {sensitivity.value:.2f}, specificity {specificity.value:.2f}",
        hovertemplate="1 − specificity %{x:.2f}<br>sensitivity %{y:.2f}<extra></extra>",
    )


def confusion_figure(shown: Scored, point: OperatingPoint, note: str = "", dark: bool = False) -> Figure:
    """The confusion matrix: how many images of each class are called what, and which share of the class."""
    note, _ = with_leaks(note, [shown])
    counts = point.counts
    cells = np.array(
        [[counts.true_benign, counts.false_malignant], [counts.false_benign, counts.true_malignant]], dtype=float
    )
    totals = cells.sum(axis=1, keepdims=True)
    shares = np.divide(cells, totals, out=np.zeros_like(cells), where=totals > 0)
    figure = blank_figure(note, dark, height=330)
    figure.add_heatmap(
        z=shares,
        x=[f"called {name}" for name in shown.classes.by_label.values()],
        y=list(shown.classes.by_label.values()),
        text=[[f"<b>{count:.0f}</b><br>{share:.0%}" for count, share in zip(*row, strict=True)]
              for row in zip(cells, shares, strict=True)],
        texttemplate="%{text}",
        textfont={"size": 16, "color": ground(dark).text},
        colorscale=[[0, ground(dark).paper], [1, f"{SERIES[0]}"]],
        zmin=0,
        zmax=1.6,
        xgap=3,
        ygap=3,
        showscale=False,
        hovertemplate="%{y}, %{x}: %{text}<extra></extra>",
    )  # fmt: skip
    figure.update_xaxes(showgrid=False, showline=False, ticks="", side="bottom")
    figure.update_yaxes(showgrid=False, showline=False, ticks="", autorange="reversed", automargin=True)
    return figure


def predictive_figure(
    sensitivity: Measurement,
    specificity: Measurement,
    prevalence: float,
    shown: Scored,
    note: str = "",
    dark: bool = False,
) -> Figure:
    """Predictive values against the prevalence, with 95 % bands; the chosen one and that of the images are marked."""
    note, _ = with_leaks(note, [shown])
    figure = blank_figure(note, dark, height=370 + 2 * LINE)
    values = [predictive_values(sensitivity, specificity, one) for one in PREVALENCES]
    chosen = predictive_values(sensitivity, specificity, prevalence)
    for place, (name, here) in enumerate(zip(("Positive", "Negative"), chosen, strict=True)):
        colour = SERIES[1 - place]
        curve = [pair[place] for pair in values]
        _band(figure, PREVALENCES, curve, colour)
        told = f"{name} predictive value {_words(here, 3)}"
        figure.add_scatter(x=PREVALENCES, y=[one.value for one in curve], mode="lines", name=told,
                           line={"color": colour, "width": 2.2},
                           hovertemplate="prevalence %{x:.3f}: %{y:.3f}<extra></extra>")  # fmt: skip
    figure.add_vline(x=prevalence, line={"color": ground(dark).text, "width": 1})
    own = float(np.mean(np.asarray(shown.labels) == 1)) if np.size(shown.labels) else 0.0
    if PREVALENCES[0] < own < PREVALENCES[-1]:
        figure.add_vline(x=own, line={"color": ground(dark).muted, "width": 1, "dash": "dot"})
    ticks = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3]
    figure.update_xaxes(
        type="log", title_text=f"Prevalence (dotted: of these {shown.unit})", tickvals=ticks, ticktext=ticks
    )
    figure.update_yaxes(title_text="Predictive value", range=[-0.01, 1.01])
    legend_below(figure, 2)
    figure.update_layout(legend_traceorder="normal")
    return figure


def precision_recall_figure(runs: Sequence[Scored], note: str = "", dark: bool = False) -> Figure:
    """Precision against sensitivity; the legend gives average precision with its 95 % interval and n.

    The dotted line is what guessing reaches: the share of malignant images.
    """
    note, leaks = with_leaks(note, runs)
    figure = blank_figure(note, dark, height=430 + 2 * LINE * len(runs))
    for number, (run, leak) in enumerate(zip(runs, leaks, strict=True)):
        precision, found, _ = precision_recall_curve(run.labels, run.logits)
        counted = ", ".join(filter(None, (f"n = {np.size(run.labels)}", leak)))
        named = f"{run.name + '<br>' if run.name else ''}Average precision {_words(measure('average_precision', run))}"
        figure.add_scatter(x=found, y=precision, mode="lines", line={**style(number), "width": 2.2, "shape": "vh"},
                           name=f"{named}, {counted}",
                           hovertemplate="sensitivity %{x:.2f}<br>precision %{y:.2f}<extra></extra>")  # fmt: skip
        share = float(np.mean(np.asarray(run.labels) == 1)) if np.size(run.labels) else 0.0
        figure.add_hline(y=share, line={"color": ground(dark).muted, "dash": "dot", "width": 1})
    figure.update_xaxes(title_text="Sensitivity (recall)", range=[-0.01, 1.01])
    figure.update_yaxes(title_text="Precision (positive predictive value)", range=[-0.01, 1.03])
    figure.update_layout(showlegend=True)
    legend_below(figure, 2 * len(runs))
    return figure


def calibration_figure(shown: Scored, scaled: Scored, temperature: float, note: str = "", dark: bool = False) -> Figure:
    """The share of malignant images against the probability that the run gives, as it is and at its temperature.

    A dot stands for at least some thirty images, in at most ten bins of about the same size; its line for the 95 %
    interval of the share.
    """
    note, _ = with_leaks(note, [shown])
    figure = blank_figure(note, dark, height=430 + 2 * LINE)
    perfect = {"color": ground(dark).muted, "dash": "dot", "width": 1}
    figure.add_scatter(x=[0, 1], y=[0, 1], mode="lines", line=perfect, hoverinfo="skip", showlegend=False)
    drawn = ((shown, "As trained", "circle"), (scaled, f"At temperature {temperature:.2f}", "diamond"))
    for number, (run, name, symbol) in enumerate(drawn):
        bins = calibration_curve(run, bins=min(max(np.size(run.labels) // PER_BIN, LEAST_BINS), BINS))
        error = {
            "array": [one.high - one.share for one in bins],
            "arrayminus": [one.share - one.low for one in bins],
        }
        figure.add_scatter(
            x=[one.probability for one in bins],
            y=[one.share for one in bins],
            error_y={"type": "data", **error, "thickness": 1.2, "width": 3},
            mode="lines+markers",
            line={"color": SERIES[number], "width": 1.4},
            marker={"size": 8, "symbol": symbol},
            name=f"{name}: Brier score {_words(measure('brier', run))}",
            customdata=[one.n for one in bins],
            hovertemplate="said %{x:.2f}, are %{y:.2f}, n = %{customdata}<extra></extra>",
        )
    figure.update_xaxes(title_text=f"Probability of {shown.classes.quality} given", range=[-0.02, 1.02])
    figure.update_yaxes(title_text=f"Share that is {shown.classes.positive}", range=[-0.02, 1.02])
    legend_below(figure, 2)
    return figure


def subgroup_figure(groups: Sequence[Subgroup], shown: Scored, note: str = "", dark: bool = False) -> Figure:
    """AUC and error rates of groups of images as dots with 95 % intervals; small groups are grey."""
    note, _ = with_leaks(note, [shown])
    titles = [title.replace(" rate", "<br>rate") for title in MEASURES.values()]
    figure = panels(note, dark, titles, columns=len(titles), height=140 + 40 * len(groups))
    names = [f"{worded(group.value, shown.classes)}<br>n = {group.n}" for group in groups]
    colours = [ground(dark).muted if group.small else SERIES[0] for group in groups]
    for column, (name, title) in enumerate(MEASURES.items(), start=1):
        values = [group.measures[name] for group in groups]
        figure.add_scatter(
            x=[one.value for one in values],
            y=names,
            error_x={
                "type": "data",
                "array": [_around(one)[1] for one in values],
                "arrayminus": [_around(one)[0] for one in values],
                "thickness": 1.4,
                "width": 4,
                "color": ground(dark).muted,
            },
            mode="markers",
            marker={"size": 9, "color": colours},
            customdata=[[_words(one), one.n] for one in values],
            hovertemplate=f"{title} %{{customdata[0]}}, n = %{{customdata[1]}}<extra></extra>",
            showlegend=False,
            row=1,
            col=column,
        )
        figure.add_vline(x=values[0].value, line={"color": SERIES[0], "dash": "dot", "width": 1}, row=1, col=column)
    figure.update_xaxes(range=[-0.02, 1.02], nticks=4)
    figure.update_yaxes(type="category", autorange="reversed", automargin=True, showgrid=False)
    return figure


def _band(figure: Figure, x: Any, curve: Sequence[Measurement], colour: str) -> None:
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    edge = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
    figure.add_scatter(x=x, y=[one.high for one in curve], **edge)
    figure.add_scatter(
        x=x, y=[one.low for one in curve], fill="tonexty", fillcolor=f"rgba({red},{green},{blue},0.18)", **edge
    )


def _around(one: Measurement) -> tuple[float, float]:
    """How far an interval reaches below and above its value."""
    return one.value - one.low, one.high - one.value


def _words(one: Measurement, decimals: int = 2) -> str:
    return value_words(one.value, (one.low, one.high), f".{decimals}f", reason=TOO_FEW if one.reason else "")
