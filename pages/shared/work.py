"""Long work seen from a page: started as a job of its own, followed here, cancelled here."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import streamlit as st

from mammo import jobs
from mammo.data.dataset import Dataset
from mammo.features.cache import Cache, caches
from mammo.features.weights import weights_note
from mammo.heads.sweep import keep_finished
from mammo.progress import duration
from mammo.results.figures.runs import live_curves
from mammo.results.report.stated import PaperSpec
from mammo.specs import Home, SweepSpec
from pages.shared.guard import said_plainly
from pages.shared.places import PLACES, place
from pages.shared.show import dark, figure, notes

STATES = {
    "running": ("Running", "blue", ":material/progress_activity:"),
    "done": ("Done", "green", ":material/check:"),
    "failed": ("Failed", "red", ":material/error:"),
    "cancelled": ("Cancelled", "gray", ":material/block:"),
    "interrupted": ("Interrupted", "orange", ":material/warning:"),
}
VERBS = {
    "index-phantom": "Making a phantom",
    "index-cbis-ddsm": "Indexing CBIS-DDSM",
    "index-manifest": "Indexing a manifest",
    "extract": "Extracting features",
    "sweep": "Training heads",
    "paper": "Running the report",
}
NEXT = {
    "index-phantom": "data",
    "index-cbis-ddsm": "data",
    "index-manifest": "data",
    "extract": "sweep",
    "sweep": "compare",
    "paper": "report",
}


KEPT = "kept-sweeps"


def start(home: Home, verb: str, request: dict[str, Any]) -> None:
    """Start a job and follow it in this session; it goes on when the page is closed."""
    st.session_state.setdefault("followed", []).append(jobs.start(home, verb, request))
    st.rerun()


def opened_caches(home: Home, dataset: str) -> list[Cache]:
    """The caches of a data set; one that cannot be opened is told of and left out."""
    opened = []
    for name in caches(home, dataset):
        with said_plainly():
            opened.append(Cache.open(home, dataset, name))
    return opened


def follow(home: Home, verb: str) -> None:
    """Show every running job of `verb`, and those that this session saw end."""
    followed = st.session_state.setdefault("followed", [])
    for job in jobs.jobs(home):
        if job.verb == verb and (job.state == "running" or job.id in followed):
            if job.state == "running" and job.id not in followed:
                followed.append(job.id)
            card(home, job)


def card(home: Home, job: jobs.Job) -> None:
    """One job: polled while it runs, plain text afterwards."""
    with st.container(border=True, key=f"job-{job.id}"):
        if job.state == "running":
            _polled(home, job.id)
        else:
            _head(job)


@st.fragment(run_every=1)
def _polled(home: Home, name: str) -> None:
    with said_plainly():
        job = jobs.Job.open(home, name)
        if job.state != "running":
            st.rerun()
        _head(job)
        progress = job.progress
        total = progress.get("total") or 0
        st.progress(min(progress.get("done", 0) / total, 1.0) if total else 0.0, text=_said(progress))
        if st.button("Cancel", key=f"cancel-{name}", icon=":material/close:"):
            job.cancel()
            st.rerun()
        _watched(home, job)


def _head(job: jobs.Job) -> None:
    label, colour, icon = STATES[job.state]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{VERBS.get(job.verb, job.verb)}**", width="content")
        st.badge(label, color=colour, icon=icon)
        st.caption(f"started {datetime.fromisoformat(job.started):%d %B %Y, %H:%M} UTC", width="content")
    if job.message:
        st.error(job.message)
    if job.state == "done":
        st.caption(f"Made: {job.result}")
        st.page_link(place(NEXT[job.verb]), label=f"Go on to {PLACES[NEXT[job.verb]][0]}")
    elif job.verb == "sweep" and job.state in ("cancelled", "interrupted"):
        _offer_finished(job)


def _offer_finished(job: jobs.Job) -> None:
    """Make a sweep of the heads that a stopped one had finished."""
    kept = st.session_state.setdefault(KEPT, {})
    if job.id not in kept and st.button("Keep the finished heads", key=f"keep-{job.id}", icon=":material/save:"):
        with said_plainly():
            kept[job.id] = keep_finished(job.home, SweepSpec.from_json(job.request["spec"]))
    if job.id in kept:
        st.caption(f"Made: {kept[job.id]}")
        st.page_link(place("compare"), label="Go on to Compare")


def _watched(home: Home, job: jobs.Job) -> None:
    """The curves of a sweep's heads while they train."""
    live = job.progress.get("live") or {}
    if live.get("heads"):
        dataset, weights = job.request["spec"]["dataset"], _weights(home, job)
        note = notes(Dataset.open(home, dataset).synthetic, map(weights_note, weights))
        figure(live_curves(live["heads"], live["history"], note, dark()), f"live-{job.id}")


def _weights(home: Home, job: jobs.Job) -> Sequence[str]:
    """The labels of the weights that a job's heads stand on."""
    if job.verb == "paper":
        return PaperSpec.from_json(job.request["spec"]).weights
    spec = SweepSpec.from_json(job.request["spec"])
    return [Cache.open(home, spec.dataset, name).spec.weights for name in spec.caches]


def _said(progress: dict[str, Any]) -> str:
    if not progress.get("total"):
        return "Starting…"
    unit = progress.get("unit", "")
    said = f"{progress.get('stage', '').capitalize()}: {progress['done']:,} of {progress['total']:,} {unit}"
    if progress.get("rate"):
        said += f", {progress['rate']:.3g} {unit} a second"
    if progress.get("seconds_left") is not None:
        said += f", {duration(progress['seconds_left'])} left"
    return said
