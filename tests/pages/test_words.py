"""What the pages say of a leak."""

from pages.shared.words import leaked

NONE = dict.fromkeys(
    ("patients", "breasts", "views", "films", "near_duplicates", "test_images_with_patient_in_train"), 0
)


def test_no_leak_is_said_with_all_that_was_looked_for():
    assert leaked(NONE) == (
        "No leakage: no patient, breast, view or film stands in both train and test, "
        "and no test image has a near-duplicate in train."
    )
    unknown = leaked({**NONE, "near_duplicates": None})
    assert unknown.startswith("No leakage:") and "Near-duplicates are not known" in unknown


def test_every_count_of_a_leak_is_said():
    leaks = {**NONE, "patients": 31, "breasts": 19, "views": 2, "films": 1, "near_duplicates": 3}
    told = leaked({**leaks, "test_images_with_patient_in_train": 50})
    assert told.startswith(
        "Leakage: 31 patients, 19 breasts, 2 views and 1 film in both train and test; 50 test images"
    )
    assert "3 with a near-duplicate in train" in told and told.endswith("Scores come out too high.")


def test_copies_under_other_names_are_a_leak():
    assert leaked({**NONE, "near_duplicates": 3}).startswith("Leakage: 0 patients")
