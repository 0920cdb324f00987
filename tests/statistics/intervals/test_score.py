"""Score intervals of AUCs and of their differences, compared with solved equations and with simulations."""

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import t

from mammo.statistics.intervals.bootstrap import resampled
from mammo.statistics.intervals.delong import components
from mammo.statistics.intervals.score import AucCovariance, Sizes, score_difference, score_interval

SIZES = Sizes(np.array([[12, 20]]), np.array([[12, 20]]))
PAIR = np.array([0]), np.array([1])


def hanley_mcneil(auc, malignant, benign):
    """Hanley and McNeil's variance (1982) with the mean of both numbers of patients (Newcombe's method 5)."""
    mean = (malignant + benign) / 2
    higher, lower = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    correlated = (mean - 1) * (higher - auc**2) + (mean - 1) * (lower - auc**2)
    return (auc * (1 - auc) + correlated) / (malignant * benign)


def test_the_variance_of_patients_with_one_image_is_hanley_and_mcneils():
    for auc in (0.5, 0.71, 0.9, 0.99):
        assert SIZES.variance(np.array([auc]))[0] == pytest.approx(hanley_mcneil(auc, 12, 20), rel=1e-12)
    halves = Sizes(np.array([[6, 10], [6, 10]]), np.array([[6, 10], [6, 10]]))
    assert halves.variance(np.array([0.8]))[0] == pytest.approx(hanley_mcneil(0.8, 6, 10) / 2, rel=1e-12)
    assert (SIZES.freedom, halves.freedom) == (11, 10)


@pytest.mark.parametrize(("first", "second", "correlation"), [(0.8, 0.7, 0.6), (0.95, 0.6, 0.0), (0.72, 0.71, 0.95)])
def test_a_difference_has_the_interval_of_its_equation(first, second, correlation):
    aucs, quantile = np.array([first, second]), t.ppf(0.975, 11)
    effects = 1.3, 0.8
    own = [effect * hanley_mcneil(auc, 12, 20) for effect, auc in zip(effects, aucs, strict=True)]
    shared = correlation * np.sqrt(own[0] * own[1])
    estimate = AucCovariance(aucs, np.array([[own[0], shared], [shared, own[1]]]), SIZES)

    def variance(difference):
        pair = [(first + second + sign * difference) / 2 for sign in (1, -1)]
        above, below = (effect * hanley_mcneil(auc, 12, 20) for effect, auc in zip(effects, pair, strict=True))
        return above + below - 2 * correlation * np.sqrt(above * below)

    def distance(difference):
        return (first - second - difference) ** 2 - quantile**2 * variance(difference)

    most = min(2 - first - second, first + second) - 1e-9
    expected = (
        brentq(distance, -most, first - second),
        brentq(distance, first - second, most) if distance(most) > 0 else None,
    )
    (low, high), p_value = (values[0] for values in score_difference(estimate, *PAIR))
    assert low == pytest.approx(expected[0], abs=1e-9)
    assert high == pytest.approx(expected[1], abs=1e-9) if expected[1] else high <= 1
    assert p_value == pytest.approx(2 * t.sf((first - second) / np.sqrt(variance(0)), 11), rel=1e-9)


def test_an_interval_excludes_0_exactly_where_its_p_value_is_small_and_stays_in_its_range():
    chance = np.random.default_rng(5)
    both_kinds = np.zeros(2, dtype=bool)
    for _ in range(30):
        labels = np.repeat([0, 1], [8, 6])
        logits = labels * chance.uniform(0, 4, (20, 1)) + chance.normal(size=(20, 14))
        parts = components(labels, logits, np.arange(14))
        rows = np.arange(10)
        bounds, p_values = score_difference(parts, rows, rows + 10)
        outside = (bounds[:, 0] > 0) | (bounds[:, 1] < 0)
        np.testing.assert_array_equal(outside, p_values < 0.05)
        value = parts.aucs[:10] - parts.aucs[10:]
        assert (np.abs(bounds) <= 1).all() and (bounds[:, 0] <= value).all() and (value <= bounds[:, 1]).all()
        both_kinds |= [outside.any(), not outside.all()]
    assert both_kinds.all()


def test_the_order_of_a_pair_changes_the_sign_alone():
    labels = np.arange(40) % 2
    parts = components(labels, labels + np.random.default_rng(0).normal(size=(2, 40)), np.arange(40))
    bounds, p_values = score_difference(parts, np.array([0, 1]), np.array([1, 0]))
    np.testing.assert_allclose(bounds[1], -bounds[0][::-1], atol=1e-9)
    assert p_values[0] == pytest.approx(p_values[1])


def test_runs_with_equal_ranks_do_not_differ():
    labels = np.arange(40) % 2
    logits = labels + np.random.default_rng(1).normal(size=40)
    for estimate in (f(labels, np.stack([logits, 2 * logits + 1]), np.arange(40)) for f in (components, resampled)):
        bounds, p_values = score_difference(estimate, *PAIR)
        np.testing.assert_allclose(bounds, 0, atol=1e-6)
        assert p_values.tolist() == [1]


def test_a_diverged_run_has_no_difference():
    labels = np.arange(40) % 2
    logits = labels + np.random.default_rng(1).normal(size=(2, 40))
    logits[1, 3] = np.nan
    bounds, p_values = score_difference(components(labels, logits, np.arange(40)), *PAIR)
    assert np.isnan(bounds).all() and np.isnan(p_values).all()
    assert np.isnan(score_interval(components(labels, logits, np.arange(40)))).tolist() == [[False] * 2, [True] * 2]
