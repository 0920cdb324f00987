"""The dashboard: `streamlit run app.py`, or `mammo serve`."""

from pathlib import Path

import streamlit as st

app = st.App(Path(__file__).parent / "pages" / "shared" / "frame.py")
