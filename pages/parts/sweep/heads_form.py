"""Widgets that choose heads and splits: a form, or a grid written as TOML."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import streamlit as st

from mammo.data.splits.labels import LABELS
from mammo.data.splits.protocols import SPLITS
from mammo.errors import MammoError, brief
from mammo.heads.grid import MOST_REDRAWS, MOST_RUNS, Grid, check_values, count_heads, expand, refuse_many
from mammo.heads.grid_file import read_grid
from mammo.heads.optimizers import OPTIMIZERS
from mammo.heads.pools import POOLS
from mammo.specs import PROBE, HeadSpec, SplitSpec, SweepSpec
from pages.parts.sweep.tuning import choose_finetune
from pages.shared.base import choose
from pages.shared.base.fields import Fields

RATES = ["1e-2", "3e-3", "1e-3", "3e-4", "1e-4", "3e-5", "1e-5"]
UNITS = ["0", "32", "64", "128", "256"]
DROPOUTS = ["0", "0.25", "0.5"]
EXAMPLE = """\
pool = ["flatten", "gap"]
optimizer = ["adam", "nadam"]
lr = [1e-3, 1e-4, 1e-5]
epochs = 50
patience = 10
redraws = 3
"""
TOML_SAID = (
    "An axis a line: pool, hidden, dropout, optimizer, lr, batch, epochs, patience, seed, finetune, tail_lr; "
    "beside them protocol, labels, split_seed and redraws. The same text is a file for `mammo sweep --grid`."
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
        check_values(name, values, **({"finetune": "last-layer"} if name == "tail_lr" else {}))
    return grid


def _form(fields: Fields) -> tuple[dict[str, Any], bool]:
    """The axes that the form holds, and whether converged probes stand beside them."""
    tuning = choose_finetune(RATES, fields)
    axes: dict[str, Any] = {}
    left, right = st.columns(2)

    def ask(name: str, asked: Any) -> None:
        axes[name] = fields.axis(asked, partial(check_values, name))

    with left:
        ask("pool", lambda: [*choose.entries("Pooling", POOLS, "pool")])
        ask("optimizer", lambda: [*choose.entries("Optimiser", OPTIMIZERS, "optimizer")])
        ask("lr", lambda: [*choose.numbers("Learning rate", RATES, "lr", default=["1e-3", "1e-4"])])
    with right:
        ask("hidden", _units)
        ask("dropout", lambda: [*choose.numbers("Dropout", DROPOUTS, "dropout", default=["0"])])
        seeds = choose.number("Random starts of each head", 1, 20, 1, "seeds")
    axes |= {"seed": [*range(seeds)], **_training(), **tuning}
    return axes, _wants_probes()


def _units() -> list[object]:
    said = "ReLU units between features and output; 0 is a linear head."
    numbers = choose.numbers("Hidden units", UNITS, "hidden", default=["0"], help=said)
    if broken := [number for number in numbers if not number.is_integer()]:
        raise MammoError(f"“Hidden units” takes whole numbers such as 64, not {brief(broken[0])}.")
    return [int(number) for number in numbers]


def _wants_probes() -> bool:
    said = "What a linear head comes to, solved instead of trained, at 17 strengths of regularisation: the yardstick."
    return choose.flag("A converged probe beside them", "probes", st.checkbox, help=said)


def _training() -> dict[str, list[int]]:
    with st.container(horizontal=True):
        epochs = choose.number("Epochs", 1, 1000, 30, "epochs", width=150)
        batch = choose.number("Images a batch", 1, 1024, 32, "batch", width=150)
        said = "Stop after so many epochs without a better validation AUC, and keep the best; 0 trains all epochs."
        patience = choose.number("Patience", 0, 1000, 10, "patience", help=said, width=150)
    return {"epochs": [epochs], "batch": [batch], "patience": [patience]}


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
