"""Instant mode: every change of a setting retrains heads on pooled features and redraws their results."""

import dataclasses
import json
import sys
import threading
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from mammo.data.dataset.dataset import INDEX, Dataset
from mammo.estimates.estimate import sweep_estimate
from mammo.features.cache.cache import Cache
from mammo.heads.sweeps.in_memory import Workbench, instant_part, open_workbench, train_at_once
from mammo.progress import duration
from mammo.results.board.leaderboard import ranked
from mammo.results.figures.runs import roc_figure
from mammo.results.setting_words import short_names
from mammo.runs.stored_run import StoredRun
from mammo.runs.sweep import Sweep
from mammo.specs import HeadSpec, Home, SweepSpec
from mammo.storage.digests import digest_file
from mammo.storage.spreadsheets import plain_cells
from pages.shared.base import choose, show
from pages.shared.forms import board
from pages.shared.views import work

LONGEST_WAIT = 10.0
"""The longest expected training, in seconds, that is done on the page."""
MOST_CURVES = 3
TRAINING_LOCK = threading.Lock()
"""Visitors of one server train one after another; at the same time each would take longer."""
TEST_WARNING = (
    "Test figures are shown while you change settings. If you pick settings by them, you choose on the test set, and "
    "the figures no longer show how a head performs on new images. Choose by validation, and look here once."
)
TEST_HELP = "Leave this off while you choose: picking settings by test figures is choosing on the test set."
TEST_COLUMNS = ["Test AUC", "95 % test", "Test images", "Test accuracy", "95 % accuracy", "Leaked"]


def settings_and_results() -> tuple[Any, Any]:
    """Two columns of the page: for the settings, and for their results."""
    st.caption("Instant trains heads on pooled (GAP) features at every change of a setting; nothing is written.")
    left, right = st.columns(2, gap="large")
    return left, right


def show_at_once(home: Home, dataset: Dataset, spec: SweepSpec) -> None:
    """Train the heads, show their results, and offer to keep them as a sweep."""
    pooled = instant_part(spec)
    if pooled is None:
        st.info(
            "Instant mode trains heads on pooled features of a frozen trunk: choose GAP under “Pooling”.",
            icon=":material/info:",
        )
        st.stop()
    if left_out := spec.runs - pooled.runs:
        st.caption(f"{left_out:,} heads that are not trained on pooled features are left out.")
    expected = sweep_estimate(home, pooled).parts["run"]
    if expected > LONGEST_WAIT:
        st.info(f"These {pooled.runs:,} heads take about {duration(expected)}, too long to wait for. Keep them as "
                "a sweep, or choose fewer.", icon=":material/hourglass:")  # fmt: skip
    else:
        _results(_trained(home, dataset, pooled))
    if st.button("Keep as a sweep", type="primary", icon=":material/save:", help="Trains the same heads as a job."):
        work.start(home, "sweep", {"spec": pooled.to_json()})


def _trained(home: Home, dataset: Dataset, spec: SweepSpec) -> Sweep:
    """The sweep in memory, trained unless the page's cache holds it."""
    caches = [Cache.open(home, dataset.name, name).manifest["digest"] for name in spec.caches]
    digests = f"{home.path.absolute()} {digest_file(dataset.folder / INDEX)} {caches}"
    if "mammo.heads.training.train" not in sys.modules:
        with st.spinner("Loading torch once, about 3 s…"):
            import mammo.heads.training.train  # noqa: F401
    return _sweep(digests, str(home.path), json.dumps(spec.to_json()))


@st.cache_data(max_entries=16, show_spinner="Training…")
def _sweep(digests: str, home_path: str, spec_json: str) -> Sweep:
    spec = SweepSpec.from_json(json.loads(spec_json))
    bare = dataclasses.replace(spec, heads=(HeadSpec(pool="gap"),))
    with TRAINING_LOCK:
        return train_at_once(_workbench(digests, home_path, json.dumps(bare.to_json())), spec.heads)


@st.cache_resource(max_entries=4, show_spinner=False)
def _workbench(digests: str, home_path: str, spec_json: str) -> Workbench:
    del digests  # part of the cache key: the features of a name can change
    return open_workbench(Home(Path(home_path)), SweepSpec.from_json(json.loads(spec_json)))


def _results(sweep: Sweep) -> None:
    """The leaderboard and the ROC curves of the best heads, on validation unless the visitor asks for test."""
    test = choose.flag("Show test figures too", "test", help=TEST_HELP)
    if test:
        st.warning(TEST_WARNING, icon=":material/warning:")
    part = "test" if test else "validation"
    table = ranked([sweep])
    note = show.notes(sweep.synthetic, table["weights_note"])
    show.badge(note)
    names = short_names(table)
    seconds = sweep.about["seconds"]
    st.caption(f"{len(table):,} heads trained in {seconds:.2f} s; in memory only.")
    best = [StoredRun(sweep, sweep.row(run)) for run in table["run"].head(MOST_CURVES)]
    show.figure(roc_figure([run.scored(part, names[run.id]) for run in best], note, show.dark()), "instant-roc")
    st.caption(f"ROC curves of the best {len(best)} by validation AUC, on the {part} images.")
    board_rows = _board_rows(table, names, test)
    columns = {**board.columns("images"), "Run": st.column_config.TextColumn(width=190)}
    st.dataframe(
        plain_cells(board_rows), hide_index=True, height=min(38 + 35 * len(board_rows), 420), column_config=columns
    )


def _board_rows(table: pd.DataFrame, names: dict[str, str], test: bool) -> pd.DataFrame:
    """The leaderboard, with the columns of test figures only if `test`."""
    rows = board.shown_columns(table, names)
    return rows if test else rows.drop(columns=TEST_COLUMNS)
