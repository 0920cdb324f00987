from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mammo.errors import MammoError
from mammo.results.board.leaderboard import leaderboard
from mammo.results.setting_words import short_names
from mammo.runs.stored_run import StoredRun, stored_runs
from mammo.statistics.metrics import accuracy, auc
from mammo.statistics.operating import RULES, operate


def test_a_stored_runs_scores_are_those_of_the_leaderboard(demo_home):
    board = leaderboard(demo_home)
    for row in (0, len(board) - 1):
        run = StoredRun.open(demo_home, board["run"][row])
        for part in ("validation", "test"):
            scored = run.scored(part)
            assert scored.value(auc) == board[f"{part}_auc"][row]
            assert scored.value(accuracy) == board[f"{part}_accuracy"][row]
            assert np.size(scored.labels) == board[f"n_{part}"][row]


def test_predictions_hold_the_images_of_the_part_the_most_confident_first(demo_home):
    run = StoredRun.open(demo_home, leaderboard(demo_home)["run"][3])
    predictions = run.predictions("test")
    assert predictions["confidence"].is_monotonic_decreasing
    assert predictions["right"].mean() == pytest.approx(run.scored("test").value(accuracy))
    assert ((predictions["probability"] > 0.5) == (predictions["label"] == "malignant")).tolist() == predictions[
        "right"
    ].tolist()
    parts = [set(run.predictions(part)["image"]) for part in ("train", "validation", "test")]
    assert sum(map(len, parts)) == len(set.union(*parts)) == len(run.sweep.images)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("part", ["validation", "test"])
def test_predictions_agree_with_the_confusion_matrix_at_the_same_threshold(demo_home, rule, part):
    run = StoredRun.open(demo_home, leaderboard(demo_home)["run"][0])
    point = operate(run.scored("validation"), run.scored(part), rule, 0.8)
    predictions = run.predictions(part, point.threshold)
    missed, alarms = (
        predictions[~predictions["right"] & (predictions["called"] == called)] for called in (False, True)
    )
    assert (len(missed), len(alarms)) == (point.counts.false_benign, point.counts.false_malignant)
    assert set(missed["label"]) <= {"malignant"} and set(alarms["label"]) <= {"benign"}
    assert predictions["confidence"].is_monotonic_decreasing and predictions["confidence"].between(0.5, 1).all()
    at = replace(run.scored(part), threshold=point.threshold)
    assert at.called.value(accuracy) == pytest.approx(point.measures["accuracy"].value)
    assert at.value(auc) == run.scored(part).value(auc)


def test_a_run_keeps_its_history_and_weights_note(demo_home):
    run = stored_runs(demo_home, [leaderboard(demo_home)["run"][0]])[0]
    assert run.history.shape[1] == 5
    assert np.isfinite(run.history[0]).all()
    assert run.weights_note


@pytest.mark.parametrize("name", ["nothing", "nothing.0", "../x.1", ""])
def test_a_run_that_does_not_exist_is_refused(demo_home, name):
    with pytest.raises(MammoError):
        StoredRun.open(demo_home, name)


def test_a_part_that_does_not_exist_is_refused(demo_home):
    run = StoredRun.open(demo_home, leaderboard(demo_home)["run"][0])
    with pytest.raises(MammoError, match="part"):
        run.scored("all")


def test_short_names_hold_the_settings_that_differ_and_nothing_else():
    runs = pd.DataFrame(
        {
            "run": ["s.0", "s.1"],
            "trunk": ["vgg16", "vgg16"],
            "hidden": [0, 128],
            "lr": [1e-3, 3e-4],
            "seed": [0, 0],
        }
    )
    assert short_names(runs) == {"s.0": "linear · 1e-3", "s.1": "hidden 128 · 3e-4"}
    assert short_names(runs[:1]) == {"s.0": "s.0"}
    again = pd.concat([runs, runs[:1].assign(run="t.0")])
    assert short_names(again) == {
        "s.0": "linear · 1e-3 · s.0",
        "s.1": "hidden 128 · 3e-4",
        "t.0": "linear · 1e-3 · t.0",
    }


def test_names_of_different_settings_differ(demo_home):
    board = leaderboard(demo_home)
    assert len(set(short_names(board).values())) == len(board)
