import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from sklearn.calibration import calibration_curve as sklearn_calibration_curve

from mammo.results.scores import Scored
from mammo.results.statistics.calibration import calibration_curve, temperature
from mammo.results.statistics.metrics import probability


def scored(images=645, seed=0, hot=2.5):
    """Scores that are surer than they should be by the factor `hot`."""
    chance = np.random.default_rng(seed)
    true = chance.normal(size=images)
    labels = (chance.random(images) < probability(true)).astype(int)
    return Scored("run", labels, (hot * true).astype(np.float32), chance.integers(0, images // 2, images))


@pytest.mark.parametrize("seed", range(5))
def test_temperature_is_the_likeliest_one(seed):
    run = scored(seed=seed)
    logits = np.asarray(run.logits, dtype=float)

    def surprise(hot):
        return np.mean(np.logaddexp(0, np.where(np.asarray(run.labels) == 1, -1, 1) * logits / np.exp(hot)))

    best = minimize_scalar(surprise, bounds=(-4, 4), method="bounded", options={"xatol": 1e-9})
    assert temperature(run.labels, run.logits) == pytest.approx(np.exp(best.x), rel=1e-5)
    assert temperature(run.labels, run.logits) == pytest.approx(2.5, rel=0.4)


def test_temperature_has_ends_and_needs_both_classes():
    assert temperature([0, 0, 1, 1], [-2, -1, 1, 2]) == pytest.approx(0.01)
    assert temperature([0, 0, 1, 1], [2, 1, -1, -2]) == pytest.approx(100)
    assert temperature([1, 1], [2, 1]) == 1
    assert np.isnan(temperature([0, 1], [np.nan, 1]))


@pytest.mark.parametrize("images", [11, 60, 645])
@pytest.mark.parametrize("bins", [1, 5, 10])
@pytest.mark.parametrize("strategy", ["quantile", "uniform"])
def test_calibration_curve_is_sklearns(images, bins, strategy):
    run = scored(images)
    truth, predicted = sklearn_calibration_curve(run.labels, probability(run.logits), n_bins=bins, strategy=strategy)
    held = calibration_curve(run, bins, quantile=strategy == "quantile")
    np.testing.assert_allclose([one.share for one in held], truth, rtol=0, atol=1e-12)
    np.testing.assert_allclose([one.probability for one in held], predicted, rtol=0, atol=1e-12)
    assert sum(one.n for one in held) == images
    for one in held:
        assert np.isnan([one.low, one.high]).all() if one.n < 3 else 0 <= one.low <= one.share <= one.high <= 1


def test_a_run_that_diverged_has_no_curve():
    assert calibration_curve(Scored("run", [0, 1], [np.nan, 1.0], ["a", "b"])) == []
