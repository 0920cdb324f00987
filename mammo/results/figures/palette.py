"""The colours of the project, and the Plotly template that uses them.

Series colours follow Okabe and Ito's palette for colour-blind readers ("Color Universal Design", 2008), with
their lightness changed so that each has a contrast of at least 3 to 1 with the light and with the dark background.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from plotly.graph_objs.layout import Template

SERIES = ("#2b86c5", "#d55e00", "#00926a", "#b8619b", "#a87b00", "#7a72d0", "#0f8f9c")
DASHES = ("solid", "dash", "dot", "dashdot")
BENIGN, MALIGNANT = SERIES[0], SERIES[1]
CLASSES = {"benign": BENIGN, "malignant": MALIGNANT}


@dataclass(frozen=True)
class Ground:
    """The colours that change between the light and the dark theme."""

    paper: str
    text: str
    faint: str
    grid: str
    muted: str
    notice: str


LIGHT = Ground("#fbfaf8", "#22282d", "#5d666d", "#e4e1db", "#a9adb0", "#8a5a00")
DARK = Ground("#0d1114", "#e2e6e8", "#9aa5ac", "#252c31", "#566069", "#e0a63a")
FONT = '"Source Sans", "Source Sans Pro", "Helvetica Neue", Arial, sans-serif'


def ground(dark: bool) -> Ground:
    """The colours of the dark or the light theme."""
    return DARK if dark else LIGHT


def style(number: int) -> dict[str, str]:
    """Colour and dash of line `number`, from 0: lines beyond the palette repeat the colours with another dash."""
    return {"color": SERIES[number % len(SERIES)], "dash": DASHES[number // len(SERIES) % len(DASHES)]}


@cache
def template(dark: bool) -> Template:
    """The Plotly template of the project, for a dark or a light background."""
    from plotly.graph_objs.layout import Template

    colours = ground(dark)
    axis = {
        "gridcolor": colours.grid,
        "linecolor": colours.muted,
        "tickcolor": colours.muted,
        "zeroline": False,
        "showline": True,
        "ticks": "outside",
        "ticklen": 4,
        "title": {"standoff": 8, "font": {"size": 13, "color": colours.faint}},
    }
    return Template(
        layout={
            "colorway": list(SERIES),
            "font": {"family": FONT, "size": 13, "color": colours.text},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "margin": {"l": 56, "r": 16, "t": 36, "b": 48},
            "hoverlabel": {"bgcolor": colours.paper, "bordercolor": colours.muted, "font": {"color": colours.text}},
            "legend": {
                "orientation": "h",
                "x": 0,
                "xanchor": "left",
                "y": -0.18,
                "yanchor": "top",
                "title": {"text": ""},
            },
            "xaxis": axis,
            "yaxis": axis,
            "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": colours.muted, "activecolor": colours.text},
        }
    )
