import numpy as np
import pytest

from mammo.statistics.comparing.chance import deviations
from mammo.statistics.intervals.delong import components


@pytest.fixture
def parts():
    chance = np.random.default_rng(8)
    patients = chance.integers(0, 30, 90)
    labels = chance.integers(0, 2, 90)
    logits = labels + chance.normal(size=30)[patients] + chance.normal(size=(4, 90))
    return components(labels, logits, patients)


def test_draws_have_the_clustered_covariance(parts):
    draws = deviations(parts, draws=40_000)
    rows = [0, 1, 2, 3]
    expected = parts.covariance(rows, rows)
    np.testing.assert_allclose(np.cov(draws), expected, atol=0.02 * expected.max())
    np.testing.assert_allclose(draws.mean(axis=1), 0, atol=4 * np.sqrt(expected.max() / 40_000))


def test_draws_do_not_depend_on_the_other_runs():
    labels, patients = np.arange(40) % 2, np.arange(40) // 2
    logits = np.random.default_rng(1).normal(size=(3, 40))
    both = deviations(components(labels, logits, patients))
    alone = deviations(components(labels, logits[1:2], patients))
    np.testing.assert_allclose(both[1], alone[0], rtol=1e-5, atol=1e-7)
