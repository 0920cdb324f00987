"""The jobs that are shown: filtered by state and kind, page by page; the address holds the choice."""

from collections.abc import Sequence

import streamlit as st

from mammo.jobs import Job
from pages.shared.base import choose
from pages.shared.views.job_card import STATES, VERBS

PAGE = 30
"""The number of jobs on a page."""


def filter_jobs(all_jobs: Sequence[Job]) -> list[Job]:
    """The jobs with the chosen states and kinds; all where none is chosen."""
    states = {name: STATES[name][0] for name in STATES if any(job.state == name for job in all_jobs)}
    kinds = {name: VERBS[name] for name in VERBS if any(job.verb == name for job in all_jobs)}
    with st.container(horizontal=True):
        chosen_states = choose.any_of("State", list(states), "state", states.__getitem__, placeholder="Any state")
        chosen_kinds = choose.any_of("Kind of work", list(kinds), "work", kinds.__getitem__, placeholder="Any kind")
    shown = [job for job in all_jobs if job.state in (chosen_states or states) and job.verb in (chosen_kinds or kinds)]
    if not shown:
        st.info("No job is of this state and kind.", icon=":material/info:")
    return shown


def page_of(shown: Sequence[Job]) -> Sequence[Job]:
    """The jobs of one page."""
    pages = -(-len(shown) // PAGE)
    if pages < 2:
        return shown
    page = min(max(st.pagination(pages, key="page", bind="query-params", width="stretch"), 1), pages)
    first = (page - 1) * PAGE
    st.caption(f"{first + 1} to {min(first + PAGE, len(shown))} of {len(shown):,} jobs, the newest first.")
    return shown[first : first + PAGE]
