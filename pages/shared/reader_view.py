"""The reader seen: what the radiologists' own BI-RADS assessments are worth."""

from dataclasses import replace

import streamlit as st

from mammo.data.dataset import Dataset
from mammo.results.figures.runs import roc_figure
from mammo.results.reader import reader_summary, reader_tables, scored_by_reader
from pages.shared import show

NAMES = {"image": "By image", "lesion": "By lesion", "mass": "Masses", "calc": "Calcifications"}
COLUMNS = ("Assessed", "n (malignant)", "AUC", "Sensitivity", "Specificity")


def reader(dataset: Dataset, note: str) -> None:
    """The reader's ROC by image, by lesion and by kind of lesion, with sensitivity and specificity at BI-RADS 4."""
    summary = reader_summary(dataset.images, dataset.lesions)
    part, tables = reader_tables(dataset.images, dataset.lesions)
    read = {name: scored_by_reader(table) for name, table in tables.items()}
    curves = [replace(one, name=NAMES[name]) for name, one in read.items() if one and name != "image"]
    where = "the official test set" if part == "test" else "all images: the set names no official test set"
    st.caption(f"BI-RADS assessments as scores, 0 between 3 and 4, on {where}. Every model has this to measure up to.")
    left, right = st.columns(2, gap="large")
    with left:
        show.figure(roc_figure(curves, note, show.dark(), read["image"]), "reader")
    with right:
        rows = [_row(NAMES[name], summary[name]) for name in NAMES if summary[name]["n"]]
        st.table([dict(zip(COLUMNS, row, strict=True)) for row in rows], border="horizontal")
        st.caption("Sensitivity and specificity are those of calling BI-RADS 4 and above malignant.")


def _row(name: str, told: dict[str, object]) -> tuple[str, ...]:
    return (
        name,
        f"{told['n']:,} ({told['positives']:,})",
        _number(told["auc"]),
        _number((told["sensitivity"] or {}).get("value")),
        _number((told["specificity"] or {}).get("value")),
    )


def _number(value: float | None) -> str:
    return "?" if value is None else f"{value:.2f}"
