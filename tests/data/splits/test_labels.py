import itertools

import numpy as np
import pandas as pd
import pytest

from mammo.commands.shared import POLICIES, PROTOCOLS
from mammo.data.collections.cbis_ddsm.case_tables import find_case_files, images_of, read_cases
from mammo.data.manifest.cells.label_words import PATHOLOGIES
from mammo.data.splits.labels import LABELS, WITHOUT_CALLBACK
from mammo.data.splits.protocols import OUT, SPLITS, TEST, TRAIN, draw, sizes
from mammo.errors import MammoError
from mammo.specs import SplitSpec

TABLE = pd.DataFrame(
    {
        "label": ["benign", "malignant", "benign", "malignant", "benign"],
        "pathology": ["BENIGN", "MALIGNANT", WITHOUT_CALLBACK, WITHOUT_CALLBACK, None],
    }
)
"""Each class once, a malignant image that also has a benign finding, and a benign image without a pathology."""


def table_of(images=120, pathologies=PATHOLOGIES):
    """A table with two images a patient, `pathologies` in turn, and a part for every image."""
    patients = [f"P{number // 2:03d}" for number in range(images)]
    cycled = list(itertools.islice(itertools.cycle(pathologies), images))
    label = ["malignant" if pathology == "MALIGNANT" else "benign" for pathology in cycled]
    split = ["test" if number < images // 4 else "train" for number in range(images)]
    image = [f"I{number:03d}" for number in range(images)]
    return pd.DataFrame({"image": image, "patient": patients, "label": label, "pathology": cycled, "split": split})


@pytest.fixture(scope="module")
def real(samples):
    return images_of(read_cases(find_case_files(samples / "nbia", samples / "csv")).lesions)


@pytest.mark.parametrize(
    ("name", "classes", "targets", "included"),
    [
        ("merged", 2, [0, 1, 0, 1, 0], [True, True, True, True, True]),
        ("dropped", 2, [0, 1, 0, 1, 0], [True, True, False, False, True]),
        ("three-way", 3, [1, 2, 0, 2, 1], [True, True, True, True, True]),
    ],
)
def test_what_each_policy_makes_of_each_pathology(name, classes, targets, included):
    policy = LABELS[name]
    assert len(policy.classes) == classes and policy.classes[-1] == "MALIGNANT"
    assert policy.targets(TABLE).tolist() == targets and policy.includes(TABLE).tolist() == included
    assert policy.outputs == (3 if name == "three-way" else 1)


@pytest.mark.parametrize("name", LABELS)
def test_a_table_without_pathologies_has_two_classes_at_most(name):
    table = TABLE.drop(columns="pathology")
    separate = len(LABELS[name].separate)
    assert LABELS[name].includes(table).all()
    assert (LABELS[name].targets(table) - separate).tolist() == [0, 1, 0, 1, 0]


@pytest.mark.parametrize("protocol", SPLITS)
def test_a_policy_moves_no_image_to_another_part(protocol):
    table = table_of()
    merged, dropped, three = (draw(table, SplitSpec(protocol, 2, 1, labels=name)) for name in LABELS)
    without = (table["pathology"] == WITHOUT_CALLBACK).to_numpy()
    assert np.array_equal(three, merged)
    assert (dropped[without] == OUT).all() and np.array_equal(dropped[~without], merged[~without])


@pytest.mark.parametrize("protocol", SPLITS)
def test_two_kinds_of_images_are_split_alike_with_or_without_dropping(protocol):
    table = table_of(pathologies=("BENIGN", "MALIGNANT"))
    merged, dropped = (draw(table, SplitSpec(protocol, labels=name)) for name in ("merged", "dropped"))
    assert np.array_equal(merged, dropped)
    with pytest.raises(MammoError, match=r"none of the \d+ is BENIGN_WITHOUT_CALLBACK; take the labels 'merged'\.$"):
        draw(table, SplitSpec(protocol, labels="three-way"))


def test_three_ways_need_three_classes_in_train_and_not_only_elsewhere():
    table = table_of()
    table.loc[table["split"] == "train", "pathology"] = "BENIGN"
    with pytest.raises(MammoError, match="Three-way labels need training images of 3 classes"):
        draw(table, SplitSpec("official", labels="three-way"))


def test_a_part_that_dropping_empties_is_reported():
    table = table_of(pathologies=(WITHOUT_CALLBACK,))
    with pytest.raises(
        MammoError, match="train and validation and test would be empty; take labels that drop no images, or"
    ):
        draw(table, SplitSpec(labels="dropped"))


def test_an_unknown_policy_is_refused():
    with pytest.raises(MammoError, match="no label policy 'both'; choose one of: dropped, merged, three-way"):
        draw(table_of(), SplitSpec(labels="both"))


def test_the_real_collection_under_every_policy(real):
    """Counts of the official case tables: 399 of 3103 images have only benign findings without callback."""
    assert np.bincount(LABELS["three-way"].targets(real)).tolist() == [399, 1329, 1375]
    assert LABELS["dropped"].includes(real).sum() == 2704
    parts = draw(real, SplitSpec("official-pooled", labels="dropped"))
    counted = sizes(parts)
    assert counted["test"] == 566 and counted["train"] + counted["validation"] == 2091
    assert not set(real["patient"][parts == TEST]) & set(real["patient"][parts == TRAIN])


def test_the_command_line_names_every_choice():
    assert all(name in PROTOCOLS for name in SPLITS) and all(name in POLICIES for name in LABELS)
    assert all(policy.label and policy.description.endswith(".") for policy in LABELS.values())
