"""The pages, in the order of the sidebar, and links between them."""

from pathlib import Path
from typing import Any

import streamlit as st

FOLDER = Path(__file__).parents[1]
PLACES = {
    "data": ("Data", ":material/folder_open:"),
    "features": ("Features", ":material/layers:"),
    "sweep": ("Sweep", ":material/grid_on:"),
    "compare": ("Compare", ":material/stacked_line_chart:"),
    "inspect": ("Inspect", ":material/search:"),
    "report": ("Report", ":material/article:"),
    "jobs": ("Jobs", ":material/pending_actions:"),
}


LOOKING = [name for name in PLACES if name not in {"features", "sweep", "jobs"}]
"""The pages of a home to which nothing is added."""


def place(name: str) -> Any:
    """One page as Streamlit knows it."""
    title, icon = PLACES[name]
    return st.Page(FOLDER / f"{name}.py", title=title, icon=icon, url_path=name)


def closed(name: str) -> Any:
    """What stands in the place of a page that adds things, where nothing is to be added."""
    title, icon = PLACES[name]
    return st.Page(lambda: _closed(title), title=title, icon=icon, url_path=name, visibility="hidden")


def _closed(title: str) -> None:
    st.title(title)
    nothing_yet("Nothing can be added here: this dashboard is for looking only, so this page is left out.", "data")


def landing() -> Any:
    """Where a visitor without an address lands; it leads to Data, which keeps an address of its own."""
    return st.Page(_land, title="mammo", default=True, visibility="hidden")


def _land() -> None:
    st.switch_page(place("data"), query_params={key: st.query_params.get_all(key) for key in st.query_params})


def nothing_yet(sentence: str, go_to: str) -> None:
    """Say what is missing and where to get it, and end the page here."""
    st.info(sentence, icon=":material/info:")
    st.page_link(place(go_to), label=f"Go to {PLACES[go_to][0]}")
    st.stop()
