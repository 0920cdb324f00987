import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from mammo.errors import MammoError
from mammo.results.board.leaderboard import leaderboard
from mammo.runs.stored_run import StoredRun
from mammo.runs.subgroups import FEWEST, group_values, subgroups
from mammo.statistics.operating import choose_threshold


@pytest.fixture
def run(demo_home):
    return StoredRun.open(demo_home, leaderboard(demo_home)["run"][0])


@pytest.mark.parametrize("column", ["density", "subtlety", "abnormality", "view", "birads", "breast"])
def test_groups_hold_every_image_once_and_their_own_figures(run, column):
    threshold = choose_threshold(run.scored("validation"), "youden")
    everything, *groups = subgroups(run, "test", column, threshold)
    images, scored = run.images("test"), run.scored("test")
    assert everything.n == len(images) == sum(group.n for group in groups)
    assert everything.malignant == sum(group.malignant for group in groups)
    logits = np.asarray(scored.logits, dtype=float)
    for group in groups:
        members = (images[column].astype("string") == group.value).to_numpy(dtype=bool)
        truth, called = np.asarray(scored.labels)[members] == 1, logits[members] > threshold
        assert group.n == members.sum() and group.patients == images.loc[members, "patient"].nunique()
        assert group.small == (min(truth.sum(), (~truth).sum()) < FEWEST)
        if 0 < truth.sum() < truth.size:
            assert group.measures["auc"].value == pytest.approx(roc_auc_score(truth, logits[members]), abs=1e-12)
            false_negative, false_positive = (group.measures[f"false_{name}_rate"] for name in ("negative", "positive"))
            assert false_negative.value == pytest.approx((~called[truth]).mean()) and false_negative.n == truth.sum()
            assert false_positive.value == pytest.approx(called[~truth].mean()) and false_positive.n == (~truth).sum()
            for rate in (false_negative, false_positive):
                assert rate.reason if np.isnan(rate.low) else rate.low <= rate.value <= rate.high


def test_a_group_of_one_class_has_the_measures_of_that_class(run):
    threshold = choose_threshold(run.scored("validation"), "half")
    groups = {group.value: group for group in subgroups(run, "test", "pathology", threshold)}
    only = groups["MALIGNANT"].to_json()
    assert only["small"] and only["auc"]["value"] is None and only["false_positive_rate"]["value"] is None
    assert only["false_positive_rate"]["interval"] == [None, None]
    assert only["false_positive_rate"]["reason"] == "no interval: no benign patients, 3 are needed"
    assert only["false_negative_rate"]["n"] == only["n"]


def test_breasts_are_grouped_by_the_values_of_their_images(demo_home, run):
    by_breast = StoredRun.open(demo_home, f"{run.id}@breast-max")
    values = [group.value for group in subgroups(by_breast, "test", "view", 0.0)]
    assert "CC+MLO" in values and values[0] == "All"


def test_a_column_that_does_not_exist_is_refused(run):
    with pytest.raises(MammoError, match="no column 'age'"):
        subgroups(run, "test", "age", 0.0)


def test_values_have_their_order_and_missing_ones_are_last():
    words, order = group_values(pd.Series([10, 9, None, 9], dtype="Int64"))
    assert order == ["9", "10", "not given"] and words.tolist() == ["10", "9", "not given", "9"]
    assert group_values(pd.Series(["b", "", "a"]))[1] == ["a", "b", "not given"]


def test_many_numbers_are_divided_into_quarters_and_rare_words_are_joined():
    words, order = group_values(pd.Series(range(40)))
    assert order == ["0–9", "10–19", "20–29", "30–39"] and words.value_counts().tolist() == [10] * 4
    words, order = group_values(pd.Series([f"site {number % 20}" for number in range(40)] + ["site 3"]))
    assert len(order) == 13 and order[-1] == "all others" and "site 3" in order
    assert set(words) == set(order)
