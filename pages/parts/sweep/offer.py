"""What a sweep will cost, and the button that starts it."""

import streamlit as st

from mammo.estimates.estimate import sweep_estimate
from mammo.specs import Home, SweepSpec
from pages.shared.views import costs, work


def sweep(home: Home, spec: SweepSpec) -> None:
    """The number of heads, time and bytes of a sweep, and its button."""
    costs.show(home, lambda: sweep_estimate(home, spec), {"Heads": spec.runs})
    if st.button("Train the heads", type="primary", icon=":material/play_arrow:"):
        work.start(home, "sweep", {"spec": spec.to_json()})
