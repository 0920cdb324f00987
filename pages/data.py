"""Data: what a data set holds, how it splits, and how to add one."""

import streamlit as st

from mammo.data.dataset import Dataset, datasets
from mammo.data.leakage import leakage
from mammo.data.splits import SPLITS, draw, sizes
from mammo.results.figures import label_counts, patient_counts
from mammo.specs import SplitSpec
from pages.shared import choose, show, work
from pages.shared.guard import said_plainly
from pages.shared.words import caption, leaked

SHOWN = 12


def what_is_there(dataset: Dataset, note: str) -> None:
    images = dataset.images
    malignant = int((images["label"] == "malignant").sum())
    patients = int(images["patient"].nunique())
    show.facts(
        {
            "Mammograms": len(images),
            "Patients": patients,
            "Lesions": len(dataset.lesions),
            "Malignant images": malignant,
        }
    )
    st.subheader("Sample images")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        label = choose.switch("Label", ["any", "malignant", "benign"], "label")
        draws = choose.number("Sample", 1, 1000, 1, "sample", width=140)
    fitting = images if label == "any" else images[images["label"] == label]
    sample = fitting.sample(min(SHOWN, len(fitting)), random_state=draws)
    show.wall(dataset, sample, "sample", caption, lambda row: show.full_size(dataset, row["image"], note, caption(row)))
    st.subheader("Labels and patients")
    left, right = st.columns(2)
    with left:
        show.figure(label_counts(images, note, show.dark()), "labels")
    with right:
        show.figure(patient_counts(images, note, show.dark()), "patients")


def how_it_splits(dataset: Dataset) -> None:
    st.subheader("Train, validation and test")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        protocol = choose.entry("Split", SPLITS, "protocol", width=260)
        seed = choose.number("Seed of the test set", 0, 10_000, 0, "split_seed", width=200)
    parts = draw(dataset.images, SplitSpec(protocol=protocol, seed=seed))
    show.facts({f"{name.capitalize()} images": count for name, count in sizes(parts).items()})
    leaks = leakage(dataset.images, parts)
    (st.warning if any(leaks.values()) else st.success)(leaked(leaks))


home = choose.home()
st.title("Data")
with st.expander("Add a data set", expanded=not datasets(home), icon=":material/add:"):
    work.phantom_form(home)
work.follow(home, "index-phantom")
if not datasets(home):
    st.info("There is no data set yet: make a phantom above, or index mammograms from the command line.")
    st.stop()
dataset = choose.dataset(home)
note = show.notes(dataset.synthetic)
show.badge(note)
what_is_there(dataset, note)
with said_plainly():
    how_it_splits(dataset)
st.subheader("Files set aside")
if dataset.quarantine.empty:
    st.caption("Every file could be read.")
else:
    columns = {"path": st.column_config.TextColumn("File"), "reason": st.column_config.TextColumn("Why", width="large")}
    st.dataframe(dataset.quarantine, hide_index=True, column_config=columns)
