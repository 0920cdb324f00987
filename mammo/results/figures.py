"""Plotly figures of what sweeps and data sets store; each takes a `note` to be drawn, such as "Synthetic data"."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mammo.results.intervals import accuracy_interval, auc_interval
from mammo.results.metrics import accuracy, auc, roc_curve
from mammo.results.palette import CLASSES, ground, style, template

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import ArrayLike
    from plotly.graph_objects import Figure

    from mammo.results.scores import Scored

LINE = 20
"""Height of a legend line in pixels."""


def roc_figure(runs: Sequence[Scored], note: str = "", dark: bool = False) -> Figure:
    """ROC curves over one another; the legend gives each run's AUC, its 95 % interval and the images scored."""
    told = [_told(run) for run in runs]
    lines = sum(1 + words.count("<br>") for words in told)
    figure = _figure(note, dark, height=470 + LINE * lines)
    chance = {"color": ground(dark).muted, "dash": "dot", "width": 1}
    figure.add_scatter(x=[0, 1], y=[0, 1], mode="lines", line=chance, hoverinfo="skip", showlegend=False)
    for number, run in enumerate(runs):
        false, found, _ = roc_curve(run.labels, run.logits, drop_intermediate=True)
        figure.add_scatter(
            x=false,
            y=found,
            mode="lines",
            line={**style(number), "width": 2.2},
            name=told[number],
            hovertemplate="1 − specificity %{x:.2f}<br>sensitivity %{y:.2f}<extra></extra>",
        )
    figure.update_xaxes(title_text="1 − specificity", range=[-0.01, 1.01], constrain="domain")
    figure.update_yaxes(title_text="Sensitivity", range=[-0.01, 1.01], scaleanchor="x", constrain="domain")
    _legend_below(figure, lines)
    return figure


def auc_accuracy_figure(runs: Sequence[Scored], note: str = "", dark: bool = False) -> Figure:
    """AUC and accuracy of each run as dots with 95 % intervals, runs from top to bottom as given."""
    panels = (("AUC", auc, auc_interval), ("Accuracy", accuracy, accuracy_interval))
    figure = _panels(note, dark, [title for title, _, _ in panels], columns=2, height=130 + 34 * len(runs))
    names = [_wrapped(run.name) for run in runs]
    for column, (title, metric, of) in enumerate(panels, start=1):
        values = np.array([run.value(metric) for run in runs])
        bounds = np.array([run.interval(of) for run in runs]).reshape(-1, 2)
        error = {"type": "data", "array": bounds[:, 1] - values, "arrayminus": values - bounds[:, 0], "thickness": 1.4}
        figure.add_scatter(
            x=values,
            y=names,
            mode="markers",
            marker={"size": 9, "color": [style(number)["color"] for number in range(len(runs))]},
            error_x={**error, "width": 4, "color": ground(dark).muted},
            customdata=bounds,
            hovertemplate=f"{title} %{{x:.3f}} (%{{customdata[0]:.3f}}–%{{customdata[1]:.3f}})<extra></extra>",
            showlegend=False,
            row=1,
            col=column,
        )
    figure.add_vline(x=0.5, line={"color": ground(dark).muted, "dash": "dot", "width": 1}, row=1, col=1)
    figure.update_xaxes(nticks=4)
    figure.update_yaxes(autorange="reversed", automargin=True, showgrid=False)
    figure.update_yaxes(showticklabels=False, col=2)
    return figure


def learning_curves(histories: Mapping[str, ArrayLike], note: str = "", dark: bool = False) -> Figure:
    """Loss and accuracy by epoch of each named run, train dotted and validation solid.

    A history is (epochs, 5): train loss, train accuracy, validation loss, validation accuracy, validation AUC,
    NaN after the run stopped.
    """
    figure = _panels(note, dark, ["Loss", "Accuracy"], rows=2, height=470 + LINE * len(histories))
    for number, (name, history) in enumerate(histories.items()):
        values = np.asarray(history, dtype=float)
        for row, part, column in ((1, "train", 0), (2, "train", 1), (1, "validation", 2), (2, "validation", 3)):
            figure.add_scatter(
                x=np.arange(1, len(values) + 1),
                y=values[:, column],
                mode="lines",
                line={"color": style(number)["color"], "dash": "dot" if part == "train" else "solid", "width": 1.8},
                name=name,
                legendgroup=name,
                showlegend=(row, part) == (1, "validation"),
                hovertemplate=f"epoch %{{x}}, {part} %{{y:.3f}}<extra></extra>",
                row=row,
                col=1,
            )
    figure.update_xaxes(title_text="Epoch (dotted: train, solid: validation)", row=2, col=1)
    _legend_below(figure, len(histories))
    return figure


def live_curves(
    heads: Sequence[str], histories: Sequence[Sequence[float | None]], note: str = "", dark: bool = False
) -> Figure:
    """Validation AUC of every head by epoch while a sweep runs; the five best so far stand out by name."""
    latest = [max((value for value in history if value is not None), default=-1.0) for history in histories]
    best = sorted(range(len(heads)), key=lambda head: -latest[head])[:5]
    figure = _figure(note, dark, height=360 + LINE * len(best))
    epochs, values = _joined([history for head, history in enumerate(histories) if head not in best])
    others = {"color": ground(dark).muted, "width": 1}
    figure.add_scatter(x=epochs, y=values, mode="lines", line=others, opacity=0.55, hoverinfo="skip", showlegend=False)
    for place, head in enumerate(best):
        figure.add_scatter(
            x=list(range(1, len(histories[head]) + 1)),
            y=list(histories[head]),
            mode="lines+markers" if len(histories[head]) < 2 else "lines",
            line={**style(place), "width": 2.2},
            name=f"{heads[head]} — {latest[head]:.3f}" if latest[head] >= 0 else heads[head],
            hovertemplate="epoch %{x}, AUC %{y:.3f}<extra></extra>",
        )
    figure.update_xaxes(title_text="Epoch", rangemode="tozero")
    figure.update_yaxes(title_text="Validation AUC")
    _legend_below(figure, len(best))
    return figure


def label_counts(images: pd.DataFrame, note: str = "", dark: bool = False) -> Figure:
    """Images by finding and label, from a table with `abnormality` and `label`."""
    figure = _figure(note, dark, height=300)
    findings = sorted(images["abnormality"].unique())
    words = {"calc": "Calcification", "mass": "Mass"}
    for label, colour in CLASSES.items():
        chosen = images.loc[images["label"] == label, "abnormality"]
        counts = [int((chosen == finding).sum()) for finding in findings]
        _bars(figure, [words.get(finding, finding) for finding in findings], counts, label, colour)
    figure.update_yaxes(title_text="Images", rangemode="tozero")
    _legend_below(figure, 1, "h")
    return figure


def patient_counts(images: pd.DataFrame, note: str = "", dark: bool = False) -> Figure:
    """Patients by the number of their images; malignant where any image is."""
    figure = _figure(note, dark, height=300)
    patients = images.groupby("patient")["label"].agg(
        number="size", malignant=lambda labels: (labels == "malignant").any()
    )
    numbers = sorted(patients["number"].unique())
    for label, colour in CLASSES.items():
        chosen = patients.loc[patients["malignant"] == (label == "malignant"), "number"]
        _bars(
            figure,
            [str(number) for number in numbers],
            [int((chosen == number).sum()) for number in numbers],
            label,
            colour,
        )
    figure.update_xaxes(title_text="Images of the patient", type="category")
    figure.update_yaxes(title_text="Patients", rangemode="tozero")
    _legend_below(figure, 1, "h")
    return figure


def score_histogram(run: Scored, note: str = "", dark: bool = False) -> Figure:
    """How a run's probabilities of malignancy spread over benign and malignant images."""
    figure = _figure(note, dark, height=300)
    probability = 1 / (1 + np.exp(-np.clip(np.asarray(run.logits, dtype=float), -500, 500)))
    for number, (label, colour) in enumerate(CLASSES.items()):
        figure.add_histogram(
            x=probability[np.asarray(run.labels) == number],
            xbins={"start": 0, "end": 1.0001, "size": 0.05},
            name=label.capitalize(),
            marker={"color": colour, "line": {"width": 0}},
            opacity=0.65,
            hovertemplate="%{y} " + label + " at %{x}<extra></extra>",
        )
    figure.update_layout(barmode="overlay", bargap=0.06)
    figure.update_xaxes(title_text="Probability of malignancy", range=[0, 1])
    figure.update_yaxes(title_text="Images")
    _legend_below(figure, 1, "h")
    return figure


def _figure(note: str, dark: bool, height: int) -> Figure:
    from plotly.graph_objects import Figure

    return _noted(Figure(), note, dark, height)


def _panels(note: str, dark: bool, titles: list[str], height: int, rows: int = 1, columns: int = 1) -> Figure:
    from plotly.subplots import make_subplots

    shared = {"shared_xaxes": rows > 1, "shared_yaxes": columns > 1}
    gaps = {"vertical_spacing": 0.08, "horizontal_spacing": 0.1}
    figure = make_subplots(rows=rows, cols=columns, **shared, **gaps)
    for number, title in enumerate(titles):
        if rows > 1:
            figure.update_yaxes(title_text=title, row=number + 1, col=1)
        else:
            figure.update_xaxes(title_text=title, row=1, col=number + 1)
    return _noted(figure, note, dark, height)


def _noted(figure: Figure, note: str, dark: bool, height: int) -> Figure:
    figure.update_layout(template=template(dark), height=height)
    if note:
        where = {"xref": "paper", "yref": "paper", "x": 1, "y": 1, "xanchor": "right", "yanchor": "bottom", "yshift": 6}
        figure.add_annotation(text=note, showarrow=False, font={"size": 12, "color": ground(dark).notice}, **where)
    return figure


def _legend_below(figure: Figure, entries: int, orientation: str = "v") -> None:
    """Put the legend under the horizontal axis, `entries` lines high."""
    place = {"yref": "container", "y": 0.0, "yanchor": "bottom", "tracegroupgap": 0, "font": {"size": 12}}
    figure.update_layout(margin_b=58 + LINE * entries, legend={"orientation": orientation, **place})


def _bars(figure: Figure, categories: list[str], counts: list[int], label: str, colour: str) -> None:
    figure.add_bar(
        x=categories,
        y=counts,
        name=label.capitalize(),
        marker={"color": colour, "line": {"width": 0}},
        text=counts,
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{y} " + label + "<extra></extra>",
    )


def _told(run: Scored) -> str:
    """A run's name with its AUC, interval and number of images, broken in two where a phone would cut it."""
    low, high = run.interval(auc_interval)
    figures = f"AUC {run.value(auc):.2f} ({low:.2f}–{high:.2f}), n = {np.size(run.labels)}"
    return f"{run.name}{'<br>' if len(run.name) > 26 else ' — '}{figures}"


def _joined(histories: Sequence[Sequence[float | None]]) -> tuple[list[float | None], list[float | None]]:
    """Many curves as one line with gaps: a thousand heads are then one trace."""
    epochs: list[float | None] = []
    values: list[float | None] = []
    for history in histories:
        epochs += [*range(1, len(history) + 1), None]
        values += [*history, None]
    return epochs, values


def _wrapped(name: str, width: int = 30) -> str:
    """Break a run's name at its separators so that it leaves room for the plot."""
    lines = [""]
    for piece in name.split(" · "):
        if lines[-1] and len(lines[-1]) + len(piece) > width:
            lines.append(piece)
        else:
            lines[-1] += f" · {piece}" if lines[-1] else piece
    return "<br>".join(lines)
