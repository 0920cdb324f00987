"""Cross-validated AUCs compared with an influence curve computed image by image, and with a simulation."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from mammo.statistics.cross_validated import Fold, cross_validated_auc
from mammo.statistics.intervals.delong import auc_interval


def folds_of(chance, patients=12, images=2, signal=1.0, shift=3.0):
    """Five folds of `patients` of each class; the scores of each fold have their own offset."""
    folds = []
    for number in range(5):
        names = np.repeat(np.arange(2 * patients), images)
        labels = (names % 2).astype(np.int8)
        noise = 0.6 * chance.normal(size=2 * patients)[names] + 0.8 * chance.normal(size=names.size)
        logits = signal * labels + noise + shift * number
        folds.append(Fold(labels, logits[None], np.array([f"P{number}-{name:03d}" for name in names])))
    return folds


def influence_variance(folds):
    """LeDell, Petersen and van der Laan's (2015) influence curve image by image, summed by patient."""
    sums = {}
    for fold in folds:
        scores, truth = fold.logits[0], fold.labels == 1
        auc = roc_auc_score(fold.labels, scores)
        for score, malignant, patient in zip(scores, truth, fold.patients, strict=True):
            if malignant:
                influence = (np.mean(scores[~truth] < score) - auc) / truth.sum()
            else:
                influence = (np.mean(scores[truth] > score) - auc) / (~truth).sum()
            sums[patient] = sums.get(patient, 0.0) + influence / len(folds)
    return sum(value**2 for value in sums.values())


def test_the_auc_is_the_mean_of_the_folds_and_no_two_are_compared():
    folds = folds_of(np.random.default_rng(0))
    result = cross_validated_auc([folds])
    aucs = [roc_auc_score(fold.labels, fold.logits[0]) for fold in folds]
    assert result.auc == pytest.approx(np.mean(aucs), abs=1e-12)
    labels, logits = (np.concatenate([getattr(fold, name).ravel() for fold in folds]) for name in ("labels", "logits"))
    assert roc_auc_score(labels, logits) < result.auc - 0.1
    moved = [Fold(fold.labels, 7 * fold.logits - 30 * number, fold.patients) for number, fold in enumerate(folds)]
    assert cross_validated_auc([moved]) == result


def test_the_variance_is_that_of_the_influence_curve_by_patient():
    """The only difference is the small-sample factor of 12 patients per class and fold, 12 / 11."""
    folds = folds_of(np.random.default_rng(1))
    low, high = cross_validated_auc([folds]).interval
    labels, patients = (np.concatenate([getattr(fold, name) for fold in folds]) for name in ("labels", "patients"))
    near = auc_interval(labels, [np.concatenate([fold.logits[0] - 3 * n for n, fold in enumerate(folds)])], patients)
    error = np.sqrt(influence_variance(folds) * 12 / 11)
    assert (high - low) / 2 == pytest.approx(2.004 * error, rel=0.03)  # Student's quantile of 55 degrees of freedom
    assert (low, high) == pytest.approx(near[0], abs=0.02)


def test_repeated_cross_validations_add_up_by_patient():
    """The same folds twice give the same interval."""
    folds = folds_of(np.random.default_rng(2))
    once, twice = cross_validated_auc([folds]), cross_validated_auc([folds, folds])
    assert twice.auc == pytest.approx(once.auc) and twice.interval == pytest.approx(once.interval)


def test_few_patients_of_a_fold_leave_the_mean_without_interval():
    folds = folds_of(np.random.default_rng(3), patients=1)
    result = cross_validated_auc([folds])
    assert np.isfinite(result.auc) and np.isnan(result.interval).all()
    assert result.reason == ("no interval: 1 malignant patient in fold 0 and 1 benign patient in fold 0, 2 are needed")


@pytest.mark.parametrize("patients", [2, 4])
def test_the_interval_covers_the_truth_about_as_often_as_it_should(patients):
    chance, truth = np.random.default_rng(4), 0.7602  # Phi(1 / sqrt 2) of unit noise
    intervals = [cross_validated_auc([folds_of(chance, patients)]).interval for _ in range(300)]
    assert np.mean([low <= truth <= high for low, high in intervals]) >= 0.91
