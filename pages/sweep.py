"""Sweep: train many heads on extracted features, watch them train, and study the finished sweep."""

import streamlit as st

from mammo.data.dataset.dataset import Dataset
from mammo.heads.grid import MOST_RUNS
from mammo.specs import Home, SweepSpec
from pages.parts.sweep import heads_form, instant, offer
from pages.parts.sweep import sweep_results_view as look_back
from pages.parts.sweep.choose_caches import choose_caches
from pages.serving.navigation import nothing_yet
from pages.shared.base import choose, show
from pages.shared.base.fields import Fields
from pages.shared.views import work

MODES = {"job": "As a job", "instant": "Instant", "results": "Look back"}


def choose_spec(home: Home, dataset: Dataset) -> SweepSpec | None:
    """The sweep in the form; None where a field has an error, shown beneath it."""
    opened = work.opened_caches(home, dataset.name)
    if not opened:
        nothing_yet("There are no features of this data set yet. Extract some on the Features page first.", "features")
    fields, features = Fields(), st.container()
    choice = heads_form.choose_sweep(fields)
    with features:
        caches = fields.ask(lambda: choose_caches(opened, choice.axes.get("finetune", ["none"])))
    if fields.lacking or not caches:
        st.info("The red lines beneath the fields say what is missing; all other choices are kept.")
        return None
    if (runs := choice.runs(len(caches))) > MOST_RUNS:
        show.facts({"Runs asked for": runs})
    return fields.ask(lambda: choice.spec(dataset.name, caches))


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
    settings, results = instant.settings_and_results()
    with settings:
        spec = choose_spec(home, dataset)
    with results:
        if spec:
            instant.show_at_once(home, dataset, spec)
elif spec := choose_spec(home, dataset):
    offer.sweep(home, spec)
