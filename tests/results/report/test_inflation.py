"""A difference of mean AUCs against DeLong's paired test, and its interval against simulation."""

import numpy as np
import pytest
from scipy.stats import t

from mammo.results.report.inflation import mean_difference
from mammo.statistics.intervals.delong import components
from mammo.statistics.intervals.score import score_difference
from mammo.statistics.scored import Scored


def scored(rng, patients, images=2, signal=1.0, shift=0.0):
    """A run on some of the patients `patients`, each with images of one class."""
    names = np.repeat(patients, images)
    labels = (names % 2).astype(int)
    own = rng.normal(size=1000)[names] * 0.6
    return Scored("", labels, labels * signal + shift + own + rng.normal(size=len(names)), names.astype(str))


def test_two_runs_on_the_same_images_are_compares_paired_test():
    rng = np.random.default_rng(0)
    one = scored(rng, np.arange(60), images=1)
    other = Scored("", one.labels, np.asarray(one.logits) + rng.normal(size=60), one.patients)
    parts = components(one.labels, np.stack([one.logits, other.logits]), one.patients)
    (low, high), *_ = score_difference(parts, np.array([0]), np.array([1]))[0]
    effect = mean_difference([one], [other])
    assert effect.value == pytest.approx(parts.aucs[0] - parts.aucs[1], abs=1e-12)
    assert (effect.low, effect.high) == pytest.approx((low, high), abs=1e-9)


def test_runs_without_a_common_patient_add_their_variances():
    """Near the value the interval's variance is that of two unrelated runs, reached by Student's t."""
    rng = np.random.default_rng(1)
    one, other = scored(rng, np.arange(400)), scored(rng, np.arange(500, 900))
    variance = sum(components(run.labels, run.logits, run.patients).variance[0] for run in (one, other))
    effect = mean_difference([one], [other])
    assert (effect.high - effect.low) / 2 == pytest.approx(t.ppf(0.975, 399) * np.sqrt(variance), rel=0.02)


def test_the_same_run_twice_says_no_more_than_once():
    rng = np.random.default_rng(2)
    one, other = scored(rng, np.arange(40)), scored(rng, np.arange(20, 60))
    once, twice = mean_difference([one], [other]), mean_difference([one] * 2, [other] * 3)
    assert (twice.value, twice.low, twice.high) == pytest.approx((once.value, once.low, once.high), abs=1e-12)


@pytest.mark.slow
def test_the_interval_holds_the_truth_as_often_as_it_says():
    """Two draws a side, of overlapping patients; the truth is the difference of very many."""
    rng = np.random.default_rng(3)

    def drawn(*groups):
        strong, weak = ([scored(rng, one, signal=signal) for one in groups] for signal in (1.0, 0.6))
        return mean_difference(strong, weak)

    truth = np.mean([drawn(np.arange(1000)).value for _ in range(20)])
    effects = [drawn(*(rng.choice(1000, 90, replace=False) for _ in range(2))) for _ in range(200)]
    assert 0.9 <= np.mean([one.low <= truth <= one.high for one in effects]) <= 0.985


def test_one_patient_alone_gives_no_interval():
    one = Scored("", [1, 1, 0, 0], [2.0, 1.0, 0.5, 1.5], ["a", "a", "b", "c"])
    effect = mean_difference([one], [one])
    assert effect.value == 0 and np.isnan([effect.low, effect.high]).all()
    assert effect.reason == "no interval: 1 malignant patient and 2 benign patients, 3 are needed"
