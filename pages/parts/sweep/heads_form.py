"""Widgets that choose heads and splits: a form, or a grid written as TOML."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from mammo.data.splits.labels import LABELS
from mammo.data.splits.protocols import SPLITS
from mammo.errors import MammoError
from mammo.heads.grid import MOST_REDRAWS, MOST_RUNS, Grid, check_values, count_heads, expand, refuse_many
from mammo.heads.grid_file import read_grid
from mammo.specs import PROBE, HeadSpec, SplitSpec, SweepSpec
from mammo.specs.head_spec import HEAD_AXES
from pages.parts.sweep.axis_field import ask_axis, is_one_number
from pages.shared.base import choose
from pages.shared.base.fields import Fields

EXAMPLE = """\
pool = ["flatten", "gap"]
optimizer = ["adam", "nadam"]
lr = [1e-3, 1e-4, 1e-5]
epochs = 50
patience = 10
redraws = 3
"""
TOML_SAID = (
    f"An axis a line: {', '.join(HEAD_AXES)}; beside them protocol, labels, split_seed and redraws. "
    "The same text is a file for `mammo sweep --grid`."
)


@dataclass(frozen=True)
class Choice:
    """What a form asks for, counted before it is multiplied out: axes of heads, probes beside them, and splits."""

    axes: Mapping[str, Any]
    probes: bool
    protocols: tuple[str, ...]
    labels: tuple[str, ...]
    split_seed: int
    redraws: int

    def runs(self, caches: int) -> int:
        """The number of runs on so many caches, at most: heads that come out alike are counted each."""
        heads = count_heads(self.axes) + (count_heads(self._probe_axes) if self.probes else 0)
        return caches * heads * len(self.protocols) * len(self.labels) * self.redraws

    def spec(self, dataset: str, caches: tuple[str, ...]) -> SweepSpec:
        """The sweep; raises MammoError where it is more than a visitor may ask for, or settings exclude each other."""
        if self.redraws > MOST_REDRAWS:
            raise MammoError(f"At most {MOST_REDRAWS} draws of train and validation can be asked for here.")
        refuse_many(self.runs(len(caches)), MOST_RUNS, "runs")
        drawn = itertools.product(self.protocols, self.labels, range(max(self.redraws, 1)))
        splits = [SplitSpec(protocol, self.split_seed, redraw, labels=labels) for protocol, labels, redraw in drawn]
        probes: tuple[HeadSpec, ...] = expand(self._probe_axes) if self.probes else ()
        return SweepSpec(dataset, caches, (*expand(self.axes), *probes), tuple(splits))

    @property
    def _probe_axes(self) -> dict[str, Any]:
        return {"pool": self.axes["pool"], "optimizer": PROBE}


def choose_sweep(fields: Fields) -> Choice:
    """The heads and splits of a grid that is typed in, or of the form; `fields` tells whether all of it can be used."""
    st.subheader("Heads")
    if (
        choose.switch("Describe them", ["form", "toml"], "grid", {"form": "In a form", "toml": "As TOML"}.__getitem__)
        == "form"
    ):
        axes, probes = _form(fields)
        return _with_splits(axes, probes, Grid({}))
    text = st.text_area("Grid", EXAMPLE, key="toml", bind="query-params", height=190, help=TOML_SAID)
    grid = fields.ask(lambda: _read(text)) or Grid({})
    return _with_splits(grid.axes, False, grid)


def _read(text: str) -> Grid:
    """A grid each of whose axes holds values that can train."""
    grid = read_grid(text)
    for name, values in grid.axes.items():
        check_values(name, values)
    return grid


def _form(fields: Fields) -> tuple[dict[str, Any], bool]:
    """The axes that the form holds, and whether converged probes stand beside them."""
    asked = {name: axis for name, axis in HEAD_AXES.items() if not axis.form.advanced}
    advanced = {name: axis for name, axis in HEAD_AXES.items() if axis.form.advanced}
    axes: dict[str, Any] = {}
    left, right = st.columns(2)
    numbers = st.container(horizontal=True)
    probes = _wants_probes()
    for name, axis in asked.items():
        with numbers if is_one_number(axis) else left if axis.choices else right:
            axes |= ask_axis(name, axis, axes, fields)
    with st.expander("More settings"):
        for name, axis in advanced.items():
            axes |= ask_axis(name, axis, axes, fields)
    return axes, probes


def _wants_probes() -> bool:
    said = "What a linear head comes to, solved instead of trained, at 17 strengths of regularisation: the yardstick."
    return choose.flag("A converged probe beside them", "probes", st.checkbox, help=said)


def _with_splits(axes: Mapping[str, Any], probes: bool, grid: Grid) -> Choice:
    """The splits beside the heads; what a grid says of them outweighs the widgets, which are then not shown."""
    st.subheader("Splits")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        protocols = grid.protocol or (choose.entry("Split", SPLITS, "protocol", width=260),)
        labels = grid.labels or (choose.entry("Labels", LABELS, "labels", width=180),)
        seed, redraws = grid.split_seed, grid.redraws
        if seed is None:
            seed = choose.number("Seed of the test set", 0, 10_000, 0, "split_seed", width=180)
        if redraws is None:
            redraws = choose.number("Draws of train and validation", 1, MOST_REDRAWS, 1, "redraws", width=240)
    return Choice(axes, probes, protocols, labels, seed, max(redraws, 1))
