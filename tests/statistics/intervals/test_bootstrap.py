from functools import partial

import numpy as np
import pytest
from scipy.stats import bootstrap, rankdata
from sklearn.metrics import roc_auc_score

from mammo.statistics.intervals.bootstrap import bootstrap_interval, resample_counts, resampled, resampled_aucs
from mammo.statistics.intervals.delong import auc_interval, components


@pytest.fixture
def study():
    """Labels, the logits of five runs with ties, and patients with one or more images, some of both classes."""
    chance = np.random.default_rng(7)
    patients = chance.integers(0, 60, 150)
    labels = chance.integers(0, 2, 150)
    logits = np.round(labels + 0.6 * chance.normal(size=60)[patients] + chance.normal(size=(5, 150)), 1)
    return labels, logits.astype(np.float32), np.array([f"P{number:03d}" for number in patients])


def test_a_resample_is_the_auc_of_the_images_repeated(study):
    labels, logits, patients = study
    names, patient = np.unique(patients, return_inverse=True)
    weights = resample_counts(names.size, resamples=20)[:, patient]
    aucs = resampled_aucs(labels, logits, weights)
    for resample, repeats in enumerate(weights):
        images = np.repeat(np.arange(150), repeats)
        expected = [roc_auc_score(labels[images], run[images]) for run in logits]
        np.testing.assert_allclose(aucs[:, resample], expected, rtol=0, atol=1e-12)


def test_many_pairs_are_counted_as_exactly_as_few(study):
    labels, logits, _ = study
    weights = np.random.default_rng(0).integers(0, 100_000, (8, 150))
    expected = [[roc_auc_score(labels, run, sample_weight=weight) for weight in weights] for run in logits]
    np.testing.assert_allclose(resampled_aucs(labels, logits, weights), expected, rtol=0, atol=1e-12)


def test_resamples_in_pieces_are_those_at_once(study, monkeypatch):
    labels, logits, _ = study
    weights = resample_counts(150, resamples=40)
    at_once = resampled_aucs(labels, logits, weights)
    monkeypatch.setattr("mammo.statistics.intervals.bootstrap.AT_ONCE", 7 * 150)
    np.testing.assert_array_equal(resampled_aucs(labels, logits, weights), at_once)


def test_a_resample_has_as_many_patients_as_the_data():
    counts = resample_counts(30, resamples=500)
    assert (counts.sum(axis=1) == 30).all()
    assert counts.mean(axis=0) == pytest.approx(np.ones(30), abs=0.15)
    np.testing.assert_array_equal(counts, resample_counts(30, resamples=500))


def test_the_variance_is_that_of_scipys_bootstrap_where_every_image_is_a_patient(study):
    labels, logits, _ = study

    def auc(sample, axis, run):
        malignant, ranks = labels[sample], rankdata(run[sample], axis=axis)
        count = malignant.sum(axis=axis)
        above = (ranks * malignant).sum(axis=axis) - count * (count + 1) / 2
        return above / (count * (malignant.shape[axis] - count))

    fewest = min(labels.sum(), (1 - labels).sum())
    ours = resampled(labels, logits, np.arange(150)).variance * (fewest - 1) / fewest
    for run, variance in zip(logits, ours, strict=True):
        statistic = partial(auc, run=run)
        scipys = bootstrap((np.arange(150),), statistic, n_resamples=2000, rng=np.random.default_rng(1))
        assert np.sqrt(variance) == pytest.approx(scipys.standard_error, rel=0.06)


def test_the_interval_is_about_that_of_delong_and_counts_patients(study):
    labels, logits, patients = study
    ours, delong = bootstrap_interval(labels, logits, patients), auc_interval(labels, logits, patients)
    np.testing.assert_allclose(ours, delong, atol=0.025)
    repeated = bootstrap_interval(np.tile(labels, 3), np.tile(logits, 3), np.tile(patients, 3))
    np.testing.assert_allclose(repeated, ours, atol=1e-6)


def test_the_covariance_is_about_that_of_delongs_components(study):
    estimate, parts = resampled(*study, resamples=20_000), components(*study)
    rows, columns = np.triu_indices(5)
    expected = parts.pair_covariance(rows, columns)
    np.testing.assert_allclose(estimate.pair_covariance(rows, columns), expected, atol=0.1 * expected.max())


def test_scores_without_variance_have_the_interval_of_delong(study):
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
    estimate = resampled([0, 0, 1, 1], [[0.0, 2.0, 1.0, 3.0]], [1, 2, 3, 4], fewest=2)
    assert not np.isnan(estimate.resampled).any()
    assert 1500 < estimate.resampled.shape[1] < 2000
