"""The link from a job to its result."""

from collections.abc import Callable
from html import escape
from urllib.parse import urlencode

import streamlit as st

from mammo import jobs
from mammo.data.dataset.dataset import INDEX
from mammo.features.cache.cache import Cache
from mammo.heads.finetune import FINETUNES, TUNED
from mammo.results.report.stated import TRUNK_SETS, ReportSpec
from mammo.runs.sweep_files import ABOUT
from mammo.specs import Home
from pages.serving.navigation import PAGES
from pages.shared.base.guard import show_errors
from pages.shared.base.text import plain
from pages.shared.base.words import KIND_NAMES

Query = dict[str, str | list[str]]


def link(job: jobs.Job) -> None:
    """The names of a job's results with the link to them; says so where they are no longer there."""
    with show_errors():
        LINKS[job.verb](job)


def link_to_sweep(home: Home, name: str) -> None:
    """The link to a sweep on Compare."""
    _link(name, (home.sweep(name) / ABOUT).is_file(), "compare", {"sweep": name})


def _dataset(job: jobs.Job) -> None:
    (name,) = job.results
    _link(name, (job.home.dataset(name) / INDEX).is_file(), "data", {"dataset": name})


def _caches(job: jobs.Job) -> None:
    """The link to train heads on a job's caches; caches for fine-tuning have another parameter in the address."""
    opened = [Cache.open(job.home, job.dataset, name) for name in job.results]
    tuned = all(cache.spec.tap == TUNED for cache in opened)
    query: Query = {"dataset": job.dataset, "caches": list(job.results)}
    if tuned:
        query = {"dataset": job.dataset, "tuned_caches": list(job.results), "finetune": FINETUNES[TUNED].label}
    _link(", ".join(job.results), bool(opened), "sweep", query)


def _sweep(job: jobs.Job) -> None:
    (name,) = job.results
    link_to_sweep(job.home, name)


def _paper(job: jobs.Job) -> None:
    spec = ReportSpec.from_json(job.request.request["spec"])
    query: Query = {"dataset": spec.dataset, "trunks": TRUNK_SETS[spec.trunks].label, "kind": KIND_NAMES[spec.kind]}
    query |= {name: str(getattr(spec, name)) for name in ("epochs", "splits", "draws", "seed", "size")}
    _link(job.result, (job.home.dataset(spec.dataset) / INDEX).is_file(), "report", query)


LINKS: dict[str, Callable[[jobs.Job], None]] = {
    "index-phantom": _dataset,
    "index-cbis-ddsm": _dataset,
    "index-manifest": _dataset,
    "extract": _caches,
    "sweep": _sweep,
    "paper": _paper,
}


def _link(name: str, there: bool, page: str, query: Query) -> None:
    st.caption(f"Made: {plain(name)}" if there else f"Made {plain(name)}, which is no longer there.")
    if there:  # with a link of Streamlit's own, the session's earlier choices on that page would win
        address = escape(f"{page}?{urlencode(query, doseq=True)}")
        st.html(f'<a class="go-on" href="{address}">Go on to {PAGES[page][0]} →</a>')
