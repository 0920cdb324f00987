import numpy as np
import pytest

from mammo.specs.class_names import ClassNames
from mammo.statistics.cross_validated import Fold, lack_of_folds
from mammo.statistics.few import FEWEST, class_patients, lack_of, lack_of_patients
from mammo.statistics.measures import measure
from mammo.statistics.operating import measure_at
from mammo.statistics.scored import Scored


@pytest.mark.parametrize(
    ("malignant", "benign", "reason"),
    [
        (FEWEST, FEWEST, ""),
        (2, 9, "no interval: 2 malignant patients, 3 are needed"),
        (9, 1, "no interval: 1 benign patient, 3 are needed"),
        (0, 2, "no interval: no malignant patients and 2 benign patients, 3 are needed"),
    ],
)
def test_the_class_of_too_few_patients_is_named(malignant, benign, reason):
    labels = np.repeat([1, 0], [2 * malignant, 2 * benign])
    assert lack_of_patients(labels, np.arange(labels.size) // 2) == reason


def test_a_patient_with_images_of_both_classes_counts_for_both():
    assert class_patients([1, 0, 1, 0, 0], ["a", "a", "b", "c", "c"]) == (2, 2)
    assert lack_of({"patients called malignant": 1}) == "no interval: 1 patient called malignant, 3 are needed"


def test_patients_are_named_by_their_classes():
    dense = ClassNames("dense", "fatty")
    reason = "no interval: 1 dense patient and 2 fatty patients, 3 are needed"
    assert lack_of_patients([1, 0, 0], ["a", "b", "c"], classes=dense) == reason
    scored = Scored("r", np.array([1, 0, 0]), np.array([1.0, -1.0, 2.0]), np.array(["a", "b", "c"]), classes=dense)
    assert {measure(name, scored).reason for name in ("auc", "average_precision")} == {reason}
    assert measure_at(scored, 0.0, "sensitivity").reason == "no interval: 1 dense patient, 3 are needed"
    assert measure_at(scored, 0.0, "ppv").reason == "no interval: 2 patients called dense, 3 are needed"
    folds = [Fold(scored.labels, scored.logits[None], scored.patients, dense)]
    assert lack_of_folds(folds) == reason
