"""The bit depth of a data set's films where their files do not state it, and the evidence for it."""

import pandas as pd
import streamlit as st

from mammo.data.dataset.dataset import Dataset
from mammo.data.depths.record import AUTO, CONTAINER, GroupDepth
from mammo.storage.spreadsheets import plain_cells
from pages.shared.base.words import count_words, join_words

CHOSEN = {AUTO: "decided from the films", CONTAINER: "--bits container"}
ABOUT = (
    "A file of 16 bits may hold a film of 12 bits, which would be read at a sixteenth of its brightness. So one depth "
    "is decided for all films of a group: the smallest of 8, 10, 12, 14 and 16 bits that holds 99.9 % of the pixels of "
    "95 % of them. It stays when films are added; `mammo index … --bits auto` decides again, `--bits 12` sets a depth."
)


def depths(dataset: Dataset) -> None:
    """The bit depth of every group of films, and the films that are much darker than their group."""
    records = dataset.depths
    if not records:
        return
    read = sorted({record.bits for record in records})
    dark = [(name, level, record) for record in records for name, level in record.dark.items()]
    darker = f"; {count_words(len(dark), 'image')} much darker than the others" if dark else ""
    label = f"Depth of the films: {join_words([str(bits) for bits in read])} bits{darker}"
    with st.expander(label, icon=":material/contrast:", expanded=any(record.contradiction for record in records)):
        st.dataframe(plain_cells(pd.DataFrame([_row(record) for record in records])), hide_index=True, key="depths")
        st.caption(ABOUT)
        if dark:
            st.markdown(f"**{count_words(len(dark), 'image')} a factor of four or more darker than the others**")
            st.dataframe(plain_cells(pd.DataFrame([_dark_row(*row) for row in dark])), hide_index=True, key="dark")


def _row(record: GroupDepth) -> dict[str, object]:
    """A group of films as the row of a table."""
    words = record.group.words
    clipped = f"{count_words(record.clipped_pixels, 'pixel')} of {count_words(record.clipped_films, 'image')}"
    return {
        "Files": words[0].upper() + words[1:],
        "Read at": f"{record.bits} bits",
        "Films call for": f"{record.needed} bits",
        "By": CHOSEN.get(record.chosen, f"--bits {record.chosen}"),
        "Films": record.films,
        "Crops": record.crops,
        "Highest level": record.level,
        "Clipped": clipped if record.clipped_pixels else "nothing",
        "Much darker": len(record.dark),
    }


def _dark_row(name: str, level: int, record: GroupDepth) -> dict[str, object]:
    return {"Image": name, "Highest level": level, "of its group": record.level}
