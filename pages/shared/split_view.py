"""A split seen: who stands where, and what of the test set training has seen."""

import streamlit as st

from mammo.data.dataset import Dataset
from mammo.data.labels import LABELS
from mammo.data.leakage import leakage
from mammo.data.splits import SPLITS, draw, sizes
from mammo.results.data_figures import patients_by_part
from mammo.specs import SplitSpec
from pages.shared import choose, show
from pages.shared.words import leaked


def split(dataset: Dataset, note: str) -> None:
    """Choose a protocol, a seed and a label policy; see sizes, patients by part and leakage."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        protocol = choose.entry("Split", SPLITS, "protocol", width=300)
        seed = choose.number("Seed of the test set", 0, 10_000, 0, "split_seed", width=170)
        redraw = choose.number("Redraw", 0, 1000, 0, "split_redraw", width=120)
        labels = choose.entry("Labels", LABELS, "labels", width=240)
    parts = draw(dataset.images, SplitSpec(protocol=protocol, seed=seed, redraw=redraw, labels=labels))
    counted = {f"{name.capitalize()} images": count for name, count in sizes(parts).items()}
    show.facts({**counted, "Left out": int((parts < 0).sum())})
    leaks = leakage(dataset.images, parts)
    (st.warning if any(leaks.values()) else st.success)(leaked(leaks))
    st.subheader("Patients")
    show.figure(patients_by_part(dataset.images, parts, note, show.dark()), "parts")
