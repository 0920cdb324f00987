"""The estimated cost of work, shown before it starts.

Where this machine was not measured yet, or only while it was busier than now, it is measured meanwhile.
"""

from collections.abc import Callable

import streamlit as st

from mammo import jobs
from mammo.estimates import measuring
from mammo.estimates.estimate import Estimate
from mammo.progress import duration
from mammo.specs import Home
from pages.shared.base.show import facts, size

Estimator = Callable[[], Estimate]
PROCESS, FAILED = "measuring", "not measured"
"""The session's keys of the measuring process and of what could not be measured."""


def show(home: Home, estimator: Estimator, counts: dict[str, int]) -> None:
    """The `counts`, and the time and bytes that `estimator` gives."""
    estimate = estimator()
    if estimate.unmeasured and measuring.can_measure():
        _show_while_measuring(home, estimator, counts)
    else:
        _show_estimate(estimate, counts, estimate.note)


@st.fragment(run_every=1)
def _show_while_measuring(home: Home, estimator: Estimator, counts: dict[str, int]) -> None:
    estimate = estimator()
    if not estimate.unmeasured:
        st.rerun()
    anew = "" if estimate.missing else "to be measured anew: "
    _show_estimate(estimate, counts, f"{estimate.note}; {anew}{_measuring_words(home, estimate.unmeasured)}")


def _show_estimate(estimate: Estimate, counts: dict[str, int], note: str) -> None:
    time = "Time at most" if estimate.at_most else "Time"
    facts({**counts, time: duration(estimate.seconds), "On disk": size(estimate.bytes)})
    st.caption(f"Time: {note}.")


def _measuring_words(home: Home, missing: tuple[str, ...]) -> str:
    """Start to measure what is missing unless that runs or has failed; return its state as a clause."""
    failed: dict[str, str] = st.session_state.setdefault(FAILED, {})
    process = st.session_state.get(PROCESS)
    if process is not None and process.poll() is not None:
        if process.returncode:
            failed |= dict.fromkeys(missing, process.communicate()[1].strip())
        del st.session_state[PROCESS]
    if reason := next((failed[kind] for kind in missing if kind in failed), ""):
        return f"it could not be measured: {reason.splitlines()[-1]}"
    if any(job.state == "running" for job in jobs.jobs(home)):
        return "it will be once no job is running"
    if PROCESS not in st.session_state and not measuring.measuring(home):
        st.session_state[PROCESS] = measuring.begin(home, missing)
    return "that is done now, a few seconds"
