"""What a sweep will cost, and the button that starts it."""

import streamlit as st

from mammo.estimates import sweep_estimate
from mammo.specs import Home, SweepSpec
from pages.shared import show, work


def sweep(home: Home, spec: SweepSpec) -> None:
    """The number of heads, time and bytes of a sweep, and its button."""
    estimate = sweep_estimate(home, spec)
    show.facts({"Heads": spec.runs, "Time": show.duration(estimate.seconds), "On disk": show.size(estimate.bytes)})
    st.caption(f"Time: {estimate.note}.")
    if st.button("Train the heads", type="primary", icon=":material/play_arrow:"):
        work.start(home, "sweep", {"spec": spec.to_json()})
