"""The pages, in the order of the sidebar, and links between them."""

from pathlib import Path
from typing import Any

import streamlit as st

FOLDER = Path(__file__).parents[1]
PAGES = {
    "data": ("Data", ":material/folder_open:"),
    "features": ("Features", ":material/layers:"),
    "sweep": ("Sweep", ":material/grid_on:"),
    "compare": ("Compare", ":material/stacked_line_chart:"),
    "inspect": ("Inspect", ":material/search:"),
    "report": ("Report", ":material/article:"),
    "jobs": ("Jobs", ":material/pending_actions:"),
}


READ_ONLY_PAGES = [name for name in PAGES if name not in {"features", "sweep", "jobs"}]
"""The pages of a read-only home."""


def page_of(name: str) -> Any:
    """Return a page as a Streamlit object."""
    title, icon = PAGES[name]
    return st.Page(FOLDER / f"{name}.py", title=title, icon=icon, url_path=name)


def closed_page(name: str) -> Any:
    """Return the page that replaces one which adds data, features or sweeps, where the home is read-only."""
    title, icon = PAGES[name]
    return st.Page(lambda: _closed(title), title=title, icon=icon, url_path=name, visibility="hidden")


def _closed(title: str) -> None:
    st.title(title)
    nothing_yet("Nothing can be added here: this dashboard is for looking only, so this page is left out.", "data")


def landing_page() -> Any:
    """Return the start page for an address without a path; it leads on to Data, which has its own path."""
    return st.Page(_land, title="mammo", default=True, visibility="hidden")


def _land() -> None:
    st.switch_page(page_of("data"), query_params={key: st.query_params.get_all(key) for key in st.query_params})


def nothing_yet(sentence: str, go_to: str) -> None:
    """Show what is missing with a link to the page `go_to` that makes it, and end the script."""
    st.info(sentence, icon=":material/info:")
    st.page_link(page_of(go_to), label=f"Go to {PAGES[go_to][0]}")
    st.stop()
