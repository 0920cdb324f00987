"""One image at full size, with all its facts."""

import pandas as pd
import streamlit as st

from mammo.data.dataset.dataset import Dataset
from mammo.storage.spreadsheets import plain_cells
from pages.shared.base import show
from pages.shared.base.text import exposure, plain
from pages.shared.base.words import facts_of, groups_of, lesion_rows


@st.dialog("Mammogram", width="large")
def full_size(dataset: Dataset, image: str, note: str, text: str, stretched: bool = False) -> None:
    """One image at full size, with `text` as its caption, its patient, view, lesions and further columns."""
    row = dataset.item(image)
    left, right = st.columns([3, 2], gap="medium")
    with left, st.container(key=f"wall-full-{image}", horizontal_alignment="center"):
        st.image(dataset.pixels(image, stretched), output_format="JPEG")
    with right:
        show.badge(note)
        st.markdown(text)
        st.markdown(f"Patient {plain(row['patient'])}  \n{exposure(row)}")
        _details(dataset, row)


def _details(dataset: Dataset, row: pd.Series) -> None:
    """The lesions of the image, or a line where there are none, and the columns of the image itself."""
    names = groups_of(dataset.table("crop" if "parent" in row else "full"))
    own = dataset.lesions["lesion" if "parent" in row else "image"] == row["image"]
    lesions = lesion_rows(dataset.lesions[own], names, dataset.classes)
    if len(lesions):
        st.dataframe(plain_cells(lesions), hide_index=True)
    else:
        st.caption("Lesions: none is listed." if len(dataset.lesions) else "Lesions: not told.")
    facts = facts_of(row, {column: name for column, name in names.items() if name not in lesions}, dataset.classes)
    if len(facts):
        st.dataframe(plain_cells(facts), hide_index=True)
