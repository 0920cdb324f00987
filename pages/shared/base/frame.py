"""The frame around every page: its style, the list of pages, and the guard that shows errors as sentences.

`app.py` runs this script instead of holding it, so that Streamlit never takes the files of `pages/` for its own
pages: a deep link on a fresh server would then run a page without its frame.
"""

import sys
from pathlib import Path

import streamlit as st

ROOT = str(Path(__file__).parents[3])
if ROOT not in sys.path:
    sys.path.insert(0, ROOT)

from mammo.specs import Home  # noqa: E402
from pages.serving.navigation import PAGES, READ_ONLY_PAGES, closed_page, landing_page, page_of  # noqa: E402
from pages.shared.base import address  # noqa: E402
from pages.shared.base.guard import show_errors  # noqa: E402

SHARED = Path(__file__).parent

st.set_page_config(page_title="mammo", page_icon=SHARED / "icon.png", layout="wide")
st.html(SHARED / "style.css")
shown = READ_ONLY_PAGES if Home.default().read_only else PAGES
page = st.navigation([landing_page(), *(page_of(name) if name in shown else closed_page(name) for name in PAGES)])
address.open_page(page.url_path, st.empty())
with st.sidebar:
    st.caption("**mammo**: frozen features of mammograms, many heads, compared with their uncertainty.")
    st.caption(":material/science: Research software, not a medical device.")
with show_errors():
    page.run()
