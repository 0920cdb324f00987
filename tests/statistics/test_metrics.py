import numpy as np
import pytest
from scipy.stats import rankdata
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    balanced_accuracy_score,
    brier_score_loss,
    f1_score,
    roc_auc_score,
)
from sklearn.metrics import precision_recall_curve as sklearn_precision_recall_curve
from sklearn.metrics import roc_curve as sklearn_roc_curve

from mammo.statistics.curves import precision_recall_curve, roc_curve
from mammo.statistics.metrics import METRICS, accuracy, auc, midranks, probability


def scored(images, steps, runs=12):
    """Labels of both classes and float32 logits, rounded to 1/steps so that some are tied."""
    chance = np.random.default_rng(images * steps)
    labels = chance.integers(0, 2, images)
    labels[:2] = 0, 1
    logits = chance.normal(size=(runs, images)) + labels
    return labels, (np.round(logits * steps) / steps).astype(np.float32)


SHAPES = [(2, 1), (5, 1), (5, 1000), (60, 1), (60, 8), (645, 1), (645, 4), (645, 100_000)]


@pytest.mark.parametrize(("images", "steps"), SHAPES)
@pytest.mark.parametrize("drop_intermediate", [False, True])
def test_roc_curve_is_sklearns(images, steps, drop_intermediate):
    labels, logits = scored(images, steps)
    for run in logits:
        expected = sklearn_roc_curve(labels, run, drop_intermediate=drop_intermediate)
        for ours, sklearns in zip(roc_curve(labels, run, drop_intermediate), expected, strict=True):
            np.testing.assert_allclose(ours, sklearns, rtol=0, atol=1e-12)


def at_specificity(labels, run):
    false_rate, sensitivity, _ = sklearn_roc_curve(labels, run, drop_intermediate=False)
    return sensitivity[1 - false_rate >= 0.9 - 1e-12].max()


def at_sensitivity(labels, run):
    false_rate, sensitivity, _ = sklearn_roc_curve(labels, run, drop_intermediate=False)
    return 1 - false_rate[sensitivity >= 0.9 - 1e-12].min()


SKLEARNS = {
    "auc": roc_auc_score,
    "accuracy": lambda labels, run: accuracy_score(labels, run > 0),
    "partial_auc": lambda labels, run: roc_auc_score(labels, run, max_fpr=0.1),
    "average_precision": average_precision_score,
    "sensitivity_at_specificity": at_specificity,
    "specificity_at_sensitivity": at_sensitivity,
    "balanced_accuracy": lambda labels, run: balanced_accuracy_score(labels, run > 0),
    "f1": lambda labels, run: f1_score(labels, run > 0),
    "brier": lambda labels, run: brier_score_loss(labels, probability(run)),
}


@pytest.mark.parametrize(("images", "steps"), SHAPES)
@pytest.mark.parametrize("name", METRICS)
def test_every_metric_is_sklearns(name, images, steps):
    labels, logits = scored(images, steps)
    expected = [SKLEARNS[name](labels, run) for run in logits]
    np.testing.assert_allclose(METRICS[name].function(labels, logits), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", [name for name in METRICS if name not in {"auc", "accuracy"}])
def test_a_weight_counts_an_image_as_often_as_it_says(name):
    labels, logits = scored(60, 8, runs=1)
    weights = np.random.default_rng(0).integers(0, 4, (5, 60))
    weighted = METRICS[name].function(labels, logits[0], weights)
    repeated = [METRICS[name].function(np.repeat(labels, row), np.repeat(logits[0], row)) for row in weights]
    np.testing.assert_allclose(weighted, repeated, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("images", "steps"), SHAPES)
def test_precision_recall_curve_is_sklearns(images, steps):
    labels, logits = scored(images, steps)
    for run in logits:
        precision, recall, thresholds = sklearn_precision_recall_curve(labels, run)
        ours = precision_recall_curve(labels, run)
        np.testing.assert_allclose(ours[0], precision[::-1], rtol=0, atol=1e-12)
        np.testing.assert_allclose(ours[1], recall[::-1], rtol=0, atol=1e-12)
        np.testing.assert_array_equal(ours[2], [np.inf, *thresholds[::-1]])


@pytest.mark.parametrize(("images", "steps"), SHAPES)
def test_midranks_are_scipys(images, steps):
    _, logits = scored(images, steps)
    np.testing.assert_array_equal(midranks(logits), rankdata(logits, axis=1))


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_gives_one_number_a_run(name):
    labels, logits = scored(60, 8, runs=7)
    values = METRICS[name].function(labels, logits)
    assert values.shape == (7,)
    assert ((values >= 0) & (values <= 1)).all()
    best, worst = METRICS[name].function(labels, 2000 * np.stack([labels - 0.5, 0.5 - labels]))
    assert best == METRICS[name].higher_is_better
    assert worst < values.min() if METRICS[name].higher_is_better else worst == 1


@pytest.mark.parametrize("name", METRICS)
def test_a_run_that_diverged_has_no_metric_and_other_runs_keep_theirs(name):
    labels, logits = scored(60, 8, runs=3)
    expected = METRICS[name].function(labels, logits)
    logits[1, 5] = np.nan
    values = METRICS[name].function(labels, logits)
    assert np.isnan(values[1])
    np.testing.assert_array_equal(values[[0, 2]], expected[[0, 2]])


def test_auc_of_one_class_is_nan():
    assert np.isnan(auc([1, 1, 1], [[0.1, 0.2, 0.3]])).all()
    assert np.isnan(auc([0, 0], [0.1, 0.2]))


def test_no_images_no_numbers():
    assert np.isnan(auc([], np.zeros((2, 0)))).tolist() == [True, True]
    assert np.isnan(accuracy([], np.zeros((2, 0)))).tolist() == [True, True]


def test_labels_of_another_length_are_refused():
    with pytest.raises(ValueError, match="do not fit"):
        auc([0, 1, 1], [[0.1, 0.2]])
