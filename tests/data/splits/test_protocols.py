import itertools

import numpy as np
import pandas as pd
import pytest

from mammo.data.collections.cbis_ddsm.case_tables import find_case_files, images_of, read_cases
from mammo.data.phantom import PhantomSpec, draw_patients
from mammo.data.phantom.files.layout import plan
from mammo.data.phantom.files.tables import case_tables
from mammo.data.splits.leakage import leakage
from mammo.data.splits.protocols import FOLDS, OUT, SPLITS, TEST, TRAIN, VALIDATION, draw, sizes
from mammo.errors import MammoError
from mammo.specs import SplitSpec


@pytest.fixture(scope="module")
def phantom(tmp_path_factory):
    """The image table of 1500 phantoms, drawn but not rendered."""
    root = tmp_path_factory.mktemp("csv")
    listings = [listing for patient in draw_patients(PhantomSpec(1500, 5)) for listing in plan(patient)]
    for name, text in case_tables(listings).items():
        (root / name).write_text(text)
    return images_of(read_cases(find_case_files(root)).lesions)


@pytest.fixture(scope="module")
def real(samples):
    return images_of(read_cases(find_case_files(samples / "nbia", samples / "csv")).lesions)


DRAWN = ["patient", "paper"]
OFFICIAL = ["official", "official-pooled"]
NAMED = [*OFFICIAL, "manifest"]


def few(*labels):
    """One image a patient."""
    patients = [f"P_{number:05d}" for number in range(len(labels))]
    columns = {"image": patients, "patient": patients, "breast": "LEFT", "film": patients, "label": labels}
    return pd.DataFrame(columns)


@pytest.mark.parametrize("seed", range(5))
def test_a_patient_never_stands_in_two_parts(phantom, seed):
    for redraw in range(3):
        parts = draw(phantom, SplitSpec("patient", seed, redraw))
        assert pd.Series(parts).groupby(phantom["patient"]).nunique().max() == 1
        assert not any(leakage(phantom, parts).values())


@pytest.mark.parametrize("protocol", DRAWN)
def test_every_image_stands_in_one_part_and_fractions_are_near(phantom, protocol):
    for seed, (validation, test) in itertools.product(range(3), [(0.1, 0.2), (0.2, 0.3)]):
        parts = draw(phantom, SplitSpec(protocol, seed, 0, validation, test))
        assert parts.dtype == np.int8 and set(parts) == {TRAIN, VALIDATION, TEST}
        shares = np.bincount(parts) / len(parts)
        assert shares[TEST] == pytest.approx(test, abs=0.015)
        assert shares[VALIDATION] == pytest.approx(validation, abs=0.015)
        assert sum(sizes(parts).values()) == len(phantom)


def test_patients_with_a_malignant_image_are_shared_out_evenly(phantom):
    malignant = phantom["label"] == "malignant"
    with_malignant = malignant.groupby(phantom["patient"]).transform("any")
    for seed in range(5):
        parts = draw(phantom, SplitSpec("patient", seed))
        for part in (TRAIN, VALIDATION, TEST):
            assert with_malignant[parts == part].mean() == pytest.approx(with_malignant.mean(), abs=0.03)


@pytest.mark.parametrize("protocol", DRAWN)
def test_the_seed_alone_fixes_the_test_set_and_the_redraw_moves_validation(phantom, protocol):
    draws = [draw(phantom, SplitSpec(protocol, 3, redraw)) for redraw in range(5)]
    for parts in draws[1:]:
        assert np.array_equal(parts == TEST, draws[0] == TEST)
    for first, second in itertools.combinations(draws, 2):
        assert not np.array_equal(first == VALIDATION, second == VALIDATION)
    assert np.array_equal(draw(phantom, SplitSpec(protocol, 3, 2)), draws[2])
    elsewhere = draw(phantom, SplitSpec(protocol, 4))
    assert not np.array_equal(elsewhere == TEST, draws[0] == TEST)


def test_the_test_set_does_not_depend_on_the_validation_fraction(phantom):
    small, large = (draw(phantom, SplitSpec("patient", 1, 0, validation, 0.2)) for validation in (0.1, 0.3))
    assert np.array_equal(small == TEST, large == TEST)


def test_the_reports_split_shows_two_thirds_of_the_test_images_patients_to_training(real):
    shares = []
    for seed in range(5):
        parts = draw(real, SplitSpec("paper", seed))
        assert sizes(parts) == {"train": 2172, "validation": 310, "test": 621}
        shares.append(leakage(real, parts)["test_images_with_patient_in_train"] / 621)
    assert np.mean(shares) == pytest.approx(0.68, abs=0.03)


def test_the_default_split_of_the_real_collection_leaks_nothing(real):
    parts = draw(real, SplitSpec())
    assert not any(leakage(real, parts).values())
    assert sizes(parts)["test"] == pytest.approx(621, abs=6)


@pytest.mark.parametrize("protocol", DRAWN)
@pytest.mark.parametrize("labels", [[], ["malignant"], ["benign", "malignant"], ["benign"] * 3])
def test_too_few_images_are_reported_plainly(protocol, labels):
    message = rf"^{len(labels)} images are too few for this split: .+ would be empty; "
    message += r"choose another seed or protocol, or index more images\.$"
    with pytest.raises(MammoError, match=message if labels else "The data set holds no images of this kind"):
        draw(few(*labels), SplitSpec(protocol))


@pytest.mark.parametrize("protocol", [*DRAWN, "five-fold"])
@pytest.mark.parametrize("label", ["benign", "malignant"])
def test_images_of_one_label_can_be_divided(protocol, label):
    assert sizes(draw(few(*[label] * 20), SplitSpec(protocol))) == {"train": 14, "validation": 2, "test": 4}


def test_five_folds_test_every_image_once_and_share_no_patient(phantom):
    folds = [draw(phantom, SplitSpec("five-fold", 2, fold)) for fold in range(FOLDS)]
    assert (np.sum([parts == TEST for parts in folds], axis=0) == 1).all()
    for parts in folds:
        assert not any(leakage(phantom, parts).values())
        assert np.mean(parts == TEST) == pytest.approx(0.2, abs=0.015)
    with pytest.raises(MammoError, match="folds 0 to 4, not 5"):
        draw(phantom, SplitSpec("five-fold", 2, FOLDS))


def test_the_collections_own_test_set_leaks_31_patients_when_it_is_pooled(real):
    parts = draw(real, SplitSpec("official"))
    assert (parts == TEST).sum() == 645 and (parts != TEST).sum() == 3103 - 645
    assert leakage(real, parts)["patients"] == 31


def test_dropping_the_shared_patients_leaves_2394_images_and_no_leak(real):
    for redraw in range(3):
        parts = draw(real, SplitSpec("official-pooled", 0, redraw))
        counted = sizes(parts)
        assert (counted["train"] + counted["validation"], counted["test"]) == (2394, 645)
        assert (parts == OUT).sum() == 64
        assert not any(leakage(real, parts).values())


@pytest.mark.parametrize("protocol", NAMED)
def test_validation_shares_no_patient_with_train_or_test(phantom, protocol):
    parts = draw(phantom, SplitSpec(protocol, 1))
    validation_patients = set(phantom["patient"][parts == VALIDATION])
    assert validation_patients and not validation_patients & set(phantom["patient"][(parts == TRAIN) | (parts == TEST)])
    assert np.mean(parts == VALIDATION) == pytest.approx(0.1, abs=0.015)
    assert set(phantom["split"][parts == TEST]) == {"test"}


@pytest.mark.parametrize("protocol", NAMED)
def test_a_set_without_official_parts_is_split_otherwise(protocol):
    with pytest.raises(MammoError, match="names no official train and test images; split it by patient"):
        draw(few("benign", "malignant"), SplitSpec(protocol))


def table_with_split(*split):
    """A table with two images a patient and `split` in turn, so that a patient may be in two parts."""
    patients = [f"P_{number // 2:05d}" for number in range(120)]
    labels = ["malignant" if number % 3 else "benign" for number in range(120)]
    cycled = list(itertools.islice(itertools.cycle(split), 120))
    return pd.DataFrame({"image": range(120), "patient": patients, "film": patients, "label": labels, "split": cycled})


@pytest.mark.parametrize("words", [("train", "validation", "test", ""), ("Train", " VALIDATION", "TEST ", None)])
def test_a_manifest_that_names_every_part_is_taken_at_its_word(words):
    table = table_with_split(*words)
    expected = [TRAIN, VALIDATION, TEST, OUT] * 30
    for seed, redraw in ((0, 0), (3, 2)):
        assert draw(table, SplitSpec("manifest", seed, redraw)).tolist() == expected


def test_a_manifest_without_validation_has_it_carved_from_its_training_patients():
    table = table_with_split("train", "train", "train", "test", "train", "train", None)
    draws = [draw(table, SplitSpec("manifest", 0, redraw)) for redraw in range(3)]
    for parts in draws:
        assert np.array_equal(parts == TEST, table["split"] == "test")
        assert np.array_equal(parts == OUT, table["split"].isna())
        validation_patients = set(table["patient"][parts == VALIDATION])
        assert validation_patients and not validation_patients & set(
            table["patient"][(parts == TRAIN) | (parts == TEST)]
        )
        assert (parts == VALIDATION).sum() == pytest.approx(0.1 * (parts != OUT).sum(), abs=3)
    assert not np.array_equal(draws[0] == VALIDATION, draws[1] == VALIDATION)
    straddling = set(table["patient"][draws[0] == TEST]) & set(table["patient"][draws[0] == TRAIN])
    assert straddling  # the leak of the collection's own split stays


def test_a_manifest_that_names_another_part_is_refused():
    with pytest.raises(MammoError, match=r"'split' names 'holdout', which is none of train, validation, test\.$"):
        draw(table_with_split("train", "test", "holdout"), SplitSpec("manifest"))


@pytest.mark.parametrize("protocol", NAMED)
@pytest.mark.parametrize(
    ("words", "missing"),
    [(("train",), "test"), (("test", None), "train"), ((None,), "train and test"), (("validation",), "train and test")],
)
def test_a_set_that_lacks_a_part_says_which(protocol, words, missing):
    with pytest.raises(MammoError, match=f"names no official {missing} images; split it by patient"):
        draw(table_with_split(*words), SplitSpec(protocol))


@pytest.mark.parametrize("protocol", OFFICIAL)
def test_all_images_outside_the_official_test_set_train(protocol):
    table = table_with_split("train", "train", "validation", "validation", None, None, "test", "test")
    parts = draw(table, SplitSpec(protocol))
    assert np.array_equal(parts == TEST, table["split"] == "test") and not (parts == OUT).any()


@pytest.mark.parametrize("protocol", ["patient", "five-fold", *NAMED])
@pytest.mark.parametrize("missing", [None, float("nan"), ""])
def test_images_without_a_patient_cannot_be_split_by_patient(protocol, missing):
    table = table_with_split("train", "train", "train", "test")
    table.loc[5:7, "patient"] = missing
    with pytest.raises(MammoError, match=r"^3 of 120 images name no patient, .+ 'paper'\.$"):
        draw(table, SplitSpec(protocol))
    assert sizes(draw(table, SplitSpec("paper"))) == {"train": 84, "validation": 12, "test": 24}


def test_parts_that_are_all_named_need_no_patients():
    table = table_with_split("train", "validation", "test").assign(patient=None)
    assert sizes(draw(table, SplitSpec("manifest"))) == {"train": 40, "validation": 40, "test": 40}


@pytest.mark.parametrize("protocol", ["patient", "five-fold", *NAMED])
def test_one_patient_cannot_be_split(protocol):
    table = table_with_split("train", "train", "train", "test").assign(patient="P_00001")
    with pytest.raises(MammoError, match=r"^120 images of 1 patient are too few for this split: .+ would be empty"):
        draw(table, SplitSpec(protocol))


@pytest.mark.parametrize("protocol", SPLITS)
@pytest.mark.parametrize("label", ["benign", "malignant"])
def test_every_protocol_divides_images_of_one_label(protocol, label):
    parts = draw(table_with_split("train", "train", "train", "test").assign(label=label), SplitSpec(protocol))
    assert min(sizes(parts).values()) > 0


@pytest.mark.parametrize("protocol", SPLITS)
def test_a_patient_with_one_image_among_others_with_many(protocol):
    table = table_with_split("train", "train", "train", "train", "test", "test").iloc[:-1].reset_index(drop=True)
    parts = draw(table, SplitSpec(protocol))
    assert sum(sizes(parts).values()) == 119
    if protocol != "paper":
        assert pd.Series(parts).groupby(table["patient"]).nunique().max() == 1


def test_an_unknown_protocol_is_refused(phantom):
    with pytest.raises(
        MammoError, match="There is no split protocol 'random'; choose one of: five-fold, manifest, official"
    ):
        draw(phantom, SplitSpec("random"))


def test_every_protocol_says_what_it_is():
    assert all(protocol.label and protocol.description.endswith(".") for protocol in SPLITS.values())
