from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import beta, bootstrap, norm, t

from mammo.statistics.intervals.measurement import measure_metric
from mammo.statistics.measures import measure
from mammo.statistics.metrics import METRICS, average_precision, brier, probability, sensitivity_at_specificity
from mammo.statistics.scored import Scored


@pytest.fixture(scope="module")
def run():
    chance = np.random.default_rng(4)
    labels = np.arange(120) % 3 == 0
    return Scored("run", labels.astype(int), labels + chance.normal(size=120), np.arange(120))


@pytest.mark.parametrize("metric", [average_precision, brier])
def test_the_interval_is_about_scipys_bca_where_every_image_is_a_patient(run, metric):
    scipys = bootstrap(
        (run.labels, run.logits), metric, paired=True, vectorized=False, n_resamples=1000, method="BCa", rng=1
    )
    ours = measure_metric(metric, run)
    assert ours.value == metric(run.labels, run.logits) and ours.n == 120
    np.testing.assert_allclose((ours.low, ours.high), scipys.confidence_interval, atol=0.04)


def test_a_mean_has_the_interval_of_a_share_with_its_standard_error(run):
    """The jackknife variance of a mean, such as the Brier score, is its usual variance; t has 39 degrees of freedom."""
    distance = (probability(run.logits) - run.labels) ** 2
    mean, variance = distance.mean(), distance.var(ddof=1) / 120
    trials = mean * (1 - mean) / variance * (norm.ppf(0.975) / t.ppf(0.975, 39)) ** 2
    successes, failures = mean * trials, (1 - mean) * trials
    expected = beta.ppf(0.025, successes, failures + 1), beta.ppf(0.975, successes + 1, failures)
    ours = measure_metric(brier, run)
    assert (ours.low, ours.high) == pytest.approx(expected, abs=1e-9)


def test_images_of_one_patient_count_once(run):
    plain = measure_metric(average_precision, run)
    copied = replace(run, **{name: np.tile(getattr(run, name), 3) for name in ("labels", "logits", "patients")})
    together = measure_metric(average_precision, copied)
    assert (together.low, together.high) == pytest.approx((plain.low, plain.high), abs=0.02)
    apart = measure_metric(average_precision, replace(copied, patients=np.arange(360)))
    assert apart.high - apart.low < 0.75 * (together.high - together.low)


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_has_an_interval_about_its_value(run, name):
    measured = measure(name, run)
    assert measured.low < measured.value < measured.high
    assert measured.value == METRICS[name].function(run.labels, run.logits)


def test_resamples_that_hardly_differ_do_not_narrow_the_interval():
    patients = np.repeat(np.arange(20), 2)
    labels = (patients < 6).astype(int)
    logits = np.random.default_rng(2).normal(size=40) - 4 * labels
    none = measure_metric(sensitivity_at_specificity, Scored("run", labels, logits, patients), smooth=False)
    assert none.value == none.low == 0 and none.high > 0.4


def test_perfect_scores_have_an_interval_and_undefined_metrics_have_none(run):
    perfect = measure_metric(
        sensitivity_at_specificity, replace(run, logits=np.asarray(run.labels) * 2.0), smooth=False
    )
    assert perfect.value == perfect.high == 1 and 0.85 < perfect.low < 0.95
    single = measure_metric(brier, replace(run, patients=np.zeros(120)))
    assert single.value > 0 and np.isnan([single.low, single.high]).all()
    assert single.reason == "no interval: 1 malignant patient and 1 benign patient, 3 are needed"
    diverged = measure_metric(brier, replace(run, logits=np.full(120, np.nan)))
    assert diverged.to_json() == {"value": None, "interval": [None, None], "n": 120, "reason": None}
    malignant = measure_metric(sensitivity_at_specificity, replace(run, labels=np.ones(120)))
    assert malignant.to_json() == {
        "value": None, "interval": [None, None], "n": 120,
        "reason": "no interval: no benign patients, 3 are needed",
    }  # fmt: skip
