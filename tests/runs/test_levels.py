from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mammo.errors import MammoError
from mammo.results.board.leaderboard import leaderboard
from mammo.results.setting_words import short_names
from mammo.runs.levels import at_level
from mammo.runs.reader import reader_of
from mammo.runs.stored_run import StoredRun
from mammo.runs.sweep import Sweep, sweeps
from mammo.statistics.metrics import auc

ROWS = [
    ("a", "LEFT", "CC", "benign", 3, 2),
    ("a", "LEFT", "MLO", "malignant", 0, 2),
    ("a", "RIGHT", "CC", "benign", 2, 2),
    ("b", "LEFT", "CC", "benign", 1, 3),
    ("b", "LEFT", "CC", "benign", 1, 4),
    ("c", "", "CC", "malignant", 5, None),
    ("d", "RIGHT", "MLO", "malignant", 4, 1),
]
COLUMNS = ["patient", "breast", "view", "label", "birads", "density"]
TRAIN, VALIDATION, TEST, OUT = 0, 1, 2, -1


def small(parts, logits=None):
    """A sweep of two runs on seven images, split as `parts`."""
    images = pd.DataFrame(ROWS, columns=COLUMNS).astype({"birads": "Int64", "density": "Int64"})
    images.insert(0, "image", [f"i{row}" for row in range(len(ROWS))])
    splits = np.atleast_2d(parts).astype(np.int8)
    leaks = {"patients": 1, "near_duplicates": 4, "test_images_with_patient_in_train": 3}
    about = {
        "dataset": {"name": "small", "synthetic": True},
        "splits": [{"leakage": leaks, "sizes": {}} for _ in splits],
        "caches": {"c": {"weights_note": ""}},
    }
    scores = np.random.default_rng(0).normal(size=(2, len(ROWS))) if logits is None else logits
    runs = pd.DataFrame({"run": ["s.0", "s.1"], "cache": "c", "kind": "full", "split": [0, len(splits) - 1]})
    return Sweep("s", Path("nowhere"), about, runs, images, scores, splits, np.zeros((2, 1, 5), dtype=np.float32))


def test_a_breast_is_malignant_where_any_of_its_images_is_and_has_their_values():
    (by_breast,) = at_level(small([TEST] * 7), "breast", ["max"])
    rows = by_breast.images.set_index("image")
    assert list(rows.index) == ["i0+i1", "i2", "i3+i4", "i6"]  # i5 names no breast
    assert rows["label"].tolist() == ["malignant", "benign", "benign", "malignant"]
    assert rows["view"].tolist() == ["CC+MLO", "CC", "CC", "MLO"]
    assert rows["density"].tolist() == ["2", "2", "3+4", "1"]
    assert rows["birads"].tolist() == [0, 2, 1, 4]  # 0 stands between 3 and 4
    assert by_breast.runs["run"].tolist() == ["s.0@breast-max", "s.1@breast-max"]
    sweep = small([TEST] * 7)
    np.testing.assert_array_equal(by_breast.logits[:, 0], sweep.logits[:, :2].max(axis=1))
    np.testing.assert_array_equal(by_breast.logits[:, 1], sweep.logits[:, 2])


def test_a_patient_has_all_of_its_images():
    by_patient = at_level(small([TEST] * 7), "patient", ["mean", "noisy-or"])[1]
    assert by_patient.images["patient"].tolist() == ["a", "b", "c", "d"]
    assert by_patient.images["label"].tolist() == ["malignant", "benign", "malignant", "malignant"]
    assert by_patient.level == "patient" and by_patient.about["fuse"] == "noisy-or"


def test_each_part_has_its_own_images_and_leaks_are_counted_by_group():
    straddling = [TRAIN, TEST, TEST, TEST, OUT, TRAIN, VALIDATION]
    one_part = [TEST, TEST, TEST, TEST, TEST, OUT, OUT]
    (by_breast,) = at_level(small([straddling, one_part]), "breast", ["mean"])
    test_images = [
        {str(by_breast.images["image"][row]) for row in np.flatnonzero(part == TEST)} for part in by_breast.parts
    ]
    assert test_images == [{"i1", "i2", "i3"}, {"i0+i1", "i2", "i3+i4"}]
    assert by_breast.images.set_index("image")["label"][["i0", "i1"]].tolist() == ["benign", "malignant"]
    leaks = [facts["leakage"] for facts in by_breast.about["splits"]]
    assert [leak["test_images_with_patient_in_train"] for leak in leaks] == [2, 0]
    assert [leak["near_duplicates"] for leak in leaks] == [3, 3] and leaks[0]["patients"] == 1
    assert by_breast.about["splits"][0]["sizes"] == {"train": 1, "validation": 1, "test": 3}
    scored = StoredRun(by_breast, 0).scored("test")
    assert scored.leak[0] == "2 of 3 test breasts have their patient in train"


def test_a_sweep_does_not_change_at_the_level_of_images():
    sweep = small([TEST] * 7)
    assert at_level(sweep, "image", ["mean", "max"]) == [sweep]


def test_a_sweep_whose_images_name_no_breast_is_refused():
    sweep = small([TEST] * 7)
    sweep.images["breast"] = ""
    with pytest.raises(MammoError, match="name no breast"):
        at_level(sweep, "breast", ["max"])
    sweep.images["patient"] = sweep.images["image"]
    with pytest.raises(MammoError, match="name no patient"):
        at_level(sweep, "patient", ["max"])
    with pytest.raises(MammoError, match="no level 'lesion'"):
        at_level(sweep, "lesion", ["max"])
    with pytest.raises(MammoError, match="no fusion 'median'"):
        at_level(sweep, "breast", ["median"])


def test_fused_runs_have_a_leaderboard_of_their_own_level(demo_home):
    images = leaderboard(demo_home)
    board = leaderboard(demo_home, level="breast", fuse=("mean", "max"))
    assert len(board) == 2 * len(images) and set(board["level"]) == {"breast"} and set(board["fuse"]) == {"mean", "max"}
    assert board["validation_auc"].is_monotonic_decreasing and board["tie_group"].min() == 1
    sweep = Sweep.open(demo_home, sweeps(demo_home)[0])
    rows = sweep.images.iloc[sweep.members(0, "test")]
    assert (board["n_test"] == len(rows.groupby(["patient", "breast"]))).all() and (board["n_test"] < len(rows)).all()
    run = StoredRun.open(demo_home, board["run"][0])
    scored = run.scored("test", "best")
    assert (run.id, scored.unit, scored.value(auc)) == (board["run"][0], "breasts", board["test_auc"][0])
    plain = StoredRun.open(demo_home, board["run"][0].split("@")[0])
    logits = pd.Series(plain.scored("test").logits, index=rows.index)
    if board["fuse"][0] == "max":
        expected = logits.groupby([rows["patient"], rows["breast"]]).max()
        assert sorted(scored.logits) == pytest.approx(sorted(expected))
    assert len(set(short_names(board).values())) == len(board)


def test_the_reader_is_scored_on_the_same_breasts(demo_home):
    board = leaderboard(demo_home, level="breast")
    run = StoredRun.open(demo_home, board["run"][0])
    reader = reader_of([run], "test")
    assert np.size(reader.labels) == board["n_test"][0]
    assert set(np.unique(reader.logits)) <= {1.0, 2.0, 3.0, 3.5, 4.0, 5.0, 6.0}
