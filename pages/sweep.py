"""Sweep: many heads on extracted features, watched while they train, and looked back on."""

import streamlit as st

from mammo.data.dataset import Dataset
from mammo.specs import Home, SweepSpec
from pages.shared import choose, heads_form, instant, look_back, offer, show, work
from pages.shared.places import nothing_yet
from pages.shared.tuning import choose_caches

MODES = {"job": "As a job", "instant": "Instant", "results": "Look back"}


def choose_spec(home: Home, dataset: Dataset) -> SweepSpec:
    opened = work.opened_caches(home, dataset.name)
    if not opened:
        nothing_yet("There are no features of this data set yet. Extract some on the Features page first.", "features")
    features = st.container()
    grid = heads_form.choose_grid()
    heads = heads_form.choose_heads(grid)
    with features:
        caches = choose_caches(opened, [head.finetune for head in heads])
    return SweepSpec(dataset.name, caches, heads, heads_form.choose_splits(grid))


home = choose.home()
st.title("Sweep")
dataset = choose.dataset(home)
mode = choose.switch("Train heads", list(MODES), "mode", MODES.__getitem__)
if mode != "results":
    show.badge(show.notes(dataset.synthetic))
    work.follow(home, "sweep")
if mode == "results":
    look_back.results(home, dataset)
elif mode == "instant":
    settings, results = instant.places()
    with settings:
        spec = choose_spec(home, dataset)
    with results:
        instant.show_at_once(home, dataset, spec)
else:
    offer.sweep(home, choose_spec(home, dataset))
