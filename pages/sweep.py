"""Sweep: many heads on extracted features, watched while they train."""

import streamlit as st

from mammo.data.dataset import Dataset
from mammo.data.labels import LABELS
from mammo.data.splits import SPLITS
from mammo.heads.grid import expand
from mammo.heads.optimizers import OPTIMIZERS
from mammo.heads.pools import POOLS
from mammo.specs import HeadSpec, Home, SplitSpec, SweepSpec
from pages.shared import choose, instant, offer, show, work
from pages.shared.places import nothing_yet
from pages.shared.tuning import choose_caches, choose_finetune

RATES = ["1e-2", "3e-3", "1e-3", "3e-4", "1e-4", "3e-5", "1e-5"]
UNITS = ["0", "32", "64", "128", "256"]
DROPOUTS = ["0", "0.25", "0.5"]


def choose_heads(tuning: dict[str, list[object]]) -> tuple[HeadSpec, ...]:
    st.subheader("Heads")
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
    return expand({**axes, **choose_training(), **tuning})


def choose_training() -> dict[str, list[int]]:
    with st.container(horizontal=True):
        epochs = choose.number("Epochs", 1, 1000, 30, "epochs", width=180)
        batch = choose.number("Images a batch", 1, 1024, 32, "batch", width=180)
        said = "Stop after so many epochs without a better validation AUC, and keep the best; 0 trains all epochs."
        patience = choose.number("Patience", 0, 1000, 10, "patience", help=said, width=180)
    return {"epochs": [epochs], "batch": [batch], "patience": [patience]}


def choose_splits() -> tuple[SplitSpec, ...]:
    st.subheader("Splits")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        protocol = choose.entry("Split", SPLITS, "protocol", width=260)
        labels = choose.entry("Labels", LABELS, "labels", width=180)
        seed = choose.number("Seed of the test set", 0, 10_000, 0, "split_seed", width=180)
        redraws = choose.number("Draws of train and validation", 1, 50, 1, "redraws", width=240)
    return tuple(SplitSpec(protocol, seed, redraw, labels=labels) for redraw in range(redraws))


def choose_spec(home: Home, dataset: Dataset) -> SweepSpec:
    opened = work.opened_caches(home, dataset.name)
    if not opened:
        nothing_yet("There are no features of this data set yet. Extract some on the Features page first.", "features")
    tuning = choose_finetune(RATES)
    caches = choose_caches(opened, tuning["finetune"])
    return SweepSpec(dataset.name, caches, choose_heads(tuning), choose_splits())


home = choose.home()
st.title("Sweep")
dataset = choose.dataset(home)
show.badge(show.notes(dataset.synthetic))
work.follow(home, "sweep")
settings, results = instant.places()
with settings:
    spec = choose_spec(home, dataset)
if results:
    with results:
        instant.show_at_once(home, dataset, spec)
else:
    offer.sweep(home, spec)
