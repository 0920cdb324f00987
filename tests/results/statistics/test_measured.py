from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import bootstrap

from mammo.results.scores import Scored
from mammo.results.statistics.bootstrap import often
from mammo.results.statistics.measured import measure, measured
from mammo.results.statistics.metrics import METRICS, average_precision, brier, sensitivity_at_specificity


@pytest.fixture(scope="module")
def run():
    chance = np.random.default_rng(4)
    labels = np.arange(120) % 3 == 0
    return Scored("run", labels.astype(int), labels + chance.normal(size=120), np.arange(120))


@pytest.mark.parametrize("metric", [average_precision, brier])
def test_the_interval_is_scipys_bca_where_every_image_is_a_patient(run, metric):
    found = bootstrap(
        (run.labels, run.logits), metric, paired=True, vectorized=False, n_resamples=1000, method="BCa", rng=1
    )
    ours = measured(metric, run)
    assert ours.value == metric(run.labels, run.logits) and ours.n == 120
    np.testing.assert_allclose((ours.low, ours.high), found.confidence_interval, atol=0.02)


def test_images_of_one_patient_count_once(run):
    plain = measured(average_precision, run)
    copied = replace(run, **{name: np.tile(getattr(run, name), 3) for name in ("labels", "logits", "patients")})
    together = measured(average_precision, copied)
    assert (together.low, together.high) == pytest.approx((plain.low, plain.high), abs=0.02)
    apart = measured(average_precision, replace(copied, patients=np.arange(360)))
    assert apart.high - apart.low < 0.75 * (together.high - together.low)


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_has_an_interval_about_its_value(run, name):
    one = measure(name, run)
    assert one.low < one.value < one.high
    assert one.value == METRICS[name].function(run.labels, run.logits)


def test_a_few_resamples_that_differ_are_no_certainty():
    patients = np.repeat(np.arange(10), 2)
    labels = (patients < 3).astype(int)
    logits = np.random.default_rng(2).normal(size=20) - 2 * labels
    none = measured(sensitivity_at_specificity, Scored("run", labels, logits, patients))
    drawn = sensitivity_at_specificity(labels, logits, often(10)[:, patients])
    assert 0 < np.mean(drawn > 0) < 0.01
    assert none.value == none.low == 0 and none.high > 0.5


def test_what_says_nothing_is_told_from_certainty(run):
    perfect = measured(sensitivity_at_specificity, replace(run, logits=np.asarray(run.labels) * 2.0))
    assert perfect.value == perfect.high == 1 and 0.85 < perfect.low < 0.95
    single = measured(brier, replace(run, patients=np.zeros(120)))
    assert (single.low, single.high) == (0, 1)
    for labels, logits in ((np.ones(120), run.logits), (run.labels, np.full(120, np.nan))):
        one = measured(sensitivity_at_specificity, replace(run, labels=labels, logits=logits))
        assert np.isnan([one.value, one.low, one.high]).all()
        assert one.to_json() == {"value": None, "interval": [None, None], "n": 120}
