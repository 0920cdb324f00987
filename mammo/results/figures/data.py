"""Plotly figures of a data set: its counts, its patients, and their parts of a split."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mammo.data.column_words import UNKNOWN, display_value
from mammo.data.splits.protocols import PARTS
from mammo.results.figures.drawing import bars, blank_figure, legend_below
from mammo.results.figures.palette import CLASSES, ground
from mammo.specs.class_names import PLAIN, ClassNames

if TYPE_CHECKING:
    import pandas as pd
    from plotly.graph_objects import Figure

    from mammo.data.splits.protocols import Parts

MOST = 12
"""The most bars; a column with more values shows its most frequent ones."""


def counts_by(
    images: pd.DataFrame,
    column: str,
    note: str = "",
    dark: bool = False,
    unit: str = "Mammograms",
    classes: ClassNames = PLAIN,
) -> Figure:
    """Images by the values of a column and by label, from a table with `label`; missing values have a bar too.

    `unit` is the word for the rows, in the plural.
    """
    figure = blank_figure(note, dark, height=320)
    values = images[column].map(lambda value: display_value(value, classes))
    frequent = list(values.value_counts().index[:MOST])
    order = sorted(frequent, key=lambda value: (value == UNKNOWN, value))
    for label, colour in CLASSES.items():
        chosen = values[images["label"] == label].value_counts()
        counts = [int(chosen.get(value, 0)) for value in order]
        bars(figure, order, counts, classes.by_label[label], colour)
    hidden = values.nunique() - len(frequent)
    figure.update_xaxes(type="category", title_text=f"and {hidden} more values" if hidden else " ")
    figure.update_yaxes(title_text=unit, rangemode="tozero")
    legend_below(figure, 1, "h")
    return figure


def patient_counts(
    images: pd.DataFrame, note: str = "", dark: bool = False, unit: str = "Mammograms", classes: ClassNames = PLAIN
) -> Figure:
    """Patients by the number of their images; malignant where any image is. `unit` is the word for the images."""
    figure = blank_figure(note, dark, height=320)
    patients = images.groupby("patient")["label"].agg(
        number="size", malignant=lambda labels: (labels == "malignant").any()
    )
    numbers = sorted(patients["number"].unique())
    for label, colour in CLASSES.items():
        chosen = patients.loc[patients["malignant"] == (label == "malignant"), "number"].value_counts()
        counts = [int(chosen.get(number, 0)) for number in numbers]
        bars(figure, [str(number) for number in numbers], counts, classes.by_label[label], colour)
    figure.update_xaxes(title_text=f"{unit} of the patient", type="category")
    whole_ticks = 1 if len(patients) <= 6 else None  # no tick at half a patient
    figure.update_yaxes(title_text="Patients", rangemode="tozero", dtick=whole_ticks)
    legend_below(figure, 1, "h")
    return figure


def patients_by_part(images: pd.DataFrame, parts: Parts, note: str = "", dark: bool = False) -> Figure:
    """Patients by the parts of the split that hold their images; those in train and test, the leak, stand out."""
    used = images.assign(part=parts)[parts >= 0]
    combinations = used.groupby("patient")["part"].unique().map(lambda numbers: tuple(sorted(numbers)))
    counts = combinations.value_counts()
    names = {part: name for name, part in PARTS.items()}
    rows = sorted(counts.index, key=lambda row: (len(row), row))
    leaks = [{PARTS["train"], PARTS["test"]} <= set(row) for row in rows]
    figure = blank_figure(note, dark, height=120 + 34 * len(rows))
    labels = [" and ".join(names[part] for part in row) + ("" if len(row) > 1 else " only") for row in rows]
    colours = ground(dark)
    figure.add_bar(
        x=[int(counts[row]) for row in rows],
        y=[label.capitalize() for label in labels],
        orientation="h",
        marker={"color": [colours.notice if leak else colours.muted for leak in leaks], "line": {"width": 0}},
        text=[f"{counts[row]:,}{' — leak' if leak else ''}" for row, leak in zip(rows, leaks, strict=True)],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{y}: %{x} patients<extra></extra>",
        showlegend=False,
    )
    figure.update_xaxes(title_text="Patients", rangemode="tozero", range=[0, 1.18 * max(counts)])
    figure.update_yaxes(autorange="reversed", automargin=True, showgrid=False)
    return figure
