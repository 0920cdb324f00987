"""The frame around every page: its look, its list of pages, and the guard that turns errors into sentences.

`app.py` runs this script rather than being it, so that Streamlit never takes the files of `pages/` for its own
pages: a deep link on a fresh server would otherwise run a page without its frame.
"""

import sys
from pathlib import Path

import streamlit as st

ROOT = str(Path(__file__).parents[3])
if ROOT not in sys.path:
    sys.path.insert(0, ROOT)

from mammo.specs import Home  # noqa: E402
from pages.serving.places import LOOKING, PLACES, closed, landing, place  # noqa: E402
from pages.shared.base import address  # noqa: E402
from pages.shared.base.guard import said_plainly  # noqa: E402

SHARED = Path(__file__).parent

st.set_page_config(page_title="mammo", page_icon=SHARED / "icon.png", layout="wide")
st.html(SHARED / "style.css")
shown = LOOKING if Home.default().read_only else PLACES
page = st.navigation([landing(), *(place(name) if name in shown else closed(name) for name in PLACES)])
address.arrive(page.url_path, st.empty())
with st.sidebar:
    st.caption("**mammo**: frozen features of mammograms, many heads, compared with their uncertainty.")
    st.caption(":material/science: Research software, not a medical device.")
with said_plainly():
    page.run()
