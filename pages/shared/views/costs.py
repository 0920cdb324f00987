"""What work will cost, shown before it is begun.

Where this machine was not measured yet, or while it was busier than it is now, that is done meanwhile.
"""

from collections.abc import Callable

import streamlit as st

from mammo import jobs
from mammo.estimates import measuring as pace
from mammo.estimates.estimate import Estimate
from mammo.progress import duration
from mammo.specs import Home
from pages.shared.base.show import facts, size

Ask = Callable[[], Estimate]
PROCESS, FAILED = "measuring", "not measured"
"""Where a session keeps the process that measures, and what could not be measured."""


def show(home: Home, ask: Ask, counted: dict[str, int]) -> None:
    """What is `counted`, the time and the bytes that `ask` estimates."""
    estimate = ask()
    if estimate.unmeasured and pace.can_measure():
        _polled(home, ask, counted)
    else:
        _told(estimate, counted, estimate.note)


@st.fragment(run_every=1)
def _polled(home: Home, ask: Ask, counted: dict[str, int]) -> None:
    estimate = ask()
    if not estimate.unmeasured:
        st.rerun()
    anew = "" if estimate.missing else "to be measured anew: "
    _told(estimate, counted, f"{estimate.note}; {anew}{_measured(home, estimate.unmeasured)}")


def _told(estimate: Estimate, counted: dict[str, int], note: str) -> None:
    time = "Time at most" if estimate.at_most else "Time"
    facts({**counted, time: duration(estimate.seconds), "On disk": size(estimate.bytes)})
    st.caption(f"Time: {note}.")


def _measured(home: Home, missing: tuple[str, ...]) -> str:
    """Begin to measure what is missing unless that goes on or has failed; says how it stands."""
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
    if PROCESS not in st.session_state and not pace.measuring(home):
        st.session_state[PROCESS] = pace.begin(home, missing)
    return "that is done now, a few seconds"
