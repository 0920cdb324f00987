"""What the pages say of leaks, images and data sets of any kind."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from mammo.data.dataset.dataset import Dataset
from mammo.data.index.cbis_ddsm import index_cbis_ddsm
from mammo.data.index.manifest import index_manifest
from mammo.errors import MammoError
from mammo.features.trunks.weights import weights_note
from mammo.progress import finish
from mammo.results.figures.drawing import with_leaks
from mammo.specs.class_names import ClassNames
from mammo.statistics.calibration import bound_note
from mammo.statistics.scored import Scored
from pages.parts.data import microscope_view as lens
from pages.parts.inspect.operating_view import intervals_sentence
from pages.shared.base import choose
from pages.shared.base.text import exposure, plain
from pages.shared.base.words import caption, describe, groups_of, judgement, leakage_words, part_rows
from pages.shared.forms import board

NONE = dict.fromkeys(
    ("patients", "breasts", "views", "films", "near_duplicates", "test_images_with_patient_in_train"), 0
)


def test_no_leak_is_said_with_all_that_was_looked_for():
    assert leakage_words(NONE) == (
        "No leakage found: no patient, breast, view or film stands in both train and test, "
        "and no test image seems to have a near-duplicate in train."
    )
    unknown = leakage_words({**NONE, "breasts": None, "views": None, "near_duplicates": None})
    assert unknown == (
        "No leakage found: no patient or film stands in both train and test. "
        "Not known, for the data set does not tell: breasts, views and near-duplicates."
    )


def test_where_patients_are_not_told_nothing_is_said_of_them():
    untold = dict.fromkeys(NONE)
    missing = "Not known, for the data set does not tell: patients, breasts, views, films"
    assert leakage_words(untold) == f"{missing} and near-duplicates."
    assert leakage_words({**untold, "near_duplicates": 0}).startswith(
        "No leakage found: no test image seems to have a near-duplicate in train. Not known"
    )
    assert leakage_words({**untold, "near_duplicates": 1}).startswith(
        "Leakage: 1 test image that may have a near-duplicate in train. Scores come out too high. Not known"
    )


def test_every_count_of_a_leak_is_said():
    leaks = {**NONE, "patients": 31, "breasts": 19, "views": 2, "films": 1, "near_duplicates": 3}
    text = leakage_words({**leaks, "test_images_with_patient_in_train": 50})
    assert text.startswith(
        "Leakage: 31 patients, 19 breasts, 2 views and 1 film in both train and test; 50 test images"
    )
    assert "3 that may have a near-duplicate in train" in text and text.endswith("Scores come out too high.")


def test_copies_under_other_names_are_a_leak():
    assert leakage_words({**NONE, "near_duplicates": 3}).startswith("Leakage: 0 patients")


PAGES = Path(__file__).parents[2] / "pages"


def row(**changes: object) -> pd.Series:
    values = {"label": "benign", "abnormality": "", "breast": "", "view": "", "patient": "7", "probability": 0.1}
    return pd.Series({**values, **changes})


def test_what_is_not_known_of_an_image_is_not_said():
    assert judgement(row()).endswith("10%  \n7") and exposure(row()) == ""
    assert judgement(row(breast="LEFT", view="CC")).endswith(r"7\, left CC")
    assert exposure(row(breast="LEFT")) == "Left breast" and exposure(row(breast="LEFT", view="CC")).endswith("CC view")


def test_text_of_others_is_no_markdown():
    hostile = "![](http://elsewhere/x.png) :red[a]\n# b $c$"
    for escaped in (plain(hostile), caption(row(abnormality=hostile)), judgement(row(patient=hostile))):
        assert (
            "![" not in escaped
            and "](" not in escaped
            and " :" not in escaped
            and " #" not in escaped
            and "//" not in escaped
        )


def test_there_is_nothing_to_choose_where_there_is_nothing():
    with pytest.raises(MammoError, match="nothing to choose under “Mammogram”"):
        choose.one("Mammogram", [], "image")


NUMBERS = """
from pages.shared.base import choose
from pages.shared.base.guard import show_errors
with show_errors():
    choose.number("Draws", 1, 50, 2, "draws")
    choose.numbers("Units", ["0", "8"], "units", default=["0"])
"""


@pytest.mark.parametrize("text", ["1e999", "-1e999", "nan", "many"])
def test_an_address_without_a_finite_number_gives_the_usual_one(text):
    page = AppTest.from_string(NUMBERS)
    page.query_params["draws"] = text
    page.run()
    assert not page.exception and page.number_input[0].value == 2


@pytest.mark.parametrize("text", ["1e999", "nan", "many"])
def test_a_number_that_is_none_is_refused_in_a_sentence(text):
    page = AppTest.from_string(NUMBERS)
    page.query_params["units"] = text
    page.run()
    assert not page.exception and "takes numbers such as 0" in page.error[0].value


WEIGHTS = """
from pages.shared.base.guard import show_errors
from pages.parts.features.trunk_form import choose_weights
with show_errors():
    choose_weights("vgg16-mini")
"""


@pytest.mark.parametrize("name", ["", "~nobody-by-that-name/x.pth", "a" * 300 + ".pth", "/etc"])
def test_weights_from_a_file_that_is_none_are_refused_in_a_sentence(name):
    page = AppTest.from_string(WEIGHTS)
    page.query_params.update({"weights": weights_note("file").capitalize(), "file": name})
    page.run()
    assert not page.exception and "Name an existing weights file" in page.error[0].value


def test_the_microscope_knows_images_of_one_name_apart(tiny):
    dataset = Dataset.open(tiny, "tiny")
    image, neighbour = dataset.images["image"].iloc[:2]
    row_of = dataset.images.set_index("image")
    swapped = dataset.images.assign(image=dataset.images["image"].replace({image: neighbour, neighbour: image}))
    swapped_set = Dataset("other", dataset.folder, dataset.about, swapped, dataset.lesions.iloc[:0])
    first = lens._looks("a", row_of.loc[image, "digest"], dataset, image, 64)
    second = lens._looks("a", row_of.loc[neighbour, "digest"], swapped_set, image, 64)
    assert first[1].full.picture.tolist() != second[1].full.picture.tolist()


@pytest.mark.parametrize("view", ["Images", "Split", "Resize microscope", "Preprocessing", "Problems"])
def test_a_set_of_crops_alone_can_be_looked_at(home, samples, view, monkeypatch):
    dataset = finish(index_cbis_ddsm(home, "crops", samples, workers=1))
    assert dataset.images.empty and len(dataset.available_lesions) == 5
    monkeypatch.setenv("MAMMO_HOME", str(home.path))
    page = AppTest.from_file(PAGES / "data.py", default_timeout=60)
    page.query_params["view"] = view
    page.run()
    assert not page.exception


def test_a_caption_names_finding_breast_and_view_as_far_as_they_are_known():
    row = {"label": "malignant", "abnormality": "calc", "breast": "LEFT", "view": "MLO"}
    assert describe(pd.Series(row)) == "Malignant calcification, left MLO"
    assert describe(pd.Series({**row, "breast": ""})) == "Malignant calcification, MLO"
    assert describe(pd.Series({**row, "abnormality": "", "breast": "", "view": ""})) == "Malignant"


def test_parts_are_counted_with_their_malignant_images_and_patients():
    images = pd.DataFrame({"label": ["malignant", "benign", "malignant", "benign"], "patient": ["a", "a", "b", "c"]})
    rows = part_rows(images, np.array([0, 0, 2, -1], dtype=np.int8))
    assert rows.to_dict("index") == {
        "Train": {"Images": 2, "Malignant": 1, "Patients": 1},
        "Validation": {"Images": 0, "Malignant": 0, "Patients": 0},
        "Test": {"Images": 1, "Malignant": 1, "Patients": 1},
        "Left out": {"Images": 1, "Malignant": 0, "Patients": 1},
    }


def test_only_columns_that_say_something_group_images():
    rows = pd.DataFrame(
        {"abnormality": ["", ""], "density": [None, 2], "shape": ["OVAL", None], "xmin": [1, 2], "site": "A"}
    )
    assert groups_of(rows) == {"density": "Breast density", "shape": "Shape", "site": "site"}


def test_images_are_called_by_the_names_of_their_classes():
    classes, dense_row = ClassNames("dense", "not *dense*"), row(label="malignant")
    assert describe(dense_row, classes).startswith("Dense")
    assert judgement(dense_row, classes).startswith("**Dense**")
    assert judgement(row(label="benign"), classes).startswith(r"**Not \*dense\***")
    images = pd.DataFrame({"label": ["malignant", "benign"], "patient": ["a", "b"]})
    assert list(part_rows(images, np.zeros(2, np.int8), classes)) == ["Images", "Dense", "Patients"]


@pytest.mark.parametrize(("unit", "end"), [("images", ", not images"), ("breasts", ", not breasts"), ("patients", "")])
def test_words_of_intervals_and_columns_follow_the_level(unit, end):
    assert intervals_sentence(unit) == f"Intervals are 95 % and count patients{end}."
    helps = " ".join(str(column.get("help")) for column in board.columns(unit).values())
    further_units = {"images", "breasts", "patients"} - {unit}
    assert f"validation {unit}" in helps and f"Test {unit} whose patient" in helps
    assert not any(f"validation {name}" in helps for name in further_units)


@pytest.mark.parametrize("unit", ["images", "breasts", "patients"])
def test_notes_of_figures_follow_the_level(unit):
    runs = [Scored(name, [1, 0], [1.0, 0.0], ["a", "b"], leaked=leaks, unit=unit) for leaks, name in enumerate("ab")]
    note, marks = with_leaks("", runs)
    assert note.startswith(f"leaked: {unit} whose patient") and marks == ["", "1 leaked"]
    assert with_leaks("", runs[1:])[0].startswith(f"1 of 2 test {unit} have")
    assert f"validation {unit} of higher scores" in bound_note(1e9, unit=unit)


def index_outlines(home, tmp_path):
    """Two sets of four films each: one whose lesions nobody outlined, one with the box of one of them."""
    for name, boxes in (("plain", ["", "", "", ""]), ("boxed", ["", "", "10,10,40,40", ""])):
        folder = tmp_path / name
        folder.mkdir()
        lines = ["path,label,patient,xmin,ymin,xmax,ymax"]
        for number, box in enumerate(boxes):
            film = np.random.default_rng(number).integers(0, 255, (90, 60), dtype=np.uint8)
            Image.fromarray(film).save(folder / f"{number}.png")
            lines.append(f"{number}.png,{'BM'[number % 2]},{number},{box or ',,,'}")
        (folder / "set.csv").write_text("\n".join(lines) + "\n")
        finish(index_manifest(home, name, folder / "set.csv", workers=1))


def test_a_set_without_outlines_is_told_from_a_mammogram_without_one(home, tmp_path, monkeypatch):
    index_outlines(home, tmp_path)
    monkeypatch.setenv("MAMMO_HOME", str(home.path))

    def look(dataset):
        page = AppTest.from_file(PAGES / "data.py", default_timeout=60)
        page.query_params.update(dataset=dataset, view="Resize microscope")
        assert not page.run().exception
        return page

    assert any("data set plain has no outlines of lesions" in box.value for box in look("plain").info)
    page = look("boxed")
    assert not any("outline" in box.value for box in page.info)
    page.selectbox(key="image").set_value(page.selectbox(key="image").options[1]).run()
    assert any("No lesion is outlined in this mammogram" in box.value for box in page.info)
