import numpy as np
import pandas as pd
import pytest

from mammo.data.column_words import UNKNOWN, display_value
from mammo.data.splits.protocols import OUT, TEST, TRAIN, VALIDATION
from mammo.results.figures.data import MOST, counts_by, patient_counts, patients_by_part
from mammo.specs.class_names import ClassNames

IMAGES = pd.DataFrame(
    {
        "patient": ["a", "a", "b", "b", "c", "d"],
        "label": ["malignant", "benign", "benign", "benign", "malignant", "benign"],
        "density": pd.array([1, 2, 2, None, 3, 2], dtype="Int64"),
        "abnormality": ["mass", "calc", "mass", "mass", "", None],
    }
)


def bars_of(figure):
    return {bar.name: dict(zip(bar.x, bar.y, strict=True)) for bar in figure.data}


def test_counts_by_any_column_have_a_bar_for_missing_values():
    bars = bars_of(counts_by(IMAGES, "density"))
    assert bars == {"Benign": {"1": 0, "2": 3, "3": 0, UNKNOWN: 1}, "Malignant": {"1": 1, "2": 0, "3": 1, UNKNOWN: 0}}
    bars = bars_of(counts_by(IMAGES, "abnormality"))
    assert bars["Benign"] == {"Calcification": 1, "Mass": 2, UNKNOWN: 1}


def test_a_column_of_many_values_shows_the_most_frequent_and_counts_the_hidden():
    many = pd.DataFrame({"label": ["benign"] * 40, "site": [f"site {number % 20}" for number in range(40)]})
    figure = counts_by(many, "site")
    assert len(figure.data[0].x) == MOST and f"and {20 - MOST} more values" in figure.layout.xaxis.title.text


def test_patients_by_the_number_of_their_images():
    bars = bars_of(patient_counts(IMAGES))
    assert bars == {"Benign": {"1": 1, "2": 1}, "Malignant": {"1": 1, "2": 1}}


def test_patients_in_train_and_test_are_the_leak():
    parts = np.array([TRAIN, TEST, TRAIN, VALIDATION, TEST, OUT], dtype=np.int8)
    (bar,) = patients_by_part(IMAGES, parts).data
    assert dict(zip(bar.y, bar.text, strict=True)) == {
        "Test only": "1",
        "Train and validation": "1",
        "Train and test": "1 — leak",
    }
    colours = dict(zip(bar.y, bar.marker.color, strict=True))
    assert colours["Train and test"] != colours["Train and validation"] == colours["Test only"]


@pytest.mark.parametrize("dark", [True, False])
def test_the_note_is_drawn(dark):
    for figure in (
        counts_by(IMAGES, "density", "Synthetic data", dark),
        patient_counts(IMAGES, "Synthetic data", dark),
    ):
        assert figure.layout.annotations[0].text == "Synthetic data"


def test_crops_are_called_crops():
    counted, patients = counts_by(IMAGES, "density", unit="Crops"), patient_counts(IMAGES, unit="Crops")
    assert counted.layout.yaxis.title.text == "Crops"
    assert patients.layout.xaxis.title.text == "Crops of the patient"


def test_pathologies_have_the_names_of_the_classes():
    classes = ClassNames("dense", "fatty")
    assert [display_value(value, classes) for value in ("MALIGNANT", "BENIGN", "A", None)] == [
        "Dense",
        "Fatty",
        "A",
        "not given",
    ]
    assert display_value("BENIGN") == "Benign"
