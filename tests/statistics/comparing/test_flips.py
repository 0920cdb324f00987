import itertools

import numpy as np
import pytest
from scipy.stats import binomtest

from mammo.statistics.comparing.flips import flips


def test_images_are_counted_by_who_gets_them_right():
    counts = flips([1, 1, 1, 0, 0, 0, 0], [1, 0, 0, 1, 0, 0, 0], range(7))
    assert (counts.both, counts.first_only, counts.second_only, counts.neither) == (1, 2, 1, 3)


@pytest.mark.parametrize(("first_only", "second_only"), [(0, 0), (5, 5), (9, 2), (40, 61)])
def test_one_image_per_patient_is_mcnemars_exact_test(first_only, second_only):
    first = np.repeat([True, False, True], [first_only, second_only, 10])
    second = np.repeat([False, True, True], [first_only, second_only, 10])
    counts = flips(first, second, np.arange(first.size))
    expected = binomtest(first_only, first_only + second_only).pvalue if first_only + second_only else 1.0
    assert counts.p_value == pytest.approx(expected, abs=1e-12)


def test_images_of_one_patient_flip_together():
    """All combinations of signs of the patients' surpluses are counted."""
    chance = np.random.default_rng(3)
    patients = chance.integers(0, 9, 40)
    first, second = chance.random(40) < 0.8, chance.random(40) < 0.5
    surplus = [int((first[patients == name].astype(int) - second[patients == name]).sum()) for name in range(9)]
    sums = [abs(np.dot(signs, surplus)) for signs in itertools.product([1, -1], repeat=9)]
    expected = np.mean(np.array(sums) >= abs(sum(surplus)))
    assert flips(first, second, patients).p_value == pytest.approx(expected, abs=1e-12)


def test_repeated_images_of_a_patient_do_not_change_the_p_value():
    first, second, patients = np.ones(8, bool), np.arange(8) < 3, np.arange(8)
    once = flips(first, second, patients)
    thrice = flips(np.tile(first, 3), np.tile(second, 3), np.tile(patients, 3))
    assert thrice.p_value == pytest.approx(once.p_value)
    assert thrice.first_only == 3 * once.first_only
