"""Long work on a page: started as a job, and followed here."""

from typing import Any

import streamlit as st

from mammo import jobs
from mammo.features.cache.cache import Cache, caches
from mammo.specs import Home
from pages.shared.base.guard import show_errors
from pages.shared.views.job_card import card


def start(home: Home, verb: str, request: dict[str, Any]) -> None:
    """Start a job and follow it in this session; it goes on when the page is closed."""
    st.session_state.setdefault("followed", []).append(jobs.start(home, verb, request))
    st.rerun()


def opened_caches(home: Home, dataset: str) -> list[Cache]:
    """The caches of a data set; one that cannot be opened is left out, and its error shown."""
    opened = []
    for name in caches(home, dataset):
        with show_errors():
            opened.append(Cache.open(home, dataset, name))
    return opened


def follow(home: Home, verb: str) -> None:
    """Show every running job of `verb` and those that ended during this session; none in a read-only home."""
    if home.shared:
        return
    followed = st.session_state.setdefault("followed", [])
    for job in jobs.jobs(home):
        if job.verb == verb and (job.state == "running" or job.id in followed):
            if job.state == "running" and job.id not in followed:
                followed.append(job.id)
            card(home, job)
