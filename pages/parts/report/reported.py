"""Parts of the Report page: settings that the report leaves open, rows still to run, tables, and downloads."""

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
    """The settings that the report leaves open."""
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
    """The report with its results, read again only when its inputs change."""
    cache_names = caches(home, dataset.name)
    states = [file_state(home.cache(dataset.name, name) / file) for name in cache_names for file in (SPEC, MANIFEST)]
    input_states = [
        digest_file(dataset.folder / INDEX),
        str(board_store.board_path(home, sweeps(home), None)),
        cache_names,
        states,
    ]
    return _opened(digest_json(input_states), str(home.path), json.dumps(spec.to_json()))


@st.cache_resource(max_entries=8, show_spinner="Reading what is there…")
def _opened(input_states: str, home_path: str, spec_json: str) -> tuple[ReportRuns, Report]:
    del input_states  # part of the cache key: the results can change
    paper = open_report_runs(Home(Path(home_path)), ReportSpec.from_json(json.loads(spec_json)))
    return paper, paper.report()


def offer(home: Home, paper: ReportRuns) -> None:
    """The rows still to run, their cost, and the button that runs them; nothing in a read-only home."""
    missing = paper.missing
    if home.read_only or not missing:
        return
    costs.show(home, paper.estimate, {"Rows to run": sum(len(step.rows) for step in missing)})
    st.caption("Existing results are reused, also those that a stopped job has finished.")
    if st.button("Run what is missing", type="primary", icon=":material/play_arrow:"):
        work.start(home, "paper", {"spec": paper.spec.to_json()})


def table(table: ReportTable) -> None:
    """A table of the report with its notes."""
    st.subheader(table.title)
    st.html(f"<style>{TABLE_STYLE}</style>{table_html(table)}")
    if table.notes:
        st.caption("  \n".join(map(plain, table.notes)))


def choose_row(report: Report) -> ReportComparison | None:
    """One of the rows that were run, our best of VGG16 at first; None where none was run."""
    rows = [row for row in report.rows if row.outcomes]
    rows.sort(key=lambda row: not row.best)
    if not rows:
        return None
    names = {f"{row.row.table}.{row.row.row}": row for row in rows}
    chosen: str = choose.one("Figures 1 and 2 of", list(names), "row", lambda name: _row_label(names[name]), width=460)
    return names[chosen]


def _row_label(row: ReportComparison) -> str:
    return f"{row.row.name} ({row.row.label.partition(' · ')[2]})"


def downloads(report: Report) -> None:
    """A download button for every file format of the report."""
    with st.container(horizontal=True):
        for form in FORMS.values():
            content = partial(form.write, report)
            st.download_button(form.label, content, form.file, form.mime, icon=":material/download:", on_click="ignore")
