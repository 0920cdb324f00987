import numpy as np
import pytest

from mammo.errors import MammoError
from mammo.statistics.intervals.measurement import Measurement
from mammo.statistics.intervals.shares import share_interval
from mammo.statistics.predictive import predictive_values

SENSITIVITY, SPECIFICITY = Measurement(0.8, 0.7, 0.87, 100), Measurement(0.9, 0.85, 0.94, 200)


@pytest.mark.parametrize("prevalence", [0.001, 0.005, 0.3, 0.9])
def test_predictive_values_are_bayes(prevalence):
    positive, negative = predictive_values(SENSITIVITY, SPECIFICITY, prevalence)
    ill = [prevalence * 0.8, prevalence * 0.2]
    well = [(1 - prevalence) * 0.1, (1 - prevalence) * 0.9]
    assert positive.value == pytest.approx(ill[0] / (ill[0] + well[0]), abs=1e-12)
    assert negative.value == pytest.approx(well[1] / (ill[1] + well[1]), abs=1e-12)
    for value in (positive, negative):
        assert 0 < value.low < value.value < value.high < 1 and value.n == 300


def test_at_the_prevalence_of_the_images_they_are_the_shares_of_the_images():
    true_positive, false_negative, false_positive, true_negative = 37, 13, 21, 129
    sensitivity, specificity = Measurement(37 / 50, 0.6, 0.84, 50), Measurement(129 / 150, 0.8, 0.91, 150)
    positive, negative = predictive_values(sensitivity, specificity, 50 / 200)
    assert positive.value == pytest.approx(true_positive / (true_positive + false_positive), abs=1e-12)
    assert negative.value == pytest.approx(true_negative / (true_negative + false_negative), abs=1e-12)


def test_perfect_shares_still_have_an_interval():
    perfect, none = Measurement(1.0, 0.9, 1.0, 40), Measurement(0.0, 0.0, 0.1, 40)
    positive, negative = predictive_values(perfect, perfect, 0.01)
    assert (positive.value, positive.high, negative.value, negative.high) == (1, 1, 1, 1)
    assert positive.low == pytest.approx(0.01 * 0.995 / (0.01 * 0.995 + 0.99 * 0.1), rel=0.01)
    assert 0.99 < negative.low < 1
    all_called = predictive_values(perfect, none, 0.01)
    assert all_called[0].value == pytest.approx(0.01) and np.isnan(all_called[1].value)
    none_called = predictive_values(none, perfect, 0.01)
    assert np.isnan(none_called[0].value) and none_called[0].low == 0 < none_called[0].high
    assert none_called[1].value == pytest.approx(0.99)
    undefined = predictive_values(Measurement(np.nan, 0, 1, 0), perfect, 0.01)
    assert all(np.isnan(value.value) for value in undefined)


def test_the_intervals_cover_the_truth_about_as_often_as_they_should():
    """400 simulated readings of 90 patients with up to three images each; the binomial deviation is 1.1 %."""
    chance, covered = np.random.default_rng(5), np.zeros(2)
    for _ in range(400):
        patients = np.repeat(np.arange(90), chance.integers(1, 4, 90))
        malignant = (np.arange(90) % 3 == 0)[patients]
        called = chance.random(patients.size) < np.where(malignant, 0.8, 0.15)
        shares = []
        for correct, among in ((called, malignant), (~called, ~malignant)):
            bounds = share_interval(correct[among], patients[among])
            shares.append(Measurement(float(correct[among].mean()), *bounds, int(among.sum())))
        truth = 0.1 * 0.8 / (0.1 * 0.8 + 0.9 * 0.15), 0.9 * 0.85 / (0.9 * 0.85 + 0.1 * 0.2)
        for index, value in enumerate(predictive_values(shares[0], shares[1], 0.1)):
            covered[index] += value.low <= truth[index] <= value.high
    assert ((covered / 400 > 0.92) & (covered / 400 < 0.99)).all()


@pytest.mark.parametrize("prevalence", [0, 1, -0.1, float("nan")])
def test_an_impossible_prevalence_is_refused(prevalence):
    with pytest.raises(MammoError, match="prevalence"):
        predictive_values(SENSITIVITY, SPECIFICITY, prevalence)
