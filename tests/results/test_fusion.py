import numpy as np
import pytest

from mammo.results.fusion import FUSIONS, fused

PROBABILITIES = np.array([[0.2, 0.7, 0.4, 0.9, 0.99], [0.5, 0.5, 0.01, 0.3, 0.6]])
LOGITS = np.log(PROBABILITIES / (1 - PROBABILITIES))
STARTS = np.array([0, 2, 3])
GROUPS = [slice(0, 2), slice(2, 3), slice(3, 5)]
PLAIN = {
    "mean": lambda p: p.mean(axis=1),
    "mean-logit": lambda p: 1 / (1 + np.exp(-np.log(p / (1 - p)).mean(axis=1))),
    "max": lambda p: p.max(axis=1),
    "noisy-or": lambda p: 1 - np.prod(1 - p, axis=1),
}


@pytest.mark.parametrize("name", FUSIONS)
def test_a_fusion_is_what_its_formula_says_of_probabilities(name):
    expected = np.stack([PLAIN[name](PROBABILITIES[:, group]) for group in GROUPS], axis=1)
    probabilities = 1 / (1 + np.exp(-fused(LOGITS, STARTS, name)))
    np.testing.assert_allclose(probabilities, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", FUSIONS)
def test_a_score_alone_stays_what_it_is(name):
    sure = np.array([[-400.0, -30.0, 0.0, 30.0, 400.0]])
    np.testing.assert_allclose(fused(sure, np.arange(5), name), sure, atol=1e-9)


@pytest.mark.parametrize("name", FUSIONS)
def test_sure_scores_stay_apart_and_undefined_ones_stay_undefined(name):
    pairs = np.array([[40.0, 40.0, 41.0, 41.0, -40.0, -40.0, np.nan, 0.0]])
    first, second, third, last = fused(pairs, np.array([0, 2, 4, 6]), name)[0]
    assert third < 0 < first < second < np.inf
    assert np.isnan(last)
