"""One job as a card: its kind, state, result, and the actions on it."""

from collections.abc import Sequence
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any, Literal

import streamlit as st

from mammo import jobs
from mammo.data.dataset.dataset import Dataset
from mammo.features.cache.cache import Cache
from mammo.features.trunks.weights import weights_note
from mammo.heads.sweeps.sweep import keep_finished
from mammo.progress import duration
from mammo.results.figures.runs import live_curves
from mammo.results.report.stated import ReportSpec
from mammo.specs import Home, SweepSpec
from pages.shared.base.clock import local_time
from pages.shared.base.guard import show_errors
from pages.shared.base.show import dark, figure, notes
from pages.shared.base.text import plain
from pages.shared.views import job_result

Colour = Literal["blue", "green", "red", "gray", "orange"]
STATES: dict[str, tuple[str, Colour, str]] = {
    "running": ("Running", "blue", ":material/progress_activity:"),
    "done": ("Done", "green", ":material/check:"),
    "failed": ("Failed", "red", ":material/error:"),
    "cancelled": ("Cancelled", "gray", ":material/block:"),
    "interrupted": ("Interrupted", "orange", ":material/warning:"),
    "damaged": ("Damaged", "red", ":material/broken_image:"),
}
VERBS = {
    "index-phantom": "Making a phantom",
    "index-cbis-ddsm": "Indexing CBIS-DDSM",
    "index-manifest": "Indexing a manifest",
    "extract": "Extracting features",
    "sweep": "Training heads",
    "paper": "Running the report",
    "": "A job that cannot be read",
}
KEPT_SWEEPS = "kept-sweeps"
MOST_LINES = 40
"""The number of lines of a log that are shown, the last ones."""
MOST_LETTERS = 600
"""The most letters of a job's text that are shown."""


def card(home: Home, job: jobs.Job) -> None:
    """The card of one job, refreshed every second while the job runs."""
    with st.container(border=True, key=f"job-{job.id}"):
        if job.state == jobs.RUNNING:
            _polled(home, job.id)
        else:
            _head(job)
            _outcome(job)
            _actions(home, job)


@st.fragment(run_every=1)
def _polled(home: Home, name: str) -> None:
    with show_errors():
        job = jobs.Job.open(home, name)
        if job.state != jobs.RUNNING:
            st.rerun()
        _head(job)
        progress = job.progress
        total = progress.get("total") or 0
        st.progress(min(progress.get("done", 0) / total, 1.0) if total else 0.0, text=plain(progress_words(progress)))
        if not home.shared and st.button("Cancel", key=f"cancel-{name}", icon=":material/close:"):
            jobs.cancel(home, name)
            st.rerun()
        with show_errors():
            _live_curves(home, job)


def _head(job: jobs.Job) -> None:
    """The job's kind, state, times, data set and settings."""
    label, colour, icon = STATES[job.state]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{VERBS[job.verb]}**", width="content")
        st.badge(label, color=colour, icon=icon)
        times = [f"started {local_time(datetime.fromisoformat(job.started))}"] if job.started else []
        if job.seconds is not None and job.state != jobs.RUNNING:
            times.append(f"took {duration(job.seconds)}")
        st.caption(", ".join(times) or plain(job.id), width="content")
    if job.dataset:
        st.markdown(f"**{plain(job.dataset)}**: {plain(short(job.settings))}")


def _outcome(job: jobs.Job) -> None:
    """The error of a job that failed, or the link to its result."""
    if job.reason:
        st.error(plain(short(job.reason)))
    if job.state == "done":
        job_result.link(job)
    elif job.verb == "sweep" and job.state in ("cancelled", "interrupted"):
        _offer_finished(job)


def _actions(home: Home, job: jobs.Job) -> None:
    """The actions on a job that has ended; none in a read-only home."""
    if home.shared:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        if job.verb and st.button("Retry", key=f"retry-{job.id}", icon=":material/replay:", help="Start it once more."):
            with show_errors():
                st.session_state.setdefault("followed", []).append(jobs.retry(home, job.id))
                st.rerun()
        with st.popover("Delete", icon=":material/delete:", key=f"really-{job.id}"):
            st.markdown("Delete this entry and its log? What the job made stays.")
            if st.button("Delete it", key=f"delete-{job.id}", type="primary"):
                with show_errors():
                    jobs.delete(home, job.id)
                    st.rerun()
    if lines := jobs.log_of(job, MOST_LINES):
        with st.expander("Log", icon=":material/terminal:"):
            st.code(
                "\n".join(line[:MOST_LETTERS] for line in lines),
                language=None,
                wrap_lines=True,
                height=min(60 + 24 * len(lines), 420),
            )


def short(text: str) -> str:
    """A text cut to `MOST_LETTERS`."""
    return text if len(text) <= MOST_LETTERS else f"{text[:MOST_LETTERS]}…"


def _offer_finished(job: jobs.Job) -> None:
    """A button that makes a sweep of the finished heads of a stopped one."""
    if job.home.shared:
        return
    sweep_of_job = st.session_state.setdefault(KEPT_SWEEPS, {})
    if job.id not in sweep_of_job and st.button(
        "Keep the finished heads", key=f"keep-{job.id}", icon=":material/save:"
    ):
        with show_errors():
            sweep_of_job[job.id] = keep_finished(job.home, SweepSpec.from_json(job.request.request["spec"]))
    if job.id in sweep_of_job:
        job_result.link_to_sweep(job.home, sweep_of_job[job.id])


def _live_curves(home: Home, job: jobs.Job) -> None:
    """The learning curves of a sweep's heads while they train."""
    live = job.progress.get("live") or {}
    if live.get("heads"):
        synthetic, weights = _data_and_weights(str(home.path), job.id)
        heads = [escape(head, quote=False) for head in live["heads"]]  # Plotly takes some signs for markup
        plot = live_curves(heads, live["history"], notes(synthetic, map(weights_note, weights)), dark())
        figure(plot, f"live-{job.id}")


@st.cache_data(max_entries=16, show_spinner=False)
def _data_and_weights(home_path: str, name: str) -> tuple[bool, Sequence[str]]:
    """Whether a job's images are synthetic, and the labels of the weights of its features."""
    home = Home(Path(home_path))
    request = jobs.Job.open(home, name).request
    if request.verb == "paper":
        paper = ReportSpec.from_json(request.request["spec"])
        return Dataset.open(home, paper.dataset).synthetic, paper.weights
    spec = SweepSpec.from_json(request.request["spec"])
    weights = [Cache.open(home, spec.dataset, cache).spec.weights for cache in spec.caches]
    return Dataset.open(home, spec.dataset).synthetic, weights


def progress_words(progress: dict[str, Any]) -> str:
    """The progress of a running job as text."""
    if not progress.get("total"):
        return "Starting…"
    unit = progress["unit"]
    words = [f"{progress['stage'].capitalize()}: {progress['done']:,} of {progress['total']:,} {unit}"]
    if progress["rate"]:
        words.append(f"{progress['rate']:.3g} {unit} a second")
    if progress["seconds_left"] is not None:
        words.append(f"{duration(progress['seconds_left'])} left{'' if progress['job_seconds'] else ' of this stage'}")
    if progress["job_seconds"]:
        words.append(f"{duration(progress['job_seconds'])} in all")
    return ", ".join(words)
