from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    confusion_matrix,
    f1_score,
    precision_score,
    recall_score,
    roc_curve,
)

from mammo.errors import MammoError
from mammo.statistics.operating import (
    AT_HALF,
    MEASURES,
    RULES,
    Criterion,
    choose_threshold,
    operate,
    probability_words,
)
from mammo.statistics.scored import Scored


def scored(images, seed, part="validation", steps=8):
    """Scores in float32 with ties, one to three images per patient."""
    chance = np.random.default_rng(seed)
    labels = chance.integers(0, 2, images)
    labels[:2] = 0, 1
    logits = (np.round((chance.normal(size=images) + labels - 0.3) * steps) / steps).astype(np.float32)
    return Scored("run", labels, logits, np.sort(chance.integers(0, images // 2, images)), part)


SKLEARNS = {
    "sensitivity": recall_score,
    "specificity": lambda truth, called: recall_score(1 - truth, ~called),
    "ppv": precision_score,
    "npv": lambda truth, called: precision_score(1 - truth, ~called),
    "accuracy": accuracy_score,
    "balanced_accuracy": balanced_accuracy_score,
    "f1": f1_score,
}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("seed", range(3))
def test_every_measure_is_sklearns_and_has_n_and_an_interval(rule, seed):
    shown = scored(90, seed + 10, "test")
    point = operate(scored(60, seed), shown, rule, 0.8)
    truth, called = np.asarray(shown.labels), np.asarray(shown.logits, dtype=float) > point.threshold
    matrix = [[point.counts.true_benign, point.counts.false_malignant],
              [point.counts.false_benign, point.counts.true_malignant]]  # fmt: skip
    np.testing.assert_array_equal(matrix, confusion_matrix(truth, called))
    assert point.measures.keys() == MEASURES.keys() == SKLEARNS.keys()
    for name, measure in point.measures.items():
        assert measure.value == pytest.approx(SKLEARNS[name](truth, called), abs=1e-12)
        assert 0 <= measure.low < measure.value < measure.high <= 1
    counted = [point.measures[name].n for name in ("sensitivity", "specificity", "ppv", "npv", "accuracy", "f1")]
    assert counted == [truth.sum(), (1 - truth).sum(), called.sum(), (~called).sum(), 90, 90]


@pytest.mark.parametrize("seed", range(20))
def test_every_rule_chooses_its_threshold(seed):
    run = scored(60, seed, steps=(2, 8, 1000)[seed % 3])
    labels, logits = np.asarray(run.labels), np.asarray(run.logits, dtype=float)
    false_rate, sensitivity, _ = roc_curve(labels, logits, drop_intermediate=False)

    def rates(rule, target=0.9):
        called = logits > choose_threshold(run, rule, target)
        return called[labels == 1].mean(), 1 - called[labels == 0].mean()

    assert sum(rates("youden")) == pytest.approx((sensitivity - false_rate).max() + 1)
    for target in (0.5, 0.9, 1.0):
        at_sensitivity = rates("sensitivity", target)
        assert at_sensitivity[0] >= target and at_sensitivity[1] == pytest.approx(
            1 - false_rate[sensitivity >= target].min()
        )
        at_specificity = rates("specificity", target)
        assert at_specificity[1] >= target and at_specificity[0] == pytest.approx(
            sensitivity[1 - false_rate >= target - 1e-12].max()
        )
    assert choose_threshold(run, "half") == 0


def test_a_threshold_stands_halfway_between_scores():
    run = Scored("run", [0, 0, 1, 1], np.array([-3, -1, 2, 4], dtype=np.float32), list("abcd"), "validation")
    assert choose_threshold(run, "youden") == 0.5
    assert choose_threshold(run, "sensitivity", 0.5) == 3
    assert choose_threshold(run, "specificity", 0.5) == -2
    everything = choose_threshold(replace(run, labels=[1, 0, 0, 0]), "sensitivity", 1)
    assert (np.asarray(run.logits, dtype=float) > everything).all()


def test_neighbouring_float32_scores_are_distinguished():
    low = np.float32(0.1)
    run = Scored("run", [0, 1, 0, 1], np.array([low, np.nextafter(low, np.float32(1)), -5, 5]), list("abcd"))
    point = operate(replace(run, part="validation"), run, "youden")
    assert point.measures["accuracy"].value == 1


def test_the_test_set_chooses_nothing():
    shown = scored(90, 3, "test")
    with pytest.raises(ValueError, match="not on test"):
        choose_threshold(shown, "youden")
    turned = replace(shown, logits=-np.asarray(shown.logits))
    validation = scored(60, 4)
    assert operate(validation, shown, "youden").threshold == operate(validation, turned, "youden").threshold


def test_an_impossible_choice_of_a_threshold_is_refused():
    run = scored(60, 0)
    with pytest.raises(MammoError, match="no rule 'best'"):
        choose_threshold(run, "best")
    with pytest.raises(MammoError, match="lack a class or a score"):
        choose_threshold(replace(run, labels=np.ones(60)), "youden")
    with pytest.raises(MammoError, match="lack a class or a score"):
        choose_threshold(replace(run, logits=np.full(60, np.nan)), "youden")
    for target in (0, 1.1, float("nan")):
        with pytest.raises(MammoError, match="target"):
            choose_threshold(run, "sensitivity", target)


def test_a_run_that_diverged_has_no_measures():
    shown = replace(scored(20, 0, "test"), logits=np.full(20, np.nan))
    assert all(np.isnan(measure.value) for measure in operate(scored(60, 0), shown, "half").measures.values())


@pytest.mark.parametrize(
    ("logit", "words"),
    [
        (0.0, "0.500"),
        (-0.28, "0.430"),
        (6.9, "0.999"),
        (7.25, "0.999 (logit 7.25)"),
        (10.8197, "1.000 (logit 10.82)"),
        (-30.25, "0.000 (logit -30.25)"),
        (np.nan, "-"),
    ],
)
def test_a_threshold_near_0_or_1_is_shown_with_its_logit(logit, words):
    assert probability_words(logit) == words


def test_a_criterion_has_words_and_an_unknown_one_is_refused():
    assert Criterion("sensitivity", 0.85).words == "At a sensitivity of 0.85"
    assert Criterion("youden", 0.85).words == "Youden" and not AT_HALF.uses_validation
    with pytest.raises(MammoError, match="no rule 'best'"):
        Criterion("best").checked()
    with pytest.raises(MammoError, match="share above 0"):
        Criterion("youden", 0.0).checked()
