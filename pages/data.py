"""Data: what a data set holds, how it splits, what a resize leaves of a lesion, and how to add a set."""

import streamlit as st

from mammo.data.dataset import Dataset, datasets
from mammo.results.data_figures import counts_by, patient_counts
from pages.shared import add_data, choose, show, split_view
from pages.shared.guard import said_plainly
from pages.shared.lens import microscope, preprocessing
from pages.shared.words import caption, conflict_rows, groups_of

SHOWN = 12


def images(dataset: Dataset, note: str) -> None:
    rows = dataset.images
    malignant = int((rows["label"] == "malignant").sum())
    show.facts(
        {
            "Mammograms": len(rows),
            "Patients": int(rows["patient"].nunique()),
            "Lesions": len(dataset.lesions),
            "Malignant images": malignant,
            "Films": int(rows["film"].nunique()),
        }
    )
    st.caption(f"From {dataset.about['source']}.")
    if not dataset.metadata_only:
        sample(dataset, note)
    left, right = st.columns(2)
    with left:
        names = groups_of(rows)
        column = choose.one("Images by", list(names), "by", lambda name: names[name])
        show.figure(counts_by(rows, column, note, show.dark()), "counts")
    with right:
        st.container(height=62, border=False)
        show.figure(patient_counts(rows, note, show.dark()), "patients")


def sample(dataset: Dataset, note: str) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        label = choose.switch("Sample of", ["any", "malignant", "benign"], "label")
        draws = choose.number("Sample", 1, 1000, 1, "sample", width=140)
    rows = dataset.images
    fitting = rows if label == "any" else rows[rows["label"] == label]
    some = fitting.sample(min(SHOWN, len(fitting)), random_state=draws)
    show.wall(dataset, some, "sample", caption, lambda row: show.full_size(dataset, row["image"], note, caption(row)))


def problems(dataset: Dataset, _note: str) -> None:
    st.subheader("Conflicting labels")
    rows = conflict_rows(dataset)
    if rows.empty:
        st.caption("No mammogram holds a benign and a malignant lesion at once.")
    else:
        st.caption(f"{rows['Image'].nunique()} mammograms hold benign and malignant lesions; they count as malignant.")
        st.dataframe(rows, hide_index=True)
    st.subheader("Files set aside")
    if dataset.quarantine.empty:
        st.caption("Every file could be read." if not dataset.metadata_only else "No file was looked at.")
        return
    columns = {"path": st.column_config.TextColumn("File"), "reason": st.column_config.TextColumn("Why", width="large")}
    st.dataframe(dataset.quarantine, hide_index=True, column_config=columns)


VIEWS = {"Images": images, "Split": split_view.split, "Resize microscope": microscope}
VIEWS |= {"Preprocessing": preprocessing, "Problems": problems}

home = choose.home()
st.title("Data")
add_data.forms(home)
dataset = choose.dataset(home) if datasets(home) else st.stop()
note = show.notes(dataset.synthetic)
show.badge(note)
for sentence in dataset.notes:
    st.warning(sentence, icon=":material/warning:")
view = choose.switch("Show", list(VIEWS), "view", str)
with said_plainly():
    VIEWS[view](dataset, note)
