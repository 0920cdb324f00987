"""The Plotly figure of converged probes: validation AUC and losses by the strength of regularisation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mammo.results.figures.drawing import LINE, legend_below, panels, with_leaks
from mammo.results.figures.palette import style
from mammo.results.probes import path_of
from mammo.statistics.metrics import auc

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plotly.graph_objects import Figure

    from mammo.runs.stored_run import StoredRun

LINES = ((1, "validation_auc", "solid"), (2, "train_loss", "dot"), (2, "validation_loss", "solid"))
"""The panel, figure and dash of each line."""


def path_figure(probes: Mapping[str, StoredRun], note: str = "", dark: bool = False) -> Figure:
    """Validation AUC and losses of each probe along its regularisation path; a dot marks the chosen strength."""
    validated = [probe.scored("validation", name) for name, probe in probes.items()]
    note, leaks = with_leaks(note, validated)
    figure = panels(note, dark, ["Validation AUC", "Loss"], rows=2, height=440 + LINE * len(probes))
    for number, (scored, probe, leak) in enumerate(zip(validated, probes.values(), leaks, strict=True)):
        path, colour = path_of(probe), style(number)["color"]
        strengths = [step["C"] for step in path]
        for row, column, dash in LINES:
            figure.add_scatter(
                x=strengths,
                y=[step[column] for step in path],
                mode="lines",
                line={"color": colour, "dash": dash, "width": 1.8},
                name=", ".join(filter(None, (f"{scored.name}, n = {np.size(scored.labels)}", leak))),
                legendgroup=scored.name,
                showlegend=row == 1,
                hovertemplate=f"C %{{x:.3g}}, {column.replace('_', ' ')} %{{y:.3f}}<extra></extra>",
                row=row,
                col=1,
            )
        figure.add_scatter(
            x=[probe.settings["strength"]],
            y=[scored.value(auc)],
            mode="markers",
            marker={"size": 9, "color": colour},
            legendgroup=scored.name,
            showlegend=False,
            hovertemplate="chosen: C %{x:.3g}, AUC %{y:.3f}<extra></extra>",
            row=1,
            col=1,
        )
    figure.update_xaxes(type="log", exponentformat="power", dtick=1)
    figure.update_xaxes(title_text="C (dotted: train, solid: validation)", row=2, col=1)
    legend_below(figure, len(probes))
    return figure
