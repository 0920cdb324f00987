"""Plotly figures of one run's operating point, calibration, precision and groups of images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mammo.data.column_words import display_value
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
    """The ROC curve of `shown`, with a threshold's sensitivity and specificity and their intervals marked on it.

    The threshold was chosen on `validation`, whose curve is dashed.
    """
    note, _ = with_leaks(note, [shown])
    figure = blank_figure(note, dark, height=430 + 2 * LINE)
    chance = {"color": ground(dark).muted, "dash": "dot", "width": 1}
    figure.add_scatter(x=[0, 1], y=[0, 1], mode="lines", line=chance, hoverinfo="skip", showlegend=False)
    for number, run in enumerate([shown] if shown.part == "validation" else [validation, shown]):
        colour = SERIES[0] if run is shown else ground(dark).muted
        x, y, _ = roc_curve(run.labels, run.logits, drop_intermediate=True)
        line = {"color": colour, "width": 2.2 if run is shown else 1.4, "dash": "solid" if run is shown else "dash"}
        name = f"{run.part.capitalize()}, n = {np.size(run.labels)}"
        hover = "1 − specificity %{x:.2f}<br>sensitivity %{y:.2f}<extra></extra>"
        figure.add_scatter(x=x, y=y, mode="lines", line=line, name=name, legendrank=2 - number, hovertemplate=hover)
    _mark(figure, point.measures["sensitivity"], point.measures["specificity"], dark)
    roc_axes(figure, [shown])
    legend_below(figure, 3)
    return figure


def _mark(figure: Figure, sensitivity: Measurement, specificity: Measurement, dark: bool) -> None:
    sensitivity_arms = _arms(sensitivity)
    specificity_arms = _arms(specificity)
    figure.add_scatter(
        x=[1 - specificity.value],
        y=[sensitivity.value],
        error_x={
            "type": "data",
            "array": [specificity_arms[0]],
            "arrayminus": [specificity_arms[1]],
            "thickness": 1.4,
            "width": 4,
        },
        error_y={
            "type": "data",
            "array": [sensitivity_arms[1]],
            "arrayminus": [sensitivity_arms[0]],
            "thickness": 1.4,
            "width": 4,
        },
        mode="markers",
        marker={"size": 11, "color": SERIES[1], "line": {"width": 1.5, "color": ground(dark).paper}},
        name=f"Sensitivity {sensitivity.value:.2f}, specificity {specificity.value:.2f}",
        hovertemplate="1 − specificity %{x:.2f}<br>sensitivity %{y:.2f}<extra></extra>",
    )


def confusion_figure(shown: Scored, point: OperatingPoint, note: str = "", dark: bool = False) -> Figure:
    """The confusion matrix: the number of images of each class by their assigned class, and the share of the class."""
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
    """Predictive values by prevalence with 95 % bands; lines mark the chosen prevalence and that of the images."""
    note, _ = with_leaks(note, [shown])
    figure = blank_figure(note, dark, height=370 + 2 * LINE)
    values = [predictive_values(sensitivity, specificity, at) for at in PREVALENCES]
    chosen = predictive_values(sensitivity, specificity, prevalence)
    for number, (name, value) in enumerate(zip(("Positive", "Negative"), chosen, strict=True)):
        colour = SERIES[1 - number]
        curve = [pair[number] for pair in values]
        _band(figure, PREVALENCES, curve, colour)
        label = f"{name} predictive value {_value_words(value, 3)}"
        figure.add_scatter(x=PREVALENCES, y=[point.value for point in curve], mode="lines", name=label,
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
    """Precision by sensitivity; the legend gives average precision with its 95 % interval and n.

    The dotted line is the precision of guessing: the share of malignant images.
    """
    note, leaks = with_leaks(note, runs)
    figure = blank_figure(note, dark, height=430 + 2 * LINE * len(runs))
    for number, (run, leak) in enumerate(zip(runs, leaks, strict=True)):
        precision, sensitivity, _ = precision_recall_curve(run.labels, run.logits)
        counted = ", ".join(filter(None, (f"n = {np.size(run.labels)}", leak)))
        average = _value_words(measure("average_precision", run))
        label = f"{run.name + '<br>' if run.name else ''}Average precision {average}"
        figure.add_scatter(x=sensitivity, y=precision, mode="lines", name=f"{label}, {counted}",
                           line={**style(number), "width": 2.2, "shape": "vh"},
                           hovertemplate="sensitivity %{x:.2f}<br>precision %{y:.2f}<extra></extra>")  # fmt: skip
        share = float(np.mean(np.asarray(run.labels) == 1)) if np.size(run.labels) else 0.0
        figure.add_hline(y=share, line={"color": ground(dark).muted, "dash": "dot", "width": 1})
    figure.update_xaxes(title_text="Sensitivity (recall)", range=[-0.01, 1.01])
    figure.update_yaxes(title_text="Precision (positive predictive value)", range=[-0.01, 1.03])
    figure.update_layout(showlegend=True)
    legend_below(figure, 2 * len(runs))
    return figure


def calibration_figure(shown: Scored, scaled: Scored, temperature: float, note: str = "", dark: bool = False) -> Figure:
    """The share of malignant images by the run's probability, as trained (`shown`) and at its temperature (`scaled`).

    A dot stands for a bin of about thirty images or more, its line for the 95 % interval of the share. There are at
    most ten bins, of about the same size.
    """
    note, _ = with_leaks(note, [shown])
    figure = blank_figure(note, dark, height=430 + 2 * LINE)
    perfect = {"color": ground(dark).muted, "dash": "dot", "width": 1}
    figure.add_scatter(x=[0, 1], y=[0, 1], mode="lines", line=perfect, hoverinfo="skip", showlegend=False)
    versions = ((shown, "As trained", "circle"), (scaled, f"At temperature {temperature:.2f}", "diamond"))
    for number, (run, name, symbol) in enumerate(versions):
        bins = calibration_curve(run, bins=min(max(np.size(run.labels) // PER_BIN, LEAST_BINS), BINS))
        error = {
            "array": [point.high - point.share for point in bins],
            "arrayminus": [point.share - point.low for point in bins],
        }
        figure.add_scatter(
            x=[point.probability for point in bins],
            y=[point.share for point in bins],
            error_y={"type": "data", **error, "thickness": 1.2, "width": 3},
            mode="lines+markers",
            line={"color": SERIES[number], "width": 1.4},
            marker={"size": 8, "symbol": symbol},
            name=f"{name}: Brier score {_value_words(measure('brier', run))}",
            customdata=[point.n for point in bins],
            hovertemplate="said %{x:.2f}, are %{y:.2f}, n = %{customdata}<extra></extra>",
        )
    figure.update_xaxes(title_text=f"Probability of {shown.classes.quality} given", range=[-0.02, 1.02])
    figure.update_yaxes(title_text=f"Share that is {shown.classes.positive}", range=[-0.02, 1.02])
    legend_below(figure, 2)
    return figure


def subgroup_figure(groups: Sequence[Subgroup], shown: Scored, note: str = "", dark: bool = False) -> Figure:
    """AUC and error rates of groups of images as dots with 95 % intervals; the dots of small groups are grey."""
    note, _ = with_leaks(note, [shown])
    titles = [title.replace(" rate", "<br>rate") for title in MEASURES.values()]
    figure = panels(note, dark, titles, columns=len(titles), height=140 + 40 * len(groups))
    names = [f"{display_value(group.value, shown.classes)}<br>n = {group.n}" for group in groups]
    colours = [ground(dark).muted if group.small else SERIES[0] for group in groups]
    for column, (name, title) in enumerate(MEASURES.items(), start=1):
        values = [group.measures[name] for group in groups]
        figure.add_scatter(
            x=[measured.value for measured in values],
            y=names,
            error_x={
                "type": "data",
                "array": [_arms(measured)[1] for measured in values],
                "arrayminus": [_arms(measured)[0] for measured in values],
                "thickness": 1.4,
                "width": 4,
                "color": ground(dark).muted,
            },
            mode="markers",
            marker={"size": 9, "color": colours},
            customdata=[[_value_words(measured), measured.n] for measured in values],
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
    red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    edge = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
    figure.add_scatter(x=x, y=[point.high for point in curve], **edge)
    figure.add_scatter(
        x=x, y=[point.low for point in curve], fill="tonexty", fillcolor=f"rgba({red},{green},{blue},0.18)", **edge
    )


def _arms(measured: Measurement) -> tuple[float, float]:
    """The lengths of an interval below and above its value."""
    return measured.value - measured.low, measured.high - measured.value


def _value_words(measured: Measurement, decimals: int = 2) -> str:
    return value_words(
        measured.value, (measured.low, measured.high), f".{decimals}f", reason=TOO_FEW if measured.reason else ""
    )
