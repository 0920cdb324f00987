"""The parts that all figures share: the frame with its note, the legend, bars, axes and names of runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mammo.results.figures.palette import ground, template
from mammo.specs.class_names import ClassNames, capital

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plotly.graph_objects import Figure

    from mammo.statistics.scored import Scored

LINE = 20
"""Height of a legend line in pixels."""


def blank_figure(note: str, dark: bool, height: int) -> Figure:
    """An empty figure of one panel."""
    from plotly.graph_objects import Figure

    return with_note(Figure(), note, dark, height)


def with_note(figure: Figure, note: str, dark: bool, height: int) -> Figure:
    """Set the template and the height in pixels of a figure; put the note, one or more lines, above its right end."""
    extra = LINE * note.count("<br>")
    figure.update_layout(template=template(dark), height=height + extra, margin={"t": 36 + extra, "r": 16})
    if note:
        corner = {
            "xref": "paper",
            "yref": "paper",
            "x": 1,
            "y": 1,
            "xanchor": "right",
            "yanchor": "bottom",
            "yshift": 6,
        }
        font = {"size": 12, "color": ground(dark).notice}
        figure.add_annotation(text=note, showarrow=False, align="right", font=font, **corner)
    return figure


def legend_below(figure: Figure, entries: int, orientation: str = "v") -> None:
    """Put the legend under the horizontal axis, with room for `entries` lines."""
    options = {"yref": "container", "y": 0.0, "yanchor": "bottom", "tracegroupgap": 0, "font": {"size": 12}}
    figure.update_layout(margin_b=58 + LINE * entries, legend={"orientation": orientation, **options})


def roc_axes(figure: Figure, runs: Sequence[Scored]) -> None:
    """Set the axes of a ROC curve; classes other than benign and malignant are written beside the titles."""
    names = {run.classes for run in runs}
    (classes,) = names if len(names) == 1 else (ClassNames(),)
    false_positive, true_positive = (
        ("", "") if classes.plain else (f" ({classes.negative} called {classes.positive})", f" ({classes.positive})")
    )
    figure.update_xaxes(title_text=f"1 − specificity{false_positive}", range=[-0.01, 1.01], constrain="domain")
    figure.update_yaxes(
        title_text=f"Sensitivity{true_positive}", range=[-0.01, 1.01], scaleanchor="x", constrain="domain"
    )


def bars(figure: Figure, categories: list[str], counts: list[int], label: str, colour: str) -> None:
    """One colour of upright bars with their counts above."""
    figure.add_bar(
        x=categories,
        y=counts,
        name=capital(label),
        marker={"color": colour, "line": {"width": 0}},
        text=counts,
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{y} " + label + "<extra></extra>",
    )


def panels(note: str, dark: bool, titles: list[str], height: int, rows: int = 1, columns: int = 1) -> Figure:
    """An empty figure of several panels, in rows or columns, each with its title on its own axis."""
    from plotly.subplots import make_subplots

    shared = {"shared_xaxes": rows > 1, "shared_yaxes": columns > 1}
    gaps = {"vertical_spacing": 0.08, "horizontal_spacing": 0.1}
    figure = make_subplots(rows=rows, cols=columns, **shared, **gaps)
    for number, title in enumerate(titles):
        if rows > 1:
            figure.update_yaxes(title_text=title, row=number + 1, col=1)
        else:
            figure.update_xaxes(title_text=title, row=1, col=number + 1)
    return with_note(figure, note, dark, height)


def with_leaks(note: str, runs: Sequence[Scored]) -> tuple[str, list[str]]:
    """The note with lines on leakage, and a mark of leakage for each run's name.

    Where all runs have the same leak, it is in the note and the marks are empty; else each run that leaks is marked.
    """
    leaks = [run.leak for run in runs]
    shared = len(set(leaks)) <= 1
    sentences = (
        [*(leaks[0] if leaks else ())]
        if shared
        else [f"leaked: {runs[0].unit} whose patient, or what may be a near-duplicate, is in train"]
    )
    marks = [f"{max(run.leaked, run.repeated)} leaked" if run.leak and not shared else "" for run in runs]
    return "<br>".join(filter(None, (note, *sentences))), marks


def wrapped(name: str, width: int = 30) -> str:
    """Break a run's name at its separators into lines of similar length, so that it leaves room for the plot."""
    pieces = name.split(" · ")
    fewest = len(_lines(pieces, width))
    narrowest = next(limit for limit in range(1, width + 1) if len(_lines(pieces, limit)) == fewest)
    return " ·<br>".join(_lines(pieces, narrowest))


def _lines(pieces: Sequence[str], width: int) -> list[str]:
    """The pieces joined into lines of about `width` characters."""
    lines = [pieces[0]]
    for piece in pieces[1:]:
        if len(lines[-1]) + len(piece) > width:
            lines.append(piece)
        else:
            lines[-1] += f" · {piece}"
    return lines
