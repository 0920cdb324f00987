"""A difference of mean AUCs compared with DeLong's paired test, and its interval compared with simulation."""

import numpy as np
import pytest
from scipy.stats import t

from mammo.results.report.inflation import mean_difference
from mammo.statistics.intervals.delong import components
from mammo.statistics.intervals.score import score_difference
from mammo.statistics.scored import Scored


def scored(rng, patients, images=2, signal=1.0, shift=0.0):
    """A run on the images of `patients`, each of whom has images of one class."""
    names = np.repeat(patients, images)
    labels = (names % 2).astype(int)
    own = rng.normal(size=1000)[names] * 0.6
    return Scored("", labels, labels * signal + shift + own + rng.normal(size=len(names)), names.astype(str))


def test_for_two_runs_on_the_same_images_it_is_the_paired_test_of_compare():
    rng = np.random.default_rng(0)
    first = scored(rng, np.arange(60), images=1)
    second = Scored("", first.labels, np.asarray(first.logits) + rng.normal(size=60), first.patients)
    parts = components(first.labels, np.stack([first.logits, second.logits]), first.patients)
    (low, high), *_ = score_difference(parts, np.array([0]), np.array([1]))[0]
    effect = mean_difference([first], [second])
    assert effect.value == pytest.approx(parts.aucs[0] - parts.aucs[1], abs=1e-12)
    assert (effect.low, effect.high) == pytest.approx((low, high), abs=1e-9)


def test_runs_without_a_common_patient_add_their_variances():
    """The half-width of the interval is near that of two independent runs by Student's t."""
    rng = np.random.default_rng(1)
    first, second = scored(rng, np.arange(400)), scored(rng, np.arange(500, 900))
    variance = sum(components(run.labels, run.logits, run.patients).variance[0] for run in (first, second))
    effect = mean_difference([first], [second])
    assert (effect.high - effect.low) / 2 == pytest.approx(t.ppf(0.975, 399) * np.sqrt(variance), rel=0.02)


def test_a_run_that_is_listed_twice_adds_nothing():
    rng = np.random.default_rng(2)
    first, second = scored(rng, np.arange(40)), scored(rng, np.arange(20, 60))
    once, twice = mean_difference([first], [second]), mean_difference([first] * 2, [second] * 3)
    assert (twice.value, twice.low, twice.high) == pytest.approx((once.value, once.low, once.high), abs=1e-12)


@pytest.mark.slow
def test_the_interval_covers_the_truth_in_95_of_100_cases():
    """Two draws on each side, of overlapping patients; the truth is the mean difference over very many patients."""
    rng = np.random.default_rng(3)

    def effect_on(*groups):
        strong, weak = ([scored(rng, group, signal=signal) for group in groups] for signal in (1.0, 0.6))
        return mean_difference(strong, weak)

    truth = np.mean([effect_on(np.arange(1000)).value for _ in range(20)])
    effects = [effect_on(*(rng.choice(1000, 90, replace=False) for _ in range(2))) for _ in range(200)]
    assert 0.9 <= np.mean([effect.low <= truth <= effect.high for effect in effects]) <= 0.985


def test_one_patient_alone_gives_no_interval():
    run = Scored("", [1, 1, 0, 0], [2.0, 1.0, 0.5, 1.5], ["a", "a", "b", "c"])
    effect = mean_difference([run], [run])
    assert effect.value == 0 and np.isnan([effect.low, effect.high]).all()
    assert effect.reason == "no interval: 1 malignant patient and 2 benign patients, 3 are needed"
