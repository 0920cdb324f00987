import itertools

import numpy as np
import pandas as pd
import pytest

from mammo.data.phantom import PhantomSpec, draw_patients, render_view
from mammo.data.phantom.files.layout import plan
from mammo.data.splits.leakage import COUNTS, leakage, leaked_images
from mammo.data.splits.likeness import image_hash
from mammo.data.splits.protocols import OUT, TEST, TRAIN, VALIDATION, draw
from mammo.specs import SplitSpec

MISSING = ["", None, float("nan"), pd.NA]


def listed(number, seed):
    """The listed images of patients that were drawn, as a data set's table."""
    listings = [one for patient in draw_patients(PhantomSpec(number, seed)) for one in plan(patient)]
    rows = [(one.full.folder, one.patient.name, one.breast.side, one.view) for one in listings]
    table = pd.DataFrame(rows, columns=["image", "patient", "breast", "view"])
    return table.assign(film=table["patient"] + "_" + table["breast"] + "_" + table["view"], label="benign")


def two_images(**columns):
    """An image in train and one in test, alike in everything but what `columns` says."""
    same = {"image": ["a", "b"], "patient": "P", "breast": "LEFT", "view": "CC", "film": "F"}
    return pd.DataFrame({**same, **columns}), np.array([TRAIN, TEST], dtype=np.int8)


def test_leakage_is_what_counting_one_by_one_gives():
    table = listed(300, 5)
    parts = draw(table, SplitSpec("paper", 1))
    train = [row for row, part in zip(table.itertuples(), parts, strict=True) if part == TRAIN]
    test = [row for row, part in zip(table.itertuples(), parts, strict=True) if part == TEST]
    shared = {"patients": set(), "breasts": set(), "views": set(), "films": set()}
    images = set()
    for one, other in itertools.product(train, test):
        if one.patient == other.patient:
            shared["patients"].add(one.patient)
            images.add(other.image)
            if one.breast == other.breast:
                shared["breasts"].add((one.patient, one.breast))
                if one.view == other.view:
                    shared["views"].add((one.patient, one.breast, one.view))
        if one.film == other.film:
            shared["films"].add(one.film)
    found = leakage(table, parts)
    counted = {name: len(things) for name, things in shared.items()}
    assert found == {**counted, "near_duplicates": None, "test_images_with_patient_in_train": len(images)}
    assert list(found) == list(COUNTS)
    assert found["patients"] >= found["breasts"] > found["views"] == found["films"] > 0
    assert leaked_images(found) == len(images)


def test_patients_and_films_that_are_the_images_themselves_are_unknown_unless_shared():
    found = leakage(*two_images(patient=["a", "b"], film=["a", "b"]))
    assert found == dict.fromkeys(COUNTS) and leaked_images(found) is None
    crops = {"image": ["a_1", "a_2"], "parent": "a", "patient": "a", "film": "a", "breast": "", "view": ""}
    found = leakage(*two_images(**crops))
    assert (found["patients"], found["films"], found["test_images_with_patient_in_train"]) == (1, 1, 1)


def test_two_exposures_of_one_view_share_the_view_but_not_the_film():
    found = leakage(*two_images(film=["F1", "F2"]))
    assert (found["views"], found["films"]) == (1, 0)


@pytest.mark.parametrize("missing", MISSING, ids=repr)
def test_what_is_not_told_is_unknown_rather_than_absent(missing):
    counts = {"patients": 1, "breasts": 1, "views": 1, "films": 1, "test_images_with_patient_in_train": 1}
    assert leakage(*two_images()) == {**counts, "near_duplicates": None}
    for name, gone in {
        "patient": ["patients", "breasts", "views", "test_images_with_patient_in_train"],
        "breast": ["breasts", "views"],
        "view": ["views"],
        "film": ["films"],
    }.items():
        unknown = {name: 0 if name.startswith("test_images") else None for name in gone}
        expected = {**counts, **unknown, "near_duplicates": None}
        assert leakage(*two_images(**{name: [missing, missing]})) == expected
        assert leakage(*two_images(**{name: ["X", missing]})) == expected


def test_a_table_without_the_columns_is_counted_by_patient():
    table, parts = two_images()
    found = leakage(table[["image", "patient"]], parts)
    assert (found["patients"], found["breasts"], found["views"], found["films"]) == (1, None, None, None)


def test_only_train_and_test_are_held_against_each_other():
    table = pd.concat([two_images()[0]] * 2, ignore_index=True)
    for parts in ([VALIDATION, TEST, OUT, TEST], [TRAIN, VALIDATION, TRAIN, OUT]):
        assert not any(leakage(table, np.array(parts, dtype=np.int8)).values())


def test_copies_under_other_names_are_found_by_their_pixels():
    patients = draw_patients(PhantomSpec(12, 2, 320))[:6]
    films = [
        render_view(patient, patient.breasts[0], view, 320).image for patient in patients for view in ("CC", "MLO")
    ]
    copies = [(films[place] // 257).astype(np.uint8)[::2, ::2] for place in (0, 5)]
    names = [f"P{number}" for number in range(len(films) + 2)]
    table = pd.DataFrame({"image": names, "patient": names, "hash": [image_hash(one) for one in [*films, *copies]]})
    parts = np.array([TRAIN] * len(films) + [TEST] * 2, dtype=np.int8)
    found = leakage(table, parts)
    assert (found["patients"], found["near_duplicates"], leaked_images(found)) == (None, 2, 2)
    parts[[0, -3]] = [VALIDATION, TEST]
    assert leakage(table, parts)["near_duplicates"] == 1


@pytest.mark.parametrize("missing", MISSING, ids=repr)
def test_a_table_without_hashes_has_no_count_of_near_duplicates(missing):
    assert leakage(*two_images(hash=[missing, missing]))["near_duplicates"] is None
