"""Figures of the report: ROC over several draws, AUC by augmented draws, and every row with the report's value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mammo.results.figures.drawing import LINE, blank_figure, legend_below
from mammo.results.figures.palette import SERIES, ground, style
from mammo.results.interval_words import interval_words
from mammo.results.report.comparison import PARTS, PROTOCOLS, UNDER
from mammo.statistics.curves import roc_curve
from mammo.statistics.metrics import auc

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plotly.graph_objects import Figure

    from mammo.results.report.comparison import Report, ReportComparison
    from mammo.statistics.scored import Scored

GRID = np.linspace(0, 1, 201)
"""The false-positive rates at which curves are averaged."""
COLOURS = dict(zip(PROTOCOLS, SERIES, strict=False))


def splits_figure(runs: Sequence[Scored], note: str = "", dark: bool = False) -> Figure:
    """The ROC curves of one head trained on several draws, their mean, and one standard deviation around it.

    Sensitivities are averaged at equal false-positive rates (vertical averaging; Fawcett, Pattern Recognition Letters
    27 (2006)).
    """
    curves = np.stack([_sensitivity(run) for run in runs])
    mean, spread = curves.mean(axis=0), curves.std(axis=0, ddof=1) if len(runs) > 1 else np.zeros(len(GRID))
    aucs = np.array([run.value(auc) for run in runs])
    figure = blank_figure(note, dark, height=460 + LINE * (len(runs) + 1))
    colours = ground(dark)
    chance = {"color": colours.muted, "dash": "dot", "width": 1}
    figure.add_scatter(x=[0, 1], y=[0, 1], mode="lines", line=chance, hoverinfo="skip", showlegend=False)
    band = np.concatenate([np.minimum(mean + spread, 1), np.maximum(mean - spread, 0)[::-1]])
    figure.add_scatter(
        x=np.concatenate([GRID, GRID[::-1]]), y=band, fill="toself", fillcolor=colours.text, opacity=0.13, line_width=0,
        mode="lines", hoverinfo="skip", showlegend=False,
    )  # fmt: skip
    for number, (run, value) in enumerate(zip(runs, aucs, strict=True)):
        false_positive_rate, sensitivity, _ = roc_curve(run.labels, run.logits, drop_intermediate=True)
        line = {"color": SERIES[number % len(SERIES)], "width": 1.2}
        figure.add_scatter(
            x=false_positive_rate, y=sensitivity, mode="lines", line=line, name=f"{run.name} — AUC {value:.3f}"
        )
    label = f"Mean of {len(runs)} draws — AUC {aucs.mean():.3f}"
    label += f" ± {aucs.std(ddof=1):.3f}" if len(runs) > 1 else ""
    name = f"{label}, n = {np.size(runs[0].labels)}"
    figure.add_scatter(x=GRID, y=mean, mode="lines", line={"color": colours.text, "width": 3}, name=name)
    figure.update_traces(hovertemplate="1 − specificity %{x:.2f}<br>sensitivity %{y:.2f}<extra></extra>")
    figure.update_xaxes(title_text="1 − specificity", range=[-0.01, 1.01], constrain="domain")
    figure.update_yaxes(title_text="Sensitivity", range=[-0.01, 1.01], scaleanchor="x", constrain="domain")
    legend_below(figure, len(runs) + 1)
    return figure


def _sensitivity(run: Scored) -> np.ndarray:
    """The sensitivity at each rate of `GRID`; where the curve is vertical, the highest there."""
    false_positive_rate, sensitivity, _ = roc_curve(run.labels, run.logits)
    highest = np.searchsorted(false_positive_rate, GRID, side="right") - 1
    following = np.minimum(highest + 1, len(false_positive_rate) - 1)
    width = false_positive_rate[following] - false_positive_rate[highest]
    share = np.divide(GRID - false_positive_rate[highest], width, out=np.zeros(len(GRID)), where=width > 0)
    return np.asarray(sensitivity[highest] + share * (sensitivity[following] - sensitivity[highest]))


def draws_figure(report: Report, protocol: str, note: str = "", dark: bool = False) -> Figure:
    """AUC of the augmented row by the number of augmented draws of an image: mean and deviation over the splits."""
    counts = [number for number, outcomes in sorted(report.by_draws.items()) if protocol in outcomes]
    trained = [report.by_draws[number][protocol] for number in counts]
    figure = blank_figure(note, dark, height=400)
    for index, part in enumerate(PARTS):
        spreads = [outcome.spread[part]["auc"] for outcome in trained]
        figure.add_scatter(
            x=counts,
            y=[spread.mean for spread in spreads],
            error_y={"type": "data", "array": [spread.sd or 0.0 for spread in spreads], "thickness": 1.3, "width": 3},
            mode="lines+markers",
            line={**style(index), "width": 2},
            name=f"{part.capitalize()}, n = {trained[0].first[part].n}" if trained else part,
            hovertemplate="%{x} draws: AUC %{y:.3f} ± %{error_y.array:.3f}<extra></extra>",
        )
    figure.update_xaxes(title_text="Augmented versions of an image (0: none)", tickvals=counts)
    figure.update_yaxes(title_text=f"Mean AUC ± sd over {report.spec.splits} draws")
    legend_below(figure, 1, "h")
    return figure


def rows_figure(rows: Sequence[ReportComparison], note: str = "", dark: bool = False) -> Figure:
    """Validation AUC of the rows of one table: the report's, and ours by protocol with 95 % intervals."""
    figure = blank_figure(note, dark, height=150 + 46 * len(rows) + LINE * 4)
    labels = [comparison.row.label for comparison in rows]
    protocols = [name for name in PROTOCOLS if any(name in comparison.outcomes for comparison in rows)]
    for index, name in enumerate(protocols):
        trained = [(number, row.outcomes[name]) for number, row in enumerate(rows) if name in row.outcomes]
        metrics = [(number, outcome.first["validation"]) for number, outcome in trained]
        values = np.array([validation.auc for _, validation in metrics])
        bounds = np.array([validation.auc_interval for _, validation in metrics])
        figure.add_scatter(
            x=values,
            y=[number + 0.2 * (index - 0.5 * (len(protocols) - 1)) + 0.1 for number, _ in metrics],
            mode="markers",
            name=UNDER[name],
            marker={"size": 8, "color": COLOURS[name]},
            error_x={"type": "data", "array": bounds[:, 1] - values, "arrayminus": values - bounds[:, 0],
                     "thickness": 1.3, "width": 3, "color": COLOURS[name]},
            customdata=[
                [labels[number], interval_words(shown.auc_interval, joined="–", reason="no interval"), shown.n]
                for number, shown in metrics
            ],
            hovertemplate="%{customdata[0]}<br>AUC %{x:.3f} (%{customdata[1]}), n = %{customdata[2]}<extra></extra>",
        )  # fmt: skip
    reported = [(number, comparison.row) for number, comparison in enumerate(rows) if comparison.row.auc is not None]
    figure.add_scatter(
        x=[row.auc for _, row in reported],
        y=[number - 0.3 for number, _ in reported],
        mode="markers",
        name="The report",
        marker={"size": 10, "symbol": "diamond-open", "color": ground(dark).text, "line": {"width": 1.6}},
        hovertemplate="The report: AUC %{x:.4f}<extra></extra>",
    )
    figure.add_vline(x=0.5, line={"color": ground(dark).muted, "dash": "dot", "width": 1})
    figure.update_xaxes(title_text="Validation AUC")
    ticks = {"tickvals": list(range(len(rows))), "ticktext": labels}
    figure.update_yaxes(**ticks, range=[len(rows) - 0.5, -0.6], automargin=True, showgrid=False, ticks="")
    legend_below(figure, len(protocols) + 1)
    return figure
