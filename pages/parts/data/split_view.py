"""A split: the patients of each part, and the leakage from train to test."""

import streamlit as st

from mammo.data.dataset.dataset import Dataset
from mammo.data.splits.labels import LABELS
from mammo.data.splits.protocols import SPLITS
from mammo.results.figures.data import patients_by_part
from mammo.runs.stored_splits import split_of
from mammo.specs import SplitSpec
from pages.shared.base import choose, show
from pages.shared.base.words import KIND_NAMES, kinds_of, leakage_words, part_rows


def split(dataset: Dataset, note: str) -> None:
    """Choose images, a protocol, a seed and a label policy; see sizes, patients by part and leakage."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        kind = choose.one("Images", kinds_of(dataset), "kind", lambda name: KIND_NAMES[name], width=180)
        protocol = choose.entry("Split", SPLITS, "protocol", width=260)
        seed = choose.number("Seed of the test set", 0, 10_000, 0, "split_seed", width=160)
        redraw = choose.number("Redraw", 0, 1000, 0, "split_redraw", width=140)
        labels = choose.entry("Benign without callback", LABELS, "labels", width=190)
    images = dataset.table(kind)
    spec = SplitSpec(protocol=protocol, seed=seed, redraw=redraw, labels=labels)
    parts, leaks = split_of(choose.home(), dataset, kind, spec)
    st.table(part_rows(images, parts, dataset.classes), border="horizontal", width="content")
    blind = dataset.notes or any(leaks[name] is None for name in ("patients", "breasts", "views", "films"))
    (st.warning if any(leaks.values()) else st.info if blind else st.success)(leakage_words(leaks))
    st.subheader("Patients")
    show.figure(patients_by_part(images, parts, note, show.dark()), "parts")
