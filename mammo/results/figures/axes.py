"""Figures of a sweep's axes: what matters, a response along one axis, and every run as a line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mammo.axes import AXES
from mammo.results.board.importance import Influence, response, validation_auc, varied
from mammo.results.figures.drawing import LINE, blank_figure, legend_below
from mammo.results.figures.palette import SERIES, ground, style
from mammo.results.interval_words import interval_words
from mammo.results.setting_words import label_of, setting_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plotly.graph_objects import Figure

    from mammo.runs.sweep import Sweep


def influence_figure(influences: Sequence[Influence], note: str = "", dark: bool = False) -> Figure:
    """The share of every axis as a bar with its interval; a tick marks what an axis without effect would have."""
    figure = blank_figure(note, dark, height=120 + 42 * len(influences))
    names = [AXES[one.axis].label for one in influences]
    shares = np.array([one.share for one in influences])
    bounds = np.array([one.interval for one in influences]).reshape(-1, 2)
    colours = ground(dark)
    figure.add_bar(
        x=shares,
        y=names,
        orientation="h",
        marker={"color": SERIES[0], "line": {"width": 0}},
        error_x={
            "type": "data",
            "array": np.maximum(bounds[:, 1] - shares, 0),
            "arrayminus": np.maximum(shares - bounds[:, 0], 0),
            "color": colours.faint,
            "thickness": 1.4,
            "width": 4,
        },
        customdata=[[interval_words(one.interval, ".0%", "–", "no interval"), one.values] for one in influences],
        hovertemplate="%{y}, %{customdata[1]} values: %{x:.0%} (%{customdata[0]})<extra></extra>",
        name="Share of the variance",
    )
    figure.add_scatter(
        x=[one.chance for one in influences],
        y=names,
        mode="markers",
        marker={"symbol": "line-ns", "size": 18, "line": {"width": 2, "color": colours.notice}},
        hovertemplate="an axis without effect: %{x:.0%}<extra></extra>",
        name="An axis without effect",
    )
    figure.update_xaxes(title_text="Share of the variance of validation AUC", tickformat=".0%", rangemode="tozero")
    figure.update_yaxes(autorange="reversed", showgrid=False, automargin=True)
    legend_below(figure, 1, "h")
    return figure


def response_figure(sweep: Sweep, axis: str, by: str | None = None, note: str = "", dark: bool = False) -> Figure:
    """Validation AUC along an axis, mean and standard deviation over runs, a line for each value of `by`."""
    table = response(sweep, axis, by)
    groups = list(table.groupby("by", sort=False))
    figure = blank_figure(note, dark, height=360 + LINE * len(groups))
    logarithmic = AXES[axis].logarithmic and (table["value"] > 0).all()
    numeric = pd.api.types.is_numeric_dtype(table["value"])
    for number, (name, rows) in enumerate(groups):
        figure.add_scatter(
            x=rows["value"] if numeric else [label_of(axis, value) for value in rows["value"]],
            y=rows["mean"],
            mode="lines+markers" if numeric else "markers",
            line={**style(number), "width": 2.2},
            marker={"size": 8},
            error_y={"type": "data", "array": rows["sd"].fillna(0), "thickness": 1.2, "width": 4},
            customdata=np.column_stack([rows["sd"], rows["runs"]]),
            hovertemplate="%{x}: %{y:.3f} ± %{customdata[0]:.3f}, %{customdata[1]} runs<extra></extra>",
            name=f"{label_of(by, name)} — {int(rows['runs'].sum())} runs" if by else "all runs",
            showlegend=bool(by),
        )
    kind: dict[str, Any] = {"type": "log", "tickvals": sorted(set(table["value"]))} if logarithmic else {}
    if logarithmic:
        kind["ticktext"] = [setting_text("lr", value) for value in kind["tickvals"]]
    figure.update_xaxes(title_text=AXES[axis].label, **kind)
    figure.update_yaxes(title_text="Validation AUC")
    legend_below(figure, len(groups) if by else 0)
    return figure


def parallel_figure(sweep: Sweep, note: str = "", dark: bool = False) -> Figure:
    """Every run as a line through its settings to its validation AUC; axes can be brushed and moved."""
    colours = ground(dark)
    areas = validation_auc(sweep)
    known = np.isfinite(areas)
    runs, areas = sweep.runs[known], areas[known]
    figure = blank_figure(note, dark, height=480)
    dimensions = [_dimension(name, runs[name]) for name in varied(runs)]
    figure.add_parcoords(
        dimensions=[*dimensions, {"label": "Validation AUC", "values": areas, "tickformat": ".2f"}],
        line={"color": areas, "colorscale": [[0, SERIES[0]], [1, SERIES[1]]], "showscale": False},
        labelangle=-28,
        labelfont={"size": 13, "color": colours.faint},
        tickfont={"size": 12, "color": colours.text, "shadow": _halo(colours.paper)},
        rangefont={"size": 11, "color": "rgba(0,0,0,0)"},
    )
    figure.update_layout(margin={"l": 110, "r": 56, "t": 112 + LINE * note.count("<br>"), "b": 24})
    for annotation in figure.layout.annotations:
        annotation.yshift = 86
    return figure


def _halo(colour: str) -> str:
    """A shadow all around letters, through which no line is seen."""
    return ", ".join(f"{x}px {y}px 2px {colour}" for x in (-3, 0, 3) for y in (-2, 0, 2))


def _told(name: str, value: Any) -> str:
    """A value of an axis: a learning rate as runs are named by it."""
    if AXES[name].logarithmic and value > 0:
        return setting_text("lr", value)
    return f"{value:g}" if isinstance(value, float) else label_of(name, value)


def _dimension(name: str, column: pd.Series) -> dict[str, Any]:
    """One axis of the parallel coordinates: its values evenly spaced in their order."""
    values = sorted(column.unique())
    told = [_told(name, value) for value in values]
    places = {value: place for place, value in enumerate(values)}
    return {
        "label": AXES[name].label,
        "values": column.map(places).to_numpy(),
        "tickvals": list(range(len(values))),
        "ticktext": told,
        "range": [-0.2, len(values) - 0.8],
    }
