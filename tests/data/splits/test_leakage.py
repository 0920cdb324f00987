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
    """The images of `number` random patients as a data set's table."""
    listings = [listing for patient in draw_patients(PhantomSpec(number, seed)) for listing in plan(patient)]
    rows = [(listing.full.folder, listing.patient.name, listing.breast.side, listing.view) for listing in listings]
    table = pd.DataFrame(rows, columns=["image", "patient", "breast", "view"])
    return table.assign(film=table["patient"] + "_" + table["breast"] + "_" + table["view"], label="benign")


def two_images(**columns):
    """An image in train and one in test that differ only in `columns`."""
    same = {"image": ["a", "b"], "patient": "P", "breast": "LEFT", "view": "CC", "film": "F"}
    return pd.DataFrame({**same, **columns}), np.array([TRAIN, TEST], dtype=np.int8)


def test_leakage_is_what_counting_one_by_one_gives():
    table = listed(300, 5)
    parts = draw(table, SplitSpec("paper", 1))
    train = [row for row, part in zip(table.itertuples(), parts, strict=True) if part == TRAIN]
    test = [row for row, part in zip(table.itertuples(), parts, strict=True) if part == TEST]
    shared = {"patients": set(), "breasts": set(), "views": set(), "films": set()}
    images = set()
    for train_row, test_row in itertools.product(train, test):
        if train_row.patient == test_row.patient:
            shared["patients"].add(train_row.patient)
            images.add(test_row.image)
            if train_row.breast == test_row.breast:
                shared["breasts"].add((train_row.patient, train_row.breast))
                if train_row.view == test_row.view:
                    shared["views"].add((train_row.patient, train_row.breast, train_row.view))
        if train_row.film == test_row.film:
            shared["films"].add(train_row.film)
    counts = leakage(table, parts)
    expected = {name: len(members) for name, members in shared.items()}
    assert counts == {**expected, "near_duplicates": None, "test_images_with_patient_in_train": len(images)}
    assert list(counts) == list(COUNTS)
    assert counts["patients"] >= counts["breasts"] > counts["views"] == counts["films"] > 0
    assert leaked_images(counts) == len(images)


def test_patients_and_films_that_are_the_images_themselves_are_unknown_unless_shared():
    counts = leakage(*two_images(patient=["a", "b"], film=["a", "b"]))
    assert counts == dict.fromkeys(COUNTS) and leaked_images(counts) is None
    crops = {"image": ["a_1", "a_2"], "parent": "a", "patient": "a", "film": "a", "breast": "", "view": ""}
    counts = leakage(*two_images(**crops))
    assert (counts["patients"], counts["films"], counts["test_images_with_patient_in_train"]) == (1, 1, 1)


def test_two_exposures_of_one_view_share_the_view_but_not_the_film():
    counts = leakage(*two_images(film=["F1", "F2"]))
    assert (counts["views"], counts["films"]) == (1, 0)


@pytest.mark.parametrize("missing", MISSING, ids=repr)
def test_missing_values_are_unknown_rather_than_absent(missing):
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
    counts = leakage(table[["image", "patient"]], parts)
    assert (counts["patients"], counts["breasts"], counts["views"], counts["films"]) == (1, None, None, None)


def test_only_train_and_test_are_compared():
    table = pd.concat([two_images()[0]] * 2, ignore_index=True)
    for parts in ([VALIDATION, TEST, OUT, TEST], [TRAIN, VALIDATION, TRAIN, OUT]):
        assert not any(leakage(table, np.array(parts, dtype=np.int8)).values())


def test_copies_under_other_names_are_found_by_their_pixels():
    patients = draw_patients(PhantomSpec(12, 2, 320))[:6]
    films = [
        render_view(patient, patient.breasts[0], view, 320).image for patient in patients for view in ("CC", "MLO")
    ]
    copies = [(films[number] // 257).astype(np.uint8)[::2, ::2] for number in (0, 5)]
    names = [f"P{number}" for number in range(len(films) + 2)]
    table = pd.DataFrame(
        {"image": names, "patient": names, "hash": [image_hash(pixels) for pixels in [*films, *copies]]}
    )
    parts = np.array([TRAIN] * len(films) + [TEST] * 2, dtype=np.int8)
    counts = leakage(table, parts)
    assert (counts["patients"], counts["near_duplicates"], leaked_images(counts)) == (None, 2, 2)
    parts[[0, -3]] = [VALIDATION, TEST]
    assert leakage(table, parts)["near_duplicates"] == 1


@pytest.mark.parametrize("missing", MISSING, ids=repr)
def test_a_table_without_hashes_has_no_count_of_near_duplicates(missing):
    assert leakage(*two_images(hash=[missing, missing]))["near_duplicates"] is None
