import numpy as np
import pytest

from mammo.runs.fusion import FUSIONS, fused

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
def test_a_fusion_agrees_with_its_formula_in_probabilities(name):
    expected = np.stack([PLAIN[name](PROBABILITIES[:, group]) for group in GROUPS], axis=1)
    probabilities = 1 / (1 + np.exp(-fused(LOGITS, STARTS, name)))
    np.testing.assert_allclose(probabilities, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", FUSIONS)
def test_a_single_score_does_not_change(name):
    sure = np.array([[-400.0, -30.0, 0.0, 30.0, 400.0]])
    np.testing.assert_allclose(fused(sure, np.arange(5), name), sure, atol=1e-9)


@pytest.mark.parametrize("name", FUSIONS)
def test_extreme_scores_keep_their_order_and_undefined_ones_stay_undefined(name):
    pairs = np.array([[40.0, 40.0, 41.0, 41.0, -40.0, -40.0, np.nan, 0.0]])
    first, second, third, last = fused(pairs, np.array([0, 2, 4, 6]), name)[0]
    assert third < 0 < first < second < np.inf
    assert np.isnan(last)


SURE = (-800.0, -60.0, -37.0, -17.0, 0.0, 17.0, 37.0, 60.0, 800.0)
KINDS = {
    "of any size": lambda source, shape: source.normal(0, source.choice([1e-6, 1, 30, 60, 800]), shape),
    "saturated": lambda source, shape: source.choice(SURE, shape),
    "nearly saturated": lambda source, shape: source.choice(SURE, shape) + source.normal(0, 1, shape),
    "of one mind": lambda source, shape: np.sort(source.normal(0, source.choice([1, 60, 800]), shape), axis=0),
    "sure of opposite answers": lambda source, shape: (
        (source.choice(SURE, shape[1]) + np.arange(shape[0])[:, None] * source.choice([1e-4, 1e-2])).astype(np.float32)
        / source.uniform(0.5, 2, shape[1])
    ),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", FUSIONS)
def test_where_all_members_order_two_images_alike_the_fusion_does_too(name, kind):
    source = np.random.default_rng(0)
    for members in (2, 3, 5):
        for _ in range(40):
            scores = np.asarray(KINDS[kind](source, (30, members)), dtype=float)
            fusion = fused(scores.reshape(1, -1), np.arange(0, scores.size, members), name)[0]
            assert np.isfinite(fusion).all()
            above, least = (
                (compare(scores[:, None], scores)).all(axis=-1) for compare in (np.greater, np.greater_equal)
            )
            assert (fusion[:, None] > fusion)[above].all()
            assert (fusion[:, None] >= fusion)[least].all()


@pytest.mark.parametrize("name", ["mean", "noisy-or"])
def test_scores_with_equal_probabilities_have_the_order_of_the_mean_logits(name):
    pairs = np.array([[800.0, -799.0], [800.0, -800.0], [799.0, -800.0], [801.0, -801.0], [-800.0, 800.0]])
    fusion = fused(pairs.reshape(1, -1), np.arange(0, 10, 2), name)[0]
    if name == "mean":
        np.testing.assert_allclose(fusion, 0, atol=1e-12)
        assert fusion[0] > fusion[1] == fusion[3] == fusion[4] > fusion[2]
    else:
        assert fusion[3] > fusion[0] > fusion[1] == fusion[4] > fusion[2]


def test_infinite_scores_count_as_the_largest_numbers():
    pairs = np.array([[np.inf, 1.0, -np.inf, -np.inf, np.inf, -np.inf]])
    for name in FUSIONS:
        first, second, third = fused(pairs, np.array([0, 2, 4]), name)[0]
        assert second < 0 < first and np.isfinite([first, second, third]).all()
