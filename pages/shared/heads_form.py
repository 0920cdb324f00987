"""Widgets that choose heads and splits: a form, or a grid written as TOML."""

import itertools

import streamlit as st

from mammo.data.labels import LABELS
from mammo.data.splits import SPLITS
from mammo.heads.grid import Grid, expand, read_grid
from mammo.heads.optimizers import OPTIMIZERS
from mammo.heads.pools import POOLS
from mammo.specs import PROBE, HeadSpec, SplitSpec
from pages.shared import choose
from pages.shared.tuning import choose_finetune

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


def choose_grid() -> Grid | None:
    """The grid that is typed in, None where heads come from the form."""
    st.subheader("Heads")
    if choose.switch("Describe them", ["form", "toml"], "grid", {"form": "In a form", "toml": "As TOML"}.get) == "form":
        return None
    text = st.text_area("Grid", EXAMPLE, key="toml", bind="query-params", height=190, help=TOML_SAID)
    return read_grid(text)


def choose_heads(grid: Grid | None) -> tuple[HeadSpec, ...]:
    """The heads of a grid, or of the form."""
    if grid:
        return grid.heads
    tuning = choose_finetune(RATES)
    left, right = st.columns(2)
    with left:
        axes: dict[str, list[object]] = {"pool": [*choose.entries("Pooling", POOLS, "pool")]}
        axes["optimizer"] = [*choose.entries("Optimiser", OPTIMIZERS, "optimizer")]
        axes["lr"] = [*choose.numbers("Learning rate", RATES, "lr", default=["1e-3", "1e-4"])]
    with right:
        said = "ReLU units between features and output; 0 is a linear head."
        units = choose.numbers("Hidden units", UNITS, "hidden", default=["0"], help=said)
        axes["hidden"] = [int(number) for number in units]
        axes["dropout"] = [*choose.numbers("Dropout", DROPOUTS, "dropout", default=["0"])]
        seeds = choose.number("Random starts of each head", 1, 20, 1, "seeds")
    axes["seed"] = [*range(seeds)]
    training = _training()
    probes = expand({"pool": axes["pool"], "optimizer": PROBE}) if _wants_probes() else ()
    return (*expand({**axes, **training, **tuning}), *probes)


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


def choose_splits(grid: Grid | None) -> tuple[SplitSpec, ...]:
    """The splits; what a grid says of them outweighs the widgets, which are then not shown."""
    st.subheader("Splits")
    said = grid or Grid({})
    with st.container(horizontal=True, vertical_alignment="bottom"):
        protocols = said.protocol or (choose.entry("Split", SPLITS, "protocol", width=260),)
        labels = said.labels or (choose.entry("Labels", LABELS, "labels", width=180),)
        seed, redraws = said.split_seed, said.redraws
        if seed is None:
            seed = choose.number("Seed of the test set", 0, 10_000, 0, "split_seed", width=180)
        if redraws is None:
            redraws = choose.number("Draws of train and validation", 1, 50, 1, "redraws", width=240)
    drawn = itertools.product(protocols, labels, range(max(redraws, 1)))
    return tuple(SplitSpec(protocol, seed, redraw, labels=policy) for protocol, policy, redraw in drawn)
