"""Plotly figures of differences between runs, of settings with their spread, and of selection bias ("luck")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mammo.results.comparison import PRIMARY, TESTS, p_words
from mammo.results.figures.drawing import LINE, blank_figure, legend_below, wrapped
from mammo.results.figures.palette import SERIES, ground
from mammo.results.interval_words import interval_words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import ArrayLike
    from plotly.graph_objects import Figure

    from mammo.results.comparison import Difference, PairedResult

HEADS = 2000
"""The most heads that get a dot each; of more heads as many quantiles are drawn."""


def differences_figure(
    pairs: Sequence[Difference], names: Sequence[str], note: str = "", dark: bool = False, test: str = PRIMARY
) -> Figure:
    """The difference in AUC of every pair with its 95 % interval by one of `TESTS`; a dotted line marks 0."""
    labels = [f"{wrapped(names[pair.first])}<br>less {wrapped(names[pair.second])}" for pair in pairs]
    figure = blank_figure(note, dark, height=150 + _height_of_rows(labels))
    values, rows = np.array([pair.value for pair in pairs]), np.arange(len(pairs), dtype=float)
    tests = [pair.result(test) for pair in pairs]
    bounds = np.array([tested.interval for tested in tests]).reshape(-1, 2)
    figure.add_scatter(
        x=values,
        y=rows,
        mode="markers",
        name=f"{TESTS[test].label}, 95 % interval",
        marker={"size": 9, "color": SERIES[0]},
        error_x=_bars(values, bounds, SERIES[0]),
        customdata=[_hover_words(pair, tested) for pair, tested in zip(pairs, tests, strict=True)],
        hovertemplate="%{x:+.3f} (%{customdata[0]})<br>p %{customdata[1]}, corrected %{customdata[2]}<extra></extra>",
    )
    figure.add_vline(x=0, line={"color": ground(dark).muted, "dash": "dot", "width": 1})
    figure.update_xaxes(title_text="Difference in AUC", nticks=6)
    _label_rows(figure, labels)
    legend_below(figure, 1, "h")
    return figure


def _hover_words(pair: Difference, tested: PairedResult) -> list[str]:
    bounds = interval_words(tested.interval, "+.3f", reason=pair.reason)
    return [bounds, p_words(tested.p_value), p_words(tested.corrected)]


def settings_figure(
    settings: pd.DataFrame, runs: pd.DataFrame, names: Sequence[str], note: str = "", dark: bool = False
) -> Figure:
    """Validation and test AUC of settings, as `by_setting` returns them: a dot for each of `runs`, mean ± deviation."""
    labels = [
        f"{wrapped(name)}<br>{_count_words(row)}" for name, row in zip(names, settings.to_dict("records"), strict=True)
    ]
    figure = blank_figure(note, dark, height=150 + _height_of_rows(labels))
    single = (settings["count"] == 1).to_numpy()
    spread = "" if single.all() else ", mean ± standard deviation"
    row_of = {run: row for row, members in enumerate(settings["runs"]) for run in members}
    shown = runs[runs["run"].isin(list(row_of))]
    rows = shown["run"].map(row_of).to_numpy(dtype=float)
    for number, part in enumerate(("validation", "test")):
        shift, colour = (-0.14, 0.14)[number], SERIES[number]
        figure.add_scatter(
            x=shown[f"{part}_auc"],
            y=rows + shift,
            mode="markers",
            marker={"size": 5, "color": colour, "opacity": 0.45},
            customdata=shown["run"],
            hovertemplate=f"%{{customdata}}<br>{part} AUC %{{x:.3f}}<extra></extra>",
            showlegend=False,
        )
        means, deviations = settings[f"{part}_auc_mean"], settings[f"{part}_auc_sd"]
        below, above = np.minimum(deviations, means), np.minimum(deviations, 1 - means)  # bars end where AUCs do
        figure.add_scatter(
            x=means,
            y=np.arange(len(settings)) + shift,
            mode="markers",
            name=f"{part.capitalize()}{spread}",
            marker={"size": 10, "color": colour, "symbol": "line-ns", "line": {"width": 3, "color": colour}},
            error_x={
                "type": "data",
                "array": above,
                "arrayminus": below,
                "thickness": 1.8,
                "width": 5,
                "color": colour,
            },
            customdata=_deviation_words(settings, part),
            hovertemplate="%{x:.3f} %{customdata}<extra></extra>",
        )
    figure.update_xaxes(title_text="AUC", nticks=6)
    _label_rows(figure, labels)
    legend_below(figure, 2)
    return figure


def luck_figure(meter: Mapping[str, Any], heads: ArrayLike, note: str = "", dark: bool = False) -> Figure:
    """The selection bias of a leaderboard, a row of `leaderboard.bias_rows`, below the validation AUC of all `heads`.

    The band holds the best of as many equally good heads in nine cases of ten.
    """
    figure = blank_figure(note, dark, height=260 + LINE * 4)
    colours, mean = ground(dark), meter["mean_validation_auc"]
    band = {"x0": mean + meter["margin_least"], "x1": mean + meter["margin_limit"], "y0": 0.5, "y1": 3.5}
    figure.add_shape(type="rect", **band, fillcolor=SERIES[4], opacity=0.16, line_width=0, layer="below")
    values = np.asarray(heads, dtype=float)
    shown = np.quantile(values, np.linspace(0, 1, HEADS)) if values.size > HEADS else values
    spread = np.random.default_rng(0).uniform(-0.22, 0.22, shown.size)
    _mark(figure, shown, 3 + spread, f"Validation AUC of {meter['heads']:,} heads", colours.muted, size=5, opacity=0.5)
    best, stroke = np.array([mean + meter["expected_margin"]]), {"symbol": "line-ns", "line_width": 3}
    _mark(figure, best, [2], "Best of as many equally good heads", SERIES[4], **stroke)
    for name, row, colour, symbol in (("validation", 2, SERIES[0], "diamond"), ("test", 1, SERIES[1], "circle")):
        value, bounds = (
            np.array([meter[f"{name}_auc"]], dtype=float),
            np.array([meter[f"{name}_auc_interval"]], dtype=float),
        )
        words = f"The winner on {name}, n = {meter[f'n_{name}']}"
        _mark(figure, value, [row], words, colour, symbol=symbol)
        figure.update_traces(error_x=_bars(value, bounds, colour), selector={"name": words})
    figure.add_vline(x=mean, line={"color": colours.muted, "dash": "dot", "width": 1})
    rows = ["On test", "The best", "All heads"]
    figure.update_yaxes(tickvals=[1, 2, 3], ticktext=rows, range=[0.5, 3.5], automargin=True, showgrid=False)
    figure.update_xaxes(title_text="AUC (dotted: mean of all heads)", nticks=6)
    legend_below(figure, 4)
    return figure


def _mark(figure: Figure, x: ArrayLike, y: ArrayLike, name: str, colour: str, **look: Any) -> None:
    marker = {"size": 11, "color": colour, "line_color": colour, **look}
    figure.add_scatter(x=x, y=y, mode="markers", name=name, marker=marker, hovertemplate="%{x:.3f}<extra></extra>")


def _bars(values: ArrayLike, bounds: ArrayLike, colour: str) -> dict[str, Any]:
    """Plotly's error bars that reach from `values` (N,) to the ends of intervals `bounds` (N, 2)."""
    middle, ends = np.asarray(values, dtype=float), np.asarray(bounds, dtype=float)
    sides = {"array": np.maximum(ends[:, 1] - middle, 0), "arrayminus": np.maximum(middle - ends[:, 0], 0)}
    return {"type": "data", **sides, "thickness": 1.4, "width": 4, "color": colour}


def _height_of_rows(names: Sequence[str]) -> int:
    """The height in pixels of rows with these names."""
    return sum(max(46, 18 * (1 + name.count("<br>"))) for name in names)


def _label_rows(figure: Figure, names: Sequence[str]) -> None:
    rows = np.arange(len(names))
    figure.update_yaxes(tickvals=rows, ticktext=names, range=[len(names) - 0.5, -0.5], automargin=True, showgrid=False)


def _count_words(row: Mapping[Any, Any]) -> str:
    fewest, most = row["n_test"]
    images = f"{fewest}" if fewest == most else f"{fewest} to {most}"
    runs = f"{row['count']} runs" if row["count"] > 1 else "1 run, no spread"
    return f"{runs}, n = {images}"


def _deviation_words(settings: pd.DataFrame, part: str) -> list[str]:
    """The text behind each mean: its standard deviation and the number of runs, or that one run has no spread."""
    pairs = zip(settings[f"{part}_auc_sd"], settings["count"], strict=True)
    return [f"± {deviation:.3f}, {count} runs" if count > 1 else "of one run: no spread" for deviation, count in pairs]
