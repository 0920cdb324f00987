"""Buttons that download the tables and model cards of a page."""

from collections.abc import Callable, Sequence
from functools import partial

import pandas as pd
import streamlit as st

from mammo.data.dataset.dataset import Dataset
from mammo.results.exports.card import model_card
from mammo.results.exports.files import FORMATS, as_bytes, file_name
from mammo.results.exports.tables import runs_table, scores_wide
from mammo.results.exports.terms import attributions, datasets_of
from mammo.runs.stored_run import StoredRun
from mammo.specs import Home
from pages.shared.base.text import plain


def downloads(home: Home, board: pd.DataFrame, runs: Sequence[StoredRun]) -> None:
    """A menu with the leaderboard and the runs' scores as CSV and Parquet, and with the runs' model cards."""
    tables: dict[str, tuple[str, Callable[[], pd.DataFrame]]] = {
        "All runs listed": ("runs", lambda: runs_table(board)),
        f"Scores of the {len(runs)} runs shown": ("scores", lambda: scores_wide(runs)),
    }
    datasets = datasets_of(home, [run.sweep for run in runs])
    with st.popover("Download", icon=":material/download:"):
        for label, (name, table) in tables.items():
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(label, width=180)
                for ending, kind in FORMATS.items():
                    _button(kind.label, f"{name}.{ending}", kind.mime, partial(_as_file, table, ending))
        st.markdown("Model cards: what a run is, its data, leaks, figures and limits")
        for run in runs:
            _button(run.id, f"{file_name(run.id)}.md", "text/markdown", partial(_card, run, board, datasets))
        for source in attributions(datasets.values()):
            st.caption(f"If you pass this on, name the source: {plain(source)}")


def _card(run: StoredRun, board: pd.DataFrame, datasets: dict[str, Dataset]) -> str:
    dataset = datasets.get(str(run.sweep.about["dataset"]["name"]))
    return model_card(run, len(board), terms=dataset.about if dataset else None)


def _as_file(table: Callable[[], pd.DataFrame], ending: str) -> bytes:
    return as_bytes(table(), ending)


def _button(label: str, file: str, mime: str, content: Callable[[], bytes | str]) -> None:
    st.download_button(label, content, file, mime, key=f"download-{file}", on_click="ignore", type="secondary")
