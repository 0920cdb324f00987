from functools import partial

import numpy as np
import pytest
from scipy.stats import bootstrap, rankdata
from sklearn.metrics import roc_auc_score

from mammo.statistics.intervals.bootstrap import bootstrap_interval, resample_counts, resampled, resampled_aucs
from mammo.statistics.intervals.delong import auc_interval, components


@pytest.fixture
def study():
    """Labels, five runs' logits with ties, and patients of one to several images, both classes in some."""
    chance = np.random.default_rng(7)
    patients = chance.integers(0, 60, 150)
    labels = chance.integers(0, 2, 150)
    logits = np.round(labels + 0.6 * chance.normal(size=60)[patients] + chance.normal(size=(5, 150)), 1)
    return labels, logits.astype(np.float32), np.array([f"P{number:03d}" for number in patients])


def test_a_resample_is_the_auc_of_the_images_repeated(study):
    labels, logits, patients = study
    names, patient = np.unique(patients, return_inverse=True)
    weights = resample_counts(names.size, resamples=20)[:, patient]
    areas = resampled_aucs(labels, logits, weights)
    for resample, repeats in enumerate(weights):
        images = np.repeat(np.arange(150), repeats)
        expected = [roc_auc_score(labels[images], run[images]) for run in logits]
        np.testing.assert_allclose(areas[:, resample], expected, rtol=0, atol=1e-12)


def test_many_pairs_are_counted_as_exactly_as_few(study):
    labels, logits, _ = study
    weights = np.random.default_rng(0).integers(0, 100_000, (8, 150))
    expected = [[roc_auc_score(labels, run, sample_weight=one) for one in weights] for run in logits]
    np.testing.assert_allclose(resampled_aucs(labels, logits, weights), expected, rtol=0, atol=1e-12)


def test_resamples_in_pieces_are_those_at_once(study, monkeypatch):
    labels, logits, _ = study
    weights = resample_counts(150, resamples=40)
    whole = resampled_aucs(labels, logits, weights)
    monkeypatch.setattr("mammo.statistics.intervals.bootstrap.AT_ONCE", 7 * 150)
    np.testing.assert_array_equal(resampled_aucs(labels, logits, weights), whole)


def test_patients_are_drawn_whole_and_as_many_as_there_are():
    drawn = resample_counts(30, resamples=500)
    assert (drawn.sum(axis=1) == 30).all()
    assert drawn.mean(axis=0) == pytest.approx(np.ones(30), abs=0.15)
    np.testing.assert_array_equal(drawn, resample_counts(30, resamples=500))


def test_the_variance_is_that_of_scipys_bootstrap_where_every_image_is_a_patient(study):
    labels, logits, _ = study

    def area(drawn, axis, run):
        malignant, ranks = labels[drawn], rankdata(run[drawn], axis=axis)
        count = malignant.sum(axis=axis)
        above = (ranks * malignant).sum(axis=axis) - count * (count + 1) / 2
        return above / (count * (malignant.shape[axis] - count))

    fewest = min(labels.sum(), (1 - labels).sum())
    ours = resampled(labels, logits, np.arange(150)).variance * (fewest - 1) / fewest
    for run, variance in zip(logits, ours, strict=True):
        statistic = partial(area, run=run)
        found = bootstrap((np.arange(150),), statistic, n_resamples=2000, rng=np.random.default_rng(1))
        assert np.sqrt(variance) == pytest.approx(found.standard_error, rel=0.06)


def test_the_interval_is_about_that_of_delong_and_counts_patients(study):
    labels, logits, patients = study
    ours, delong = bootstrap_interval(labels, logits, patients), auc_interval(labels, logits, patients)
    np.testing.assert_allclose(ours, delong, atol=0.025)
    repeated = bootstrap_interval(np.tile(labels, 3), np.tile(logits, 3), np.tile(patients, 3))
    np.testing.assert_allclose(repeated, ours, atol=1e-6)


def test_the_covariance_is_about_that_of_delongs_components(study):
    found, parts = resampled(*study, resamples=20_000), components(*study)
    rows, others = np.triu_indices(5)
    expected = parts.pair_covariance(rows, others)
    np.testing.assert_allclose(found.pair_covariance(rows, others), expected, atol=0.1 * expected.max())


def test_what_says_nothing_has_the_interval_of_delong(study):
    labels, logits, patients = study
    for scores in (labels, -labels, 0 * labels):
        np.testing.assert_allclose(
            bootstrap_interval(labels, [scores], patients), auc_interval(labels, [scores], patients)
        )
    diverged = np.where(np.arange(150) == 3, np.nan, logits[:2])
    diverged[1] = logits[1]
    assert np.isnan(bootstrap_interval(labels, diverged, patients)).tolist() == [[True, True], [False, False]]
    assert np.isnan(bootstrap_interval([0, 1, 1], [[1.0, 2.0, 3.0]], [1, 2, 2])).all()
    assert np.isnan(bootstrap_interval([1, 1], [[1.0, 2.0]], [1, 2])).all()


def test_few_patients_leave_out_resamples_of_one_class():
    found = resampled([0, 0, 1, 1], [[0.0, 2.0, 1.0, 3.0]], [1, 2, 3, 4], fewest=2)
    assert not np.isnan(found.resampled).any()
    assert 1500 < found.resampled.shape[1] < 2000
