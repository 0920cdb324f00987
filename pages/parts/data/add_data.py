"""Forms that add data sets: a phantom here, real mammograms on the command line."""

import streamlit as st

from mammo.data.dataset.dataset import datasets
from mammo.specs import Home, check_name
from pages.shared.views import work

LAYOUTS = "FOLDER is a download in any layout: NBIA's folders, study and series folders, or Kaggle's JPEG set."
COLUMNS = "One row an image: `path` and `label`, and any of patient, breast, view, split, mask, box, birads, density."
REAL = {
    "Index CBIS-DDSM": ("mammo index cbis-ddsm FOLDER --as cbis-ddsm", LAYOUTS),
    "Only its tables, before the download of 160 GB": (
        "mammo index cbis-ddsm FOLDER --metadata-only --as cbis-ddsm",
        "FOLDER holds the four case CSVs: enough to study splits, leakage and the readers.",
    ),
    "Index any other set": ("mammo index manifest FILE.csv --as mine", COLUMNS),
}


def forms(home: Home) -> None:
    """The ways to add a data set, unfolded while there is none, and their jobs; nothing in a read-only home."""
    if home.read_only:
        return
    with st.expander("Add a data set", expanded=not datasets(home), icon=":material/add:"):
        left, right = st.columns(2, gap="large")
        with left:
            _phantom(home)
        with right:
            for title, (command, explanation) in REAL.items():
                st.markdown(f"**{title}**, in a terminal:")
                st.code(command, language=None, wrap_lines=True)
                st.caption(explanation)
    work.follow(home, "index-phantom")
    if not datasets(home):
        st.info("There is no data set yet: make a phantom above, or index mammograms from the command line.")


def _phantom(home: Home) -> None:
    with st.form("phantom", enter_to_submit=False, border=False):
        st.markdown("**Make a phantom**: synthetic mammograms, written as real DICOM files.")
        name = st.text_input("Name", "phantom")
        images = int(st.number_input("Mammograms", 20, 20_000, 300, step=20))
        seed = int(st.number_input("Seed", 0, 1_000_000, 0))
        if st.form_submit_button("Make it", type="primary", icon=":material/play_arrow:"):
            check_name(name, "data set")
            work.start(home, "index-phantom", {"name": name, "images": images, "seed": seed})
