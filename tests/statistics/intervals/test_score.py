"""Score intervals of AUCs and of their differences, against hand-solved equations and against simulation."""

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import t

from mammo.statistics.intervals.bootstrap import resampled
from mammo.statistics.intervals.delong import components
from mammo.statistics.intervals.score import AucCovariance, Sizes, score_difference, score_interval

SIZES = Sizes(np.array([[12, 20]]), np.array([[12, 20]]))
PAIR = np.array([0]), np.array([1])


def hanley_mcneil(area, malignant, benign):
    """Hanley and McNeil's variance (1982), as they write it, with both numbers at their mean (Newcombe's method 5)."""
    mean = (malignant + benign) / 2
    higher, lower = area / (2 - area), 2 * area**2 / (1 + area)
    both = (mean - 1) * (higher - area**2) + (mean - 1) * (lower - area**2)
    return (area * (1 - area) + both) / (malignant * benign)


def test_the_variance_of_patients_with_one_image_is_hanley_and_mcneils():
    for area in (0.5, 0.71, 0.9, 0.99):
        assert SIZES.variance(np.array([area]))[0] == pytest.approx(hanley_mcneil(area, 12, 20), rel=1e-12)
    halves = Sizes(np.array([[6, 10], [6, 10]]), np.array([[6, 10], [6, 10]]))
    assert halves.variance(np.array([0.8]))[0] == pytest.approx(hanley_mcneil(0.8, 6, 10) / 2, rel=1e-12)
    assert (SIZES.freedom, halves.freedom) == (11, 10)


@pytest.mark.parametrize(("one", "other", "related"), [(0.8, 0.7, 0.6), (0.95, 0.6, 0.0), (0.72, 0.71, 0.95)])
def test_a_difference_has_the_interval_of_its_equation(one, other, related):
    areas, quantile = np.array([one, other]), t.ppf(0.975, 11)
    effects = 1.3, 0.8
    own = [effect * hanley_mcneil(area, 12, 20) for effect, area in zip(effects, areas, strict=True)]
    shared = related * np.sqrt(own[0] * own[1])
    estimate = AucCovariance(areas, np.array([[own[0], shared], [shared, own[1]]]), SIZES)

    def variance(difference):
        pair = [(one + other + sign * difference) / 2 for sign in (1, -1)]
        above, below = (effect * hanley_mcneil(area, 12, 20) for effect, area in zip(effects, pair, strict=True))
        return above + below - 2 * related * np.sqrt(above * below)

    def distance(difference):
        return (one - other - difference) ** 2 - quantile**2 * variance(difference)

    most = min(2 - one - other, one + other) - 1e-9
    expected = brentq(distance, -most, one - other), brentq(distance, one - other, most) if distance(most) > 0 else None
    (low, high), p_value = (values[0] for values in score_difference(estimate, *PAIR))
    assert low == pytest.approx(expected[0], abs=1e-9)
    assert high == pytest.approx(expected[1], abs=1e-9) if expected[1] else high <= 1
    assert p_value == pytest.approx(2 * t.sf((one - other) / np.sqrt(variance(0)), 11), rel=1e-9)


def test_an_interval_leaves_out_none_just_where_its_p_value_is_small_and_keeps_within_its_range():
    chance = np.random.default_rng(5)
    held = np.zeros(2, dtype=bool)
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
        held |= [outside.any(), not outside.all()]
    assert held.all()


def test_the_order_of_a_pair_changes_the_sign_alone():
    labels = np.arange(40) % 2
    parts = components(labels, labels + np.random.default_rng(0).normal(size=(2, 40)), np.arange(40))
    bounds, p_values = score_difference(parts, np.array([0, 1]), np.array([1, 0]))
    np.testing.assert_allclose(bounds[1], -bounds[0][::-1], atol=1e-9)
    assert p_values[0] == pytest.approx(p_values[1])


def test_runs_that_rank_alike_do_not_differ():
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
