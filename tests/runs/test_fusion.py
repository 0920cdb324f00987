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
def test_where_all_members_order_two_images_alike_the_fused_order_is_theirs(name, kind):
    source = np.random.default_rng(0)
    for members in (2, 3, 5):
        for _ in range(40):
            scores = np.asarray(KINDS[kind](source, (30, members)), dtype=float)
            found = fused(scores.reshape(1, -1), np.arange(0, scores.size, members), name)[0]
            assert np.isfinite(found).all()
            above, least = (
                (compare(scores[:, None], scores)).all(axis=-1) for compare in (np.greater, np.greater_equal)
            )
            assert (found[:, None] > found)[above].all()
            assert (found[:, None] >= found)[least].all()


@pytest.mark.parametrize("name", ["mean", "noisy-or"])
def test_what_probabilities_cannot_tell_apart_stands_in_the_order_of_the_mean_logits(name):
    pairs = np.array([[800.0, -799.0], [800.0, -800.0], [799.0, -800.0], [801.0, -801.0], [-800.0, 800.0]])
    found = fused(pairs.reshape(1, -1), np.arange(0, 10, 2), name)[0]
    if name == "mean":
        np.testing.assert_allclose(found, 0, atol=1e-12)
        assert found[0] > found[1] == found[3] == found[4] > found[2]
    else:
        assert found[3] > found[0] > found[1] == found[4] > found[2]


def test_infinite_scores_are_as_sure_as_a_number_can_be():
    pairs = np.array([[np.inf, 1.0, -np.inf, -np.inf, np.inf, -np.inf]])
    for name in FUSIONS:
        first, second, third = fused(pairs, np.array([0, 2, 4]), name)[0]
        assert second < 0 < first and np.isfinite([first, second, third]).all()
