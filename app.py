"""The dashboard: `streamlit run app.py`, or `mammo serve`; both are served as `.streamlit/config.toml` says."""

from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

from pages.serving.audience import lifespan
from pages.serving.gate import Gate
from pages.serving.shell import Shell

app = st.App(
    Path(__file__).parent / "pages" / "shared" / "base" / "frame.py",
    middleware=[Middleware(Gate), Middleware(Shell)],
    lifespan=lifespan,
)
