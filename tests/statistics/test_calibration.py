from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from sklearn.calibration import calibration_curve as sklearn_calibration_curve

from mammo.statistics.calibration import bound_note, calibration_curve, temperature
from mammo.statistics.metrics import probability
from mammo.statistics.scored import Scored


def scored(images=645, seed=0, hot=2.5):
    """Scores that are too confident by the factor `hot`."""
    generator = np.random.default_rng(seed)
    true = generator.normal(size=images)
    labels = (generator.random(images) < probability(true)).astype(int)
    return Scored("run", labels, (hot * true).astype(np.float32), generator.integers(0, images // 2, images))


@pytest.mark.parametrize("seed", range(5))
def test_temperature_fits_platts_targets_best(seed):
    run = scored(seed=seed)
    logits, truth = np.asarray(run.logits, dtype=float), np.asarray(run.labels)
    target = np.where(truth == 1, (truth.sum() + 1) / (truth.sum() + 2), 1 / ((1 - truth).sum() + 2))

    def surprise(hot):
        scores = logits / np.exp(hot)
        return np.mean(target * np.logaddexp(0, -scores) + (1 - target) * np.logaddexp(0, scores))

    best = minimize_scalar(surprise, bounds=(-4, 4), method="bounded", options={"xatol": 1e-9})
    assert temperature(run.labels, run.logits) == pytest.approx(np.exp(best.x), rel=1e-5)
    assert temperature(run.labels, run.logits) == pytest.approx(2.5, rel=0.4)


@pytest.mark.parametrize("size", [0.1, 1.0, 50.0])
def test_a_perfect_separation_of_few_images_does_not_become_certain(size):
    """Two of either class on one score each: Platt's targets are 3/4 and 1/4, whose log-odds are ± log 3."""
    hot = temperature([0, 0, 1, 1], np.array([-1, -1, 1, 1]) * size)
    assert size / hot == pytest.approx(np.log(3), rel=1e-9) and bound_note(hot) == ""


def test_temperature_has_bounds_and_needs_both_classes():
    cold, hot = temperature([0, 0, 1, 1], [-2e-3, -1e-3, 1e-3, 2e-3]), temperature([0, 0, 1, 1], [2, 1, -1, -2])
    assert cold == pytest.approx(0.01) and "lower bound, 0.01" in bound_note(cold, " of s.1")
    assert hot == pytest.approx(100) and "upper bound, 100" in bound_note(hot)
    assert bound_note(1.0) == bound_note(np.nan) == ""
    assert temperature([1, 1], [2, 1]) == 1
    assert np.isnan(temperature([0, 1], [np.nan, 1]))


@pytest.mark.parametrize("images", [11, 60, 645])
@pytest.mark.parametrize("bins", [1, 5, 10])
@pytest.mark.parametrize("strategy", ["quantile", "uniform"])
def test_calibration_curve_is_sklearns(images, bins, strategy):
    run = replace(scored(images), patients=np.arange(images))
    truth, predicted = sklearn_calibration_curve(run.labels, probability(run.logits), n_bins=bins, strategy=strategy)
    groups = calibration_curve(run, bins, quantile=strategy == "quantile")
    np.testing.assert_allclose([group.share for group in groups], truth, rtol=0, atol=1e-12)
    np.testing.assert_allclose([group.probability for group in groups], predicted, rtol=0, atol=1e-12)
    assert sum(group.n for group in groups) == images
    for group in groups:
        assert (
            np.isnan([group.low, group.high]).all() if group.n < 3 else 0 <= group.low <= group.share <= group.high <= 1
        )


def test_a_run_that_diverged_has_no_curve():
    assert calibration_curve(Scored("run", [0, 1], [np.nan, 1.0], ["a", "b"])) == []
