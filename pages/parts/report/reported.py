"""Parts of the Report page: what the report leaves open, what is still to be run, its tables, and its files."""

import json
from functools import partial
from pathlib import Path

import streamlit as st

from mammo.data.dataset.dataset import INDEX, Dataset
from mammo.features.cache.cache import MANIFEST, SPEC, caches
from mammo.paper import ReportRuns, open_report_runs, report_spec, weights_choices
from mammo.results.board import store as board_store
from mammo.results.report.comparison import Report, ReportComparison
from mammo.results.report.export import FORMS, TABLE_STYLE, table_html
from mammo.results.report.stated import TRUNK_SETS, ReportSpec
from mammo.results.report.tables import ReportTable
from mammo.runs.sweep import sweeps
from mammo.specs import Home
from mammo.storage.digests import digest_file, digest_json
from mammo.storage.file_states import file_state
from pages.shared.base import choose
from pages.shared.base.text import plain
from pages.shared.base.words import KIND_NAMES
from pages.shared.views import costs, work


def choose_spec(home: Home, dataset: Dataset) -> ReportSpec:
    """What the report leaves open."""
    usual = report_spec(dataset)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        trunks = choose.entry("Trunks", TRUNK_SETS, "trunks", index=list(TRUNK_SETS).index(usual.trunks), width=240)
        kinds = [kind for kind in KIND_NAMES if len(dataset.table(kind))]
        kind = choose.one("Images", kinds, "kind", KIND_NAMES.__getitem__, width=200)
        labels = weights_choices(home, dataset, trunks)
        weights = choose.one("Weights", labels, "weights", " and ".join, width=240) if len(labels) > 1 else labels[0]
    with st.expander("What the report does not name"), st.container(horizontal=True):
        epochs = choose.number("Epochs", 1, 1000, usual.epochs, "epochs", width=160)
        splits = choose.number("Draws of train and validation", 1, 50, usual.splits, "splits", width=220)
        draws = choose.number("Augmented versions of an image", 1, 1000, usual.draws, "draws", width=240)
        seed = choose.number("Seed", 0, 10_000, usual.seed, "seed", width=160)
        size = choose.number("Size in pixels", 32, 4096, usual.size, "size", step=32, width=160)
    chosen = {"epochs": epochs, "splits": splits, "draws": draws, "seed": seed, "size": size}
    return report_spec(dataset, trunks, weights=weights, kind=kind, **chosen)


def opened(home: Home, dataset: Dataset, spec: ReportSpec) -> tuple[ReportRuns, Report]:
    """What is there of a report, read again only when something new is."""
    there = caches(home, dataset.name)
    states = [file_state(home.cache(dataset.name, name) / file) for name in there for file in (SPEC, MANIFEST)]
    held = [digest_file(dataset.folder / INDEX), str(board_store.board_path(home, sweeps(home), None)), there, states]
    return _opened(digest_json(held), str(home.path), json.dumps(spec.to_json()))


@st.cache_resource(max_entries=8, show_spinner="Reading what is there…")
def _opened(held: str, place: str, asked: str) -> tuple[ReportRuns, Report]:
    del held  # it tells what is there at different times apart
    paper = open_report_runs(Home(Path(place)), ReportSpec.from_json(json.loads(asked)))
    return paper, paper.report()


def offer(home: Home, paper: ReportRuns) -> None:
    """What is still to be run, what it will cost, and the button that starts it; a shared home has none."""
    missing = paper.missing
    if home.read_only or not missing:
        return
    costs.show(home, paper.estimate, {"Rows to run": sum(len(step.rows) for step in missing)})
    st.caption("What is there already is reused, and what a stopped job has finished is kept.")
    if st.button("Run what is missing", type="primary", icon=":material/play_arrow:"):
        work.start(home, "paper", {"spec": paper.spec.to_json()})


def table(drawn: ReportTable) -> None:
    """A table of the report with its notes."""
    st.subheader(drawn.title)
    st.html(f"<style>{TABLE_STYLE}</style>{table_html(drawn)}")
    if drawn.notes:
        st.caption("  \n".join(map(plain, drawn.notes)))


def choose_row(report: Report) -> ReportComparison | None:
    """One of the rows that were run, our best of VGG16 at first; None where none was."""
    rows = [one for one in report.rows if one.outcomes]
    rows.sort(key=lambda one: not one.best)
    if not rows:
        return None
    names = {f"{one.row.table}.{one.row.row}": one for one in rows}
    chosen: str = choose.one("Figures 1 and 2 of", list(names), "row", lambda name: _told(names[name]), width=460)
    return names[chosen]


def _told(one: ReportComparison) -> str:
    return f"{one.row.name} ({one.row.label.partition(' · ')[2]})"


def downloads(report: Report) -> None:
    """A button for every form of the report as a file."""
    with st.container(horizontal=True):
        for form in FORMS.values():
            made = partial(form.write, report)
            st.download_button(form.label, made, form.file, form.mime, icon=":material/download:", on_click="ignore")
