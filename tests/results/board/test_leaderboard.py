import os
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mammo.data.splits.protocols import VALIDATION
from mammo.errors import MammoError
from mammo.progress import finish
from mammo.results.board import store as board_store
from mammo.results.board.grouped import by_setting
from mammo.results.board.leaderboard import bias_rows, leaderboard, ranked, read_board
from mammo.runs.stored_run import StoredRun
from mammo.runs.sweep import Sweep, sweeps
from mammo.specs import Home
from mammo.statistics.operating import Criterion, operate
from mammo.verify import verify


@pytest.fixture
def copied(demo_home, tmp_path):
    """A writable home with a copy of the demo's sweep."""
    home = Home(tmp_path / "home")
    shutil.copytree(demo_home.path / "sweeps", home.path / "sweeps")
    return home


def boards_of(home):
    return sorted((home.path / "boards").glob("*.parquet"))


def test_a_stored_board_equals_the_computed_one(copied):
    runs = leaderboard(copied)["run"]
    for reading in (
        {},
        {"level": "breast", "fuse": ["mean", "max"]},
        {"ensembles": [f"{runs[0]}+{runs[1].split('.')[1]}"]},
    ):
        computed, again = read_board(copied, **reading), read_board(copied, **reading)
        pd.testing.assert_frame_equal(again.runs, computed.runs)
        assert again.biases == computed.biases
        assert bias_rows(again) == bias_rows(computed)
    assert len(boards_of(copied)) == 3


def test_a_stored_board_is_not_computed_again(copied, monkeypatch):
    computed = read_board(copied)
    monkeypatch.setattr("mammo.results.board.leaderboard.board_of", lambda _: pytest.fail("computed again"))
    pd.testing.assert_frame_equal(read_board(copied).runs, computed.runs)


def test_a_board_of_other_scores_or_other_code_is_computed_again(copied, monkeypatch, without_digests):
    (name,) = sweeps(copied)
    without_digests(copied.sweep(name))
    before = read_board(copied).runs
    path = copied.sweep(name) / "logits.npy"
    np.save(path, -np.load(path))
    after = read_board(copied).runs
    assert after.set_index("run")["test_auc"].to_dict() == pytest.approx(
        (1 - before.set_index("run")["test_auc"]).to_dict()
    )
    monkeypatch.setattr(board_store, "code_version", lambda: "other")
    read_board(copied)
    assert len(boards_of(copied)) == 3


def test_a_damaged_board_is_computed_again(copied):
    computed = read_board(copied)
    (path,) = boards_of(copied)
    path.write_bytes(path.read_bytes()[:1000])
    pd.testing.assert_frame_equal(read_board(copied).runs, computed.runs)
    pd.testing.assert_frame_equal(read_board(copied).runs, computed.runs)


def test_a_board_of_an_earlier_version_is_not_damaged(copied):
    read_board(copied)
    (board,) = boards_of(copied)
    board.rename(board.with_name(f"{board.stem.partition('-')[0]}.parquet"))
    assert finish(verify(copied)).damaged_items == ()
    read_board(copied)
    assert len(boards_of(copied)) == 2


def test_only_the_newest_boards_are_kept(copied, monkeypatch):
    monkeypatch.setattr(board_store, "MOST", 2)
    for number, fuse in enumerate(("mean", "max", "noisy-or")):
        read_board(copied, level="patient", fuse=[fuse])
        os.utime(max(boards_of(copied), key=lambda file: file.stat().st_mtime), (number + 1, number + 1))
    assert len(boards_of(copied)) == 2


def test_a_read_only_home_has_a_leaderboard(copied):
    (copied.path / "boards").write_text("in the way")
    assert len(read_board(copied).runs) == 24


def test_a_run_that_is_named_twice_is_listed_once(copied):
    (name,) = sweeps(copied)
    pair = f"{name}.0+1"
    twice = read_board(copied, [name, name], ensembles=[pair, pair]).runs
    pd.testing.assert_frame_equal(twice, read_board(copied, [name], ensembles=[pair]).runs)
    assert not twice["run"].duplicated().any()


def test_a_sweep_that_does_not_exist_is_refused(copied):
    with pytest.raises(MammoError, match="no finished sweep"):
        read_board(copied, ["nothing"])


def test_half_widths_are_those_of_the_intervals(copied):
    runs = leaderboard(copied)
    for figure in ("validation_auc", "test_auc", "validation_accuracy", "test_accuracy"):
        bounds = np.array(runs[f"{figure}_interval"].tolist())
        np.testing.assert_allclose(runs[f"{figure}_half_width"], np.diff(bounds)[:, 0] / 2)


def test_a_selection_bias_describes_the_winner_on_its_validation_images(copied):
    board = read_board(copied)
    (row,) = bias_rows(board)
    best = board.runs.iloc[0]
    assert (row["winner"], row["validation_auc"], row["test_auc"]) == (
        best["run"],
        best["validation_auc"],
        best["test_auc"],
    )
    assert row["heads"] == 24 and row["tie_group"]["heads"] == (board.runs["tie_group"] == 1).sum()
    assert row["margin"] == pytest.approx(best["validation_auc"] - board.runs["validation_auc"].mean())
    assert row["discounted_auc"] == pytest.approx(row["validation_auc"] - row["expected_margin"])


def repeated(sweep):
    """The runs of a sweep as if the learning rates were random starts, with a second draw of the split."""
    rates = sweep.runs["lr"].unique().tolist()
    runs = sweep.runs.assign(seed=sweep.runs["lr"].map(rates.index), lr=0.001)
    logits = np.array(sweep.logits)
    again = runs.assign(run="again-" + runs["run"], redraw=1, split=1)
    about = {**sweep.about, "splits": sweep.about["splits"] * 2}
    fields = {name: getattr(sweep, name) for name in Sweep.__dataclass_fields__}
    fields |= {"runs": pd.concat([runs, again], ignore_index=True), "logits": np.concatenate([logits, logits[::-1]])}
    return Sweep(**{**fields, "about": about, "parts": np.repeat(np.array(sweep.parts), 2, axis=0)})


@pytest.mark.parametrize("criterion", [Criterion("youden"), Criterion("sensitivity", 0.8), Criterion()])
def test_accuracies_are_those_at_the_threshold_that_a_rule_chooses_on_validation(copied, criterion):
    board, usual = leaderboard(copied, criterion=criterion), leaderboard(copied)
    pd.testing.assert_series_equal(board["test_auc"], usual["test_auc"])
    assert (board["rule"] == criterion.rule).all()
    assert board["test_accuracy"].equals(usual["test_accuracy"]) != criterion.uses_validation
    for _, row in board.iloc[::6].iterrows():
        run = StoredRun.open(copied, row["run"])
        point = operate(run.scored("validation"), run.scored("test"), criterion.rule, criterion.target)
        accuracy = point.measures["accuracy"]
        assert row["threshold"] == point.threshold and row["test_accuracy"] == pytest.approx(accuracy.value)
        assert row["test_accuracy_interval"] == pytest.approx((accuracy.low, accuracy.high))


def test_a_run_whose_validation_allows_no_threshold_has_no_accuracy_by_a_rule(copied):
    (name,) = sweeps(copied)
    sweep = Sweep.open(copied, name)
    images = sweep.images.assign(label=np.where(sweep.parts[0] == VALIDATION, "benign", sweep.images["label"]))
    one_class = replace(sweep, images=images)
    assert ranked([one_class], Criterion("youden"))["test_accuracy"].isna().all()
    assert ranked([one_class])["test_accuracy"].notna().all()


def test_settings_have_means_and_deviations_over_starts_and_draws(demo_home):
    (name,) = sweeps(demo_home)
    runs = ranked([repeated(Sweep.open(demo_home, name))])
    runs["notes"] = pd.Series([["Patients are not known."]] * len(runs), index=runs.index, dtype=object)
    settings = by_setting(runs)
    assert len(settings) == 8 and (settings["count"] == 6).all()
    assert all(row["notes"] == runs["notes"].iloc[0] for _, row in settings.iterrows())
    assert (settings["starts"] == 3).all() and (settings["splits"] == 2).all()
    assert settings["validation_auc_mean"].is_monotonic_decreasing
    for _, row in settings.iterrows():
        own = runs[runs["run"].isin(row["runs"])]
        assert own[["cache", "pool", "optimizer"]].drop_duplicates().to_numpy().tolist() == [
            [row["cache"], row["pool"], row["optimizer"]]
        ]
        assert row["test_auc_mean"] == pytest.approx(own["test_auc"].mean())
        assert row["test_auc_sd"] == pytest.approx(np.std(own["test_auc"], ddof=1))
        assert row["test_auc_half_width"] == pytest.approx(own["test_auc_half_width"].mean())
        assert row["n_test"] == (own["n_test"].min(), own["n_test"].max())


def test_a_setting_of_one_run_has_no_deviation(demo_home):
    settings = by_setting(leaderboard(demo_home))
    assert len(settings) == 24 and settings["test_auc_sd"].isna().all()
    assert by_setting(pd.DataFrame()).empty
