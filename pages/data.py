"""Data: the images of a data set, its splits, what a resize leaves of a lesion, and forms that add a set."""

from functools import partial

import streamlit as st

from mammo.data.dataset.dataset import Dataset, datasets
from mammo.data.origin import origin
from mammo.data.summary import summary
from mammo.results.figures.data import counts_by, patient_counts
from mammo.specs.class_names import capital
from pages.parts.data import add_data, split_view
from pages.parts.data.depth_view import depths
from pages.parts.data.microscope_view import microscope, preprocessing
from pages.parts.data.problems import problems
from pages.parts.data.reader_view import reader
from pages.parts.data.terms import terms
from pages.shared.base import choose, show
from pages.shared.base.guard import show_errors
from pages.shared.base.text import plain
from pages.shared.base.words import KIND_NAMES, NOT_STATED, caption, class_namer, groups_of, kinds_of
from pages.shared.views.full_size import full_size

SHOWN = 12


def images(dataset: Dataset, note: str) -> None:
    counts = summary(dataset)
    malignant, crops = counts["image_labels"].get("malignant", 0), counts["kinds"]["crop"]
    count_names = {"Mammograms": "images", "Views": "views", "Patients": "patients", "Lesions": "lesions"}
    facts = {label: NOT_STATED if counts[name] is None else counts[name] for label, name in count_names.items()}
    show.facts(
        {**facts, f"{capital(dataset.classes.positive)} mammograms": malignant, **({"Crops": crops} if crops else {})}
    )
    st.caption(f"From {plain(origin(dataset.about))}. {terms(dataset)}")
    depths(dataset)
    kind = "full" if dataset.metadata_only else sample(dataset, note)
    rows, (noun, key) = dataset.table(kind), {"full": ("Mammograms", "by"), "crop": ("Crops", "crops_by")}[kind]
    names = groups_of(rows)
    column = choose.one(f"{noun} by", list(names), key, lambda name: names[name], width=300)
    left, right = st.columns(2)
    with left:
        show.figure(counts_by(rows, column, note, show.dark(), noun, dataset.classes), "counts")
    with right:
        show.figure(patient_counts(rows, note, show.dark(), noun, dataset.classes), "patients")


def sample(dataset: Dataset, note: str) -> str:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        kind = choose.one("Images", kinds_of(dataset), "kind", KIND_NAMES.__getitem__, width=180)
        label = choose.switch("Sample of", ["any", "malignant", "benign"], "label", class_namer(dataset.classes))
        draws = choose.number("Sample", 1, 1000, 1, "sample", width=140)
        stretched = choose.brightness()
    rows = dataset.table(kind)
    fitting = rows if label == "any" else rows[rows["label"] == label]
    caption_of = partial(caption, classes=dataset.classes)
    some = fitting.sample(min(SHOWN, len(fitting)), random_state=draws)
    show.wall(
        dataset,
        some,
        "sample",
        caption_of,
        lambda row: full_size(dataset, row["image"], note, caption_of(row), stretched),
        stretched,
    )
    return str(kind)


VIEWS = {"Images": images, "Split": split_view.split, "Reader": reader, "Resize microscope": microscope}
VIEWS |= {"Preprocessing": preprocessing, "Problems": problems}

home = choose.home()
st.title("Data")
add_data.forms(home)
dataset = choose.dataset(home) if datasets(home) else st.stop()
note = show.notes(dataset.synthetic)
show.badge(note)
view = choose.switch("Show", list(VIEWS), "view", str)
with show_errors():
    VIEWS[view](dataset, note)
