"""The radiologists' own BI-RADS assessments as scores."""

from dataclasses import replace
from typing import Any

import pandas as pd
import streamlit as st

from mammo.data.birads import ZEROS
from mammo.data.dataset.dataset import Dataset
from mammo.results.figures.runs import roc_figure
from mammo.runs.reader import reader_summary, reader_tables, scored_by_reader
from mammo.specs.class_names import ClassNames
from pages.shared.base import choose, show
from pages.shared.base.text import plain

NAMES = {"image": "By image", "lesion": "By lesion", "mass": "Masses", "calc": "Calcifications"}


def reader(dataset: Dataset, note: str) -> None:
    """The reader's ROC by image, by lesion and by kind of lesion, with both operating points."""
    zero = choose.entry("BI-RADS 0 counts as", ZEROS, "recall_zero", width=220)
    summary = reader_summary(dataset.images, dataset.lesions, dataset.about, zero)
    if summary["reason"]:
        st.warning(plain(summary["reason"]))
    if summary["circular"]:
        return
    part, tables = reader_tables(dataset.images, dataset.lesions)
    read = {name: scored_by_reader(table, zero) for name, table in tables.items()}
    curves = [replace(curve, name=NAMES[name]) for name, curve in read.items() if curve and name != "image"]
    where = "the official test set" if part == "test" else "all images: the set names no official test set"
    yardstick = "" if summary["reason"] else " Compare every model with this."
    st.caption(f"BI-RADS assessments as scores, on {where}.{yardstick}")
    left, right = st.columns(2, gap="large")
    with left:
        show.figure(roc_figure(curves, note, show.dark(), read["image"]), "reader")
    with right:
        columns = {NAMES[name]: _figures(summary[name], dataset.classes) for name in NAMES if summary[name]["n"]}
        st.table(pd.DataFrame(columns), border="horizontal", width="content")
        positive = plain(dataset.classes.positive)
        st.caption(f"For sensitivity and specificity, cases with at least the BI-RADS in the row count as {positive}.")


def _figures(summary: dict[str, Any], classes: ClassNames) -> dict[str, str]:
    row = {
        f"n ({classes.positive})": f"{summary['n']:,} ({summary['positives']:,})",
        "AUC": _number(summary["auc"]),
    }
    for point in summary["operating"]:
        words = point["birads"].replace(" ", "\u00a0")
        for share in ("sensitivity", "specificity"):
            row[f"{share.capitalize()}, {words}"] = _number((point[share] or {}).get("value"))
    return row


def _number(value: float | None) -> str:
    return "?" if value is None else f"{value:.2f}"
