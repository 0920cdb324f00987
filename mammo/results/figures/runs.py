"""Plotly figures of stored runs; each draws a `note`, such as "Synthetic data"."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mammo.data.birads import SUSPICIOUS, is_birads_zero, threshold_words
from mammo.results.figures.drawing import (
    LINE,
    blank_figure,
    legend_below,
    panels,
    roc_axes,
    with_leaks,
    wrapped,
)
from mammo.results.figures.palette import CLASSES, ground, style
from mammo.results.interval_words import interval_words, value_words
from mammo.specs.class_names import capital
from mammo.statistics.curves import roc_curve
from mammo.statistics.few import TOO_FEW, lack_of_patients
from mammo.statistics.intervals.delong import accuracy_interval, auc_interval
from mammo.statistics.metrics import accuracy, auc, probability

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray
    from plotly.graph_objects import Figure

    from mammo.statistics.scored import Scored


def roc_figure(runs: Sequence[Scored], note: str = "", dark: bool = False, reader: Scored | None = None) -> Figure:
    """ROC curves in one panel; the legend gives each run's AUC, its 95 % interval and the number of images.

    `reader` is drawn below them for comparison, with a mark at every BI-RADS threshold.
    """
    note, leaks = with_leaks(note, runs)
    labels = [_legend_words(run, leak) for run, leak in zip(runs, leaks, strict=True)]
    lines = sum(1 + words.count("<br>") for words in [*labels, *([_reader_legend(reader)] if reader else [])])
    figure = blank_figure(note, dark, height=470 + LINE * lines)
    chance = {"color": ground(dark).muted, "dash": "dot", "width": 1}
    figure.add_scatter(x=[0, 1], y=[0, 1], mode="lines", line=chance, hoverinfo="skip", showlegend=False)
    if reader:
        _draw_reader(figure, reader, dark)
    for number, run in enumerate(runs):
        false_positive_rate, sensitivity, _ = roc_curve(run.labels, run.logits, drop_intermediate=True)
        figure.add_scatter(
            x=false_positive_rate,
            y=sensitivity,
            mode="lines",
            line={**style(number), "width": 2.2},
            name=labels[number],
            hovertemplate="1 − specificity %{x:.2f}<br>sensitivity %{y:.2f}<extra></extra>",
        )
    roc_axes(figure, runs)
    legend_below(figure, lines)
    return figure


def auc_accuracy_figure(
    runs: Sequence[Scored], note: str = "", dark: bool = False, probes: Sequence[Scored | None] = ()
) -> Figure:
    """AUC, and accuracy at its threshold, of each run as dots with 95 % intervals, in the order of `runs` from the top.

    `probes` are the converged probes on the same features, for each run one or None; each is a vertical stroke.
    """
    metrics = (("AUC", auc, auc_interval), ("Accuracy", accuracy, accuracy_interval))
    note, leaks = with_leaks(note, runs)
    names = [wrapped(" · ".join(filter(None, (run.name, leak)))) for run, leak in zip(runs, leaks, strict=True)]
    row = max([34, *(6 + 17 * (1 + name.count("<br>")) for name in names)])
    figure = panels(note, dark, [title for title, _, _ in metrics], columns=2, height=130 + row * len(runs))
    for column, (title, metric, interval) in enumerate(metrics, start=1):
        shown = runs if metric is auc else [run.called for run in runs]
        values = np.array([run.value(metric) for run in shown])
        bounds = np.array([run.interval(interval) for run in shown]).reshape(-1, 2)
        error = {"type": "data", "array": bounds[:, 1] - values, "arrayminus": values - bounds[:, 0], "thickness": 1.4}
        figure.add_scatter(
            x=values,
            y=names,
            mode="markers",
            marker={"size": 9, "color": [style(number)["color"] for number in range(len(runs))]},
            error_x={**error, "width": 4, "color": ground(dark).muted},
            customdata=[interval_words(pair, joined="–", reason="no interval") for pair in bounds.tolist()],
            hovertemplate=f"{title} %{{x:.3f}} (%{{customdata}})<extra></extra>",
            showlegend=False,
            row=1,
            col=column,
        )
        if any(probes):
            _draw_probes(figure, column, title, (metric, interval), [*zip(names, probes, strict=True)], dark)
    figure.add_vline(x=0.5, line={"color": ground(dark).muted, "dash": "dot", "width": 1}, row=1, col=1)
    figure.update_xaxes(nticks=4)
    figure.update_yaxes(type="category", autorange="reversed", automargin=True, showgrid=False)
    figure.update_yaxes(showticklabels=False, col=2)
    return figure


def _draw_probes(
    figure: Figure,
    column: int,
    title: str,
    measure: tuple[Callable[..., Any], Callable[..., Any]],
    rows: Sequence[tuple[str, Scored | None]],
    dark: bool,
) -> None:
    """Draw a vertical stroke at the metric of the probe in each run's row; the hover text gives its interval."""
    scored = [(name, probe if measure[0] is auc else probe.called) for name, probe in rows if probe]
    figure.add_scatter(
        x=[probe.value(measure[0]) for _, probe in scored],
        y=[name for name, _ in scored],
        mode="markers",
        marker={"symbol": "line-ns-open", "size": 16, "color": ground(dark).text, "line": {"width": 2}},
        customdata=[
            (interval_words(probe.interval(measure[1]), joined="–", reason="no interval"), np.size(probe.labels))
            for _, probe in scored
        ],
        hovertemplate=f"converged probe: {title} %{{x:.3f}} (%{{customdata[0]}}), n = %{{customdata[1]}}"
        "<extra></extra>",
        showlegend=False,
        row=1,
        col=column,
    )


def learning_curves(
    histories: Mapping[str, ArrayLike], note: str = "", dark: bool = False, runs: Sequence[Scored] = ()
) -> Figure:
    """Loss and accuracy of each run by epoch, train dotted and validation solid.

    A history is (epochs, 5): train loss, train accuracy, validation loss, validation accuracy, validation AUC,
    NaN after the run stopped. `runs` are the same runs scored on validation; their leakage marks the curves.
    """
    note, leaks = with_leaks(note, runs)
    marks = {run.name: leak for run, leak in zip(runs, leaks, strict=True)}
    figure = panels(note, dark, ["Loss", "Accuracy"], rows=2, height=470 + LINE * len(histories))
    for number, (name, history) in enumerate(histories.items()):
        values = np.asarray(history, dtype=float)
        for row, part, column in ((1, "train", 0), (2, "train", 1), (1, "validation", 2), (2, "validation", 3)):
            figure.add_scatter(
                x=np.arange(1, len(values) + 1),
                y=values[:, column],
                mode="lines",
                line={"color": style(number)["color"], "dash": "dot" if part == "train" else "solid", "width": 1.8},
                name=", ".join(filter(None, (name, marks.get(name)))),
                legendgroup=name,
                showlegend=(row, part) == (1, "validation"),
                hovertemplate=f"epoch %{{x}}, {part} %{{y:.3f}}<extra></extra>",
                row=row,
                col=1,
            )
    figure.update_xaxes(title_text="Epoch (dotted: train, solid: validation)", row=2, col=1)
    legend_below(figure, len(histories))
    return figure


def live_curves(
    heads: Sequence[str], histories: Sequence[Sequence[float | None]], note: str = "", dark: bool = False
) -> Figure:
    """Validation AUC of every head by epoch while a sweep runs; the five best so far have colours and names."""
    latest = [max((value for value in history if value is not None), default=-1.0) for history in histories]
    best = sorted(range(len(heads)), key=lambda head: -latest[head])[:5]
    figure = blank_figure(note, dark, height=360 + LINE * len(best))
    epochs, values = _joined([history for head, history in enumerate(histories) if head not in best])
    grey = {"color": ground(dark).muted, "width": 1}
    figure.add_scatter(x=epochs, y=values, mode="lines", line=grey, opacity=0.55, hoverinfo="skip", showlegend=False)
    for number, head in enumerate(best):
        figure.add_scatter(
            x=list(range(1, len(histories[head]) + 1)),
            y=list(histories[head]),
            mode="lines+markers" if len(histories[head]) < 2 else "lines",
            line={**style(number), "width": 2.2},
            name=f"{heads[head]} — {latest[head]:.3f}" if latest[head] >= 0 else heads[head],
            hovertemplate="epoch %{x}, AUC %{y:.3f}<extra></extra>",
        )
    figure.update_xaxes(title_text="Epoch", rangemode="tozero")
    figure.update_yaxes(title_text="Validation AUC")
    legend_below(figure, len(best))
    return figure


def score_histogram(run: Scored, note: str = "", dark: bool = False, threshold: float | None = None) -> Figure:
    """A histogram of a run's probabilities of malignancy by class, with a line at the logit `threshold`."""
    note, _ = with_leaks(note, [run])
    figure = blank_figure(note, dark, height=300)
    chances = probability(run.logits)
    for number, (label, colour) in enumerate(CLASSES.items()):
        name = run.classes.by_label[label]
        figure.add_histogram(
            x=chances[np.asarray(run.labels) == number],
            xbins={"start": 0, "end": 1.0001, "size": 0.05},
            name=capital(name),
            marker={"color": colour, "line": {"width": 0}},
            opacity=0.65,
            hovertemplate="%{y} " + name + " at %{x}<extra></extra>",
        )
    if threshold is not None:
        figure.add_vline(
            x=float(probability(threshold)), line={"color": ground(dark).text, "width": 1.4, "dash": "dash"}
        )
    figure.update_layout(barmode="overlay", bargap=0.06)
    dashed = "" if threshold is None else " (dashed: threshold)"
    figure.update_xaxes(title_text=f"Probability of {run.classes.quality}{dashed}", range=[0, 1])
    figure.update_yaxes(title_text=capital(run.unit))
    legend_below(figure, 1, "h")
    return figure


def _draw_reader(figure: Figure, reader: Scored, dark: bool) -> None:
    """Draw the reader's line; each mark has the lowest assessment that counts as malignant there.

    The marks of the two operating points, BI-RADS 4 with and without 0, are larger.
    """
    false_positive_rate, sensitivity, thresholds = roc_curve(reader.labels, reader.logits)
    scores, zeros = thresholds[1:], is_birads_zero(thresholds[1:])
    zero = float(scores[zeros][0]) if zeros.any() else None
    words = [f"BI-RADS {threshold_words(score, zero)}" for score in scores]
    operating = (scores == SUSPICIOUS) | (zeros & (scores > SUSPICIOUS - 1))
    marks = [_mark_words(score, *pair) for score, *pair in zip(scores, zeros, operating, strict=True)]
    colours = ground(dark)
    figure.add_scatter(
        x=false_positive_rate,
        y=sensitivity,
        mode="lines+markers",
        line={"color": colours.text, "dash": "dash", "width": 1.8},
        marker={
            "color": colours.text,
            "size": [0, *np.where(operating, 12, 8).tolist()],
            "symbol": "diamond",
            "opacity": 1,
        },
        cliponaxis=False,
        name=_reader_legend(reader),
        customdata=["", *words],
        hovertemplate="%{customdata}<br>1 − specificity %{x:.2f}<br>sensitivity %{y:.2f}<extra></extra>",
    )
    legible = _legible(false_positive_rate[1:], sensitivity[1:], operating)
    for x, y, mark, shown in zip(false_positive_rate[1:], sensitivity[1:], marks, legible, strict=True):
        if shown:
            _annotate(figure, float(x), float(y), mark, dark)


def _annotate(figure: Figure, x: float, y: float, words: str, dark: bool) -> None:
    """Write words beside a mark, inside the plot, on a background that hides the curves behind them."""
    side = {"xanchor": "right", "xshift": -9} if x > 0.85 else {"xanchor": "left", "xshift": 9}
    look = {"font": {"size": 11, "color": ground(dark).text}, "bgcolor": ground(dark).paper, "borderpad": 1}
    figure.add_annotation(x=x, y=y, text=words, showarrow=False, yanchor="top", yshift=-7, opacity=0.9, **side, **look)


def _mark_words(score: float, zero: bool, operating: bool) -> str:
    """The words at a mark: the assessment, or the operating point."""
    point = f"≥ {SUSPICIOUS:.0f}"
    return (f"{point} or 0" if zero else point) if operating else "0" if zero else f"{score:.0f}"


def _legible(x: NDArray[np.float64], y: NDArray[np.float64], first: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which of N marks at `x` and `y` get words, so that no two words overlap; those in `first` have precedence."""
    legible: list[int] = []
    for mark in sorted(range(len(x)), key=lambda mark: not first[mark]):
        if all(abs(x[mark] - x[near]) > 0.16 or abs(y[mark] - y[near]) > 0.05 for near in legible):
            legible.append(mark)
    return np.isin(np.arange(len(x)), legible)


def _reader_legend(reader: Scored) -> str:
    return _legend_words(reader, f"{reader.left_out} without BI-RADS left out" if reader.left_out else "")


def _legend_words(run: Scored, remark: str = "") -> str:
    """A run's name with its AUC, interval and number of images, in two lines where a phone would cut a single one."""
    reason = TOO_FEW if lack_of_patients(run.labels, run.patients) else ""
    area = value_words(run.value(auc), run.interval(auc_interval), ".2f", reason=reason)
    number = ", ".join(filter(None, (f"n = {np.size(run.labels)}", remark)))
    broken = len(run.name) > 26 or remark
    return f"{run.name}{'<br>' if broken else ' — '}AUC {area}, {number}"


def _joined(histories: Sequence[Sequence[float | None]]) -> tuple[list[float | None], list[float | None]]:
    """Many curves as one line with gaps, so that a thousand heads need a single trace."""
    epochs: list[float | None] = []
    values: list[float | None] = []
    for history in histories:
        epochs += [*range(1, len(history) + 1), None]
        values += [*history, None]
    return epochs, values
