import numpy as np
import pytest

from mammo.results.statistics.few import FEWEST, class_patients, lack_of, lack_of_patients


@pytest.mark.parametrize(
    ("malignant", "benign", "said"),
    [
        (FEWEST, FEWEST, ""),
        (2, 9, "no interval: 2 malignant patients, 3 are needed"),
        (9, 1, "no interval: 1 benign patient, 3 are needed"),
        (0, 2, "no interval: no malignant patients and 2 benign patients, 3 are needed"),
    ],
)
def test_the_class_of_too_few_patients_is_named(malignant, benign, said):
    labels = np.repeat([1, 0], [2 * malignant, 2 * benign])
    assert lack_of_patients(labels, np.arange(labels.size) // 2) == said


def test_a_patient_with_images_of_both_classes_counts_for_both():
    assert class_patients([1, 0, 1, 0, 0], ["a", "a", "b", "c", "c"]) == (2, 2)
    assert lack_of({"patients called malignant": 1}) == "no interval: 1 patient called malignant, 3 are needed"
