"""Problems of a data set: conflicting labels, remarks of its index, and files that were set aside."""

import streamlit as st

from mammo.data.dataset.dataset import Dataset
from mammo.storage.spreadsheets import plain_cells
from pages.shared.base.text import plain
from pages.shared.base.words import conflict_rows


def problems(dataset: Dataset, _note: str) -> None:
    """The mammograms with a benign and a malignant lesion, and the files that could not be used."""
    st.subheader("Conflicting labels")
    rows = conflict_rows(dataset)
    positive, negative = plain(dataset.classes.positive), plain(dataset.classes.negative)
    if rows.empty:
        st.caption(f"No mammogram holds lesions that are {negative} and {positive} at once.")
    else:
        st.caption(
            f"{rows['Image'].nunique()} mammograms hold {negative} and {positive} lesions; they count as {positive}."
        )
        st.dataframe(plain_cells(rows), hide_index=True)
    if dataset.remarks:
        st.subheader("What was understood or found odd")
        st.markdown("\n".join(f"- {plain(remark)}" for remark in dataset.remarks))
    st.subheader("Files set aside")
    if dataset.quarantine.empty:
        nothing = "No file was read: this set was indexed from its tables alone."
        st.caption(nothing if dataset.metadata_only else "Every file could be read.")
        return
    columns = {"path": st.column_config.TextColumn("File"), "reason": st.column_config.TextColumn("Why", width="large")}
    st.dataframe(plain_cells(dataset.quarantine), hide_index=True, column_config=columns)
