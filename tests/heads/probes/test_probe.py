"""The converged probe: the optimum that scikit-learn finds, from dot products alone."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from mammo.data.splits.protocols import TEST, TRAIN, VALIDATION
from mammo.errors import MammoError
from mammo.features.cache.cache import Cache, caches
from mammo.heads.grid import expand
from mammo.heads.pools import POOLS
from mammo.heads.probes import gram as products
from mammo.heads.probes.gram import Rows, combined, gram
from mammo.heads.probes.probe import EXACT, Probe, fit_probe, heads_of
from mammo.heads.sweeps.sweep import sweep
from mammo.heads.sweeps.units import UNITS
from mammo.progress import finish
from mammo.results.board.grouped import by_setting, strength_words
from mammo.results.board.leaderboard import leaderboard
from mammo.results.probes import probe_rows, probes_of
from mammo.results.setting_words import short_names
from mammo.runs.stored_run import StoredRun
from mammo.runs.sweep import Sweep
from mammo.runs.sweep_files import HEADS, LOGITS
from mammo.specs import PROBE, STRENGTHS, HeadSpec, Home, SplitSpec, SweepSpec
from mammo.statistics.metrics import auc

CPU = torch.device("cpu")
Vectors = NDArray[np.float32]


def problem(images: int, features: int, seed: int = 0) -> tuple[Vectors, NDArray[np.int8], NDArray[np.int8]]:
    """Activations of images, classes that a few of them tell apart with noise, and parts."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(0.3, 1, (images, features)).clip(0).astype(np.float32)
    odds = vectors[:, :8].sum(axis=1) + rng.normal(0, 0.7, images)
    parts = rng.permutation(np.repeat([TRAIN, VALIDATION, TEST], [images // 2, images // 4, images - 3 * images // 4]))
    return vectors, (odds > np.median(odds)).astype(np.int8), parts.astype(np.int8)


def probed(vectors: Vectors, labels: NDArray[np.int8], parts: NDArray[np.int8]) -> Probe:
    return fit_probe(gram(Rows.held(vectors), CPU), labels, parts)


def scaled(vectors: Vectors, parts: NDArray[np.int8]) -> NDArray[np.float64]:
    """Vectors centred on the training images and divided by the root of their mean squared length."""
    centred = vectors - vectors[parts == TRAIN].mean(axis=0, dtype=np.float64)
    return centred / np.sqrt((centred[parts == TRAIN] ** 2).sum(axis=1).mean())


def peer(vectors: NDArray[np.float64], labels: NDArray[np.int8], strength: float, solver: str) -> LogisticRegression:
    return LogisticRegression(C=strength, tol=1e-12, max_iter=100_000, solver=solver).fit(vectors, labels)


@pytest.mark.parametrize(("images", "features"), [(160, 12), (120, 400)])
def test_every_step_of_the_path_is_scikit_learns_optimum(images: int, features: int) -> None:
    vectors, labels, parts = problem(images, features)
    found, train = probed(vectors, labels, parts), parts == TRAIN
    inputs = scaled(vectors, parts)
    for step, strength in list(enumerate(STRENGTHS))[::2]:
        fitted = peer(inputs[train], labels[train], strength, "newton-cholesky")
        np.testing.assert_allclose(found.logits[step], fitted.decision_function(inputs), atol=1e-5)


def test_a_vector_as_long_as_a_flattened_maps_is_solved_as_well() -> None:
    vectors, labels, parts = problem(96, 25_088)
    found, train = probed(vectors, labels, parts), parts == TRAIN
    inputs = scaled(vectors, parts)
    for step in (0, 6, 10):
        fitted = peer(inputs[train], labels[train], STRENGTHS[step], "lbfgs")
        np.testing.assert_allclose(found.logits[step], fitted.decision_function(inputs), atol=1e-5)


@pytest.mark.parametrize("features", [12, 2500])
def test_every_step_is_where_the_gradient_vanishes(features: int) -> None:
    """The optimum is unique: sums of the errors of images are the weights, and they add up to nothing."""
    vectors, labels, parts = problem(120, features, seed=3)
    found, train = probed(vectors, labels, parts), parts == TRAIN
    inputs = scaled(vectors, parts)
    for logits, strength in zip(found.logits, STRENGTHS, strict=True):
        errors = strength * (labels[train] - 1 / (1 + np.exp(-logits[train])))
        assert abs(errors.sum()) < 1e-7 * strength
        scores = inputs @ (errors @ inputs[train])
        close = 1e-6 + EXACT * strength * train.sum()
        np.testing.assert_allclose(scores + (logits - scores).mean(), logits, atol=close)


@pytest.mark.parametrize(("images", "signal"), [(120, 0.0), (40, 3.0)])
def test_the_chosen_step_is_the_best_on_validation_and_of_least_loss_among_those(images: int, signal: float) -> None:
    vectors, labels, parts = problem(images, 400, seed=1)
    vectors[:, :40] += np.float32(signal) * labels[:, None]
    found, held_out = probed(vectors, labels, parts), parts == VALIDATION
    area = auc(labels[held_out], found.logits[:, held_out])
    np.testing.assert_array_equal(found.validation_auc, area)
    best = np.flatnonzero(area == area.max())
    losses = [log_loss(labels[held_out], 1 / (1 + np.exp(-found.logits[step, held_out]))) for step in best]
    assert found.best == best[np.argmin(losses)]
    assert (len(best) > 5 and found.best > best[0]) == (signal > 0)


def test_the_test_images_change_neither_the_path_nor_the_choice() -> None:
    vectors, labels, parts = problem(120, 400, seed=2)
    before = probed(vectors, labels, parts)
    test = parts == TEST
    after = probed(vectors, np.where(test, 1 - labels, labels), parts)
    np.testing.assert_array_equal(before.logits, after.logits)
    assert before.best == after.best


def test_the_chosen_step_as_a_head_scores_the_stored_vectors() -> None:
    vectors, labels, parts = problem(200, 700, seed=4)
    table = gram(Rows.held(vectors), CPU)
    found = [fit_probe(table, labels, part) for part in (parts, parts[::-1].copy())]
    for probe, head in zip(found, heads_of(found, table), strict=True):
        assert head["weight"].dtype == head["bias"].dtype == np.float32
        np.testing.assert_allclose(vectors @ head["weight"] + head["bias"], probe.logits[probe.best], atol=1e-4)


def test_products_are_the_same_when_vectors_are_read_block_by_block(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, _, _ = problem(210, 5000)
    whole = gram(Rows.held(vectors), CPU)
    monkeypatch.setattr(products, "HELD_BYTES", 4 * 5000 * 70)
    pieces = gram(Rows.held(vectors), CPU)
    centred = vectors.astype(np.float64) - whole.origin
    expected = centred @ centred.T
    for found in (whole.products, pieces.products):
        np.testing.assert_allclose(found.numpy(), expected, atol=1e-6 * expected.max())
    shares = np.random.default_rng(0).normal(size=(3, 210))
    np.testing.assert_allclose(combined(Rows.held(vectors), shares), shares @ vectors, atol=1e-9)


def test_features_that_are_not_finite_are_refused() -> None:
    vectors, _, _ = problem(100, 30)
    vectors[70, 3] = np.nan
    with pytest.raises(MammoError, match="not finite"):
        gram(Rows.held(vectors), CPU)


@pytest.mark.parametrize(("part", "named"), [(TRAIN, "training"), (VALIDATION, "validation")])
def test_a_part_of_one_class_is_refused(part: int, named: str) -> None:
    vectors, labels, parts = problem(80, 20)
    with pytest.raises(
        MammoError, match=f"{named} images are not of both classes.+; choose another seed or protocol, or"
    ):
        probed(vectors, np.where(parts == part, 0, labels).astype(np.int8), parts)


def test_a_probe_has_no_settings_of_training_and_is_linear() -> None:
    assert HeadSpec(optimizer=PROBE, lr=1e-3, seed=4, batch=8) == HeadSpec(optimizer=PROBE) != HeadSpec()
    grid = expand({"optimizer": ["adam", PROBE], "lr": [1e-3, 1e-4], "seed": [0, 1], "epochs": [3]})
    assert [head.solved for head in grid].count(True) == 1 and len(grid) == 5
    assert HeadSpec.from_json(HeadSpec(optimizer=PROBE).to_json()).epochs == len(STRENGTHS)
    for plan in ({"hidden": 8}, {"dropout": 0.5}, {"finetune": "last-layer"}):
        with pytest.raises(MammoError, match="A probe is a linear head on frozen features"):
            HeadSpec(optimizer=PROBE, **plan)


@pytest.fixture
def own_home(tiny: Home, tmp_path: Path) -> Home:
    """A copy of the small data set and its cache, to write into."""
    shutil.copytree(tiny.path, tmp_path / "home")
    return Home(tmp_path / "home")


def test_a_probe_is_a_run_of_a_sweep_beside_trained_heads(own_home: Home) -> None:
    (name,) = caches(own_home, "tiny")
    heads = expand({"pool": ["flatten", "gap"], "optimizer": ["adam", PROBE], "epochs": [2]})
    splits = (SplitSpec(), SplitSpec(redraw=1))
    opened = Sweep.open(own_home, finish(sweep(own_home, SweepSpec("tiny", (name,), heads, splits))))
    assert len(opened.runs) == 8 and not (opened.folder / UNITS).exists()
    assert opened.history.shape == (8, len(STRENGTHS), 5)
    weights, cache = load_file(opened.folder / HEADS), Cache.open(own_home, "tiny", name)
    for row in probe_rows(own_home, opened):
        place = opened.row(row["run"])
        areas = [step["validation_auc"] for step in row["path"]]
        assert [step["C"] for step in row["path"]] == list(STRENGTHS)
        assert row["validation_auc"] == pytest.approx(max(areas), abs=1e-6)
        chosen = STRENGTHS.index(row["C"])
        losses = [step["validation_loss"] for step in row["path"]]
        assert row["C"] == row["strength"] and areas[chosen] == max(areas)
        assert losses[chosen] == min(np.array(losses)[np.array(areas) == max(areas)])
        assert row["lr"] == 0 and row["n_train"] > row["n_test"] > 0
        losses = [step["train_loss"] for step in row["path"]]
        assert losses == sorted(losses, reverse=True)
        scores = POOLS[row["pool"]].vectors(cache, 0) @ weights[f"{place}.weight"] + weights[f"{place}.bias"]
        np.testing.assert_allclose(scores, opened.logits[place], atol=1e-4)
    board = leaderboard(own_home)
    assert board["strength"].notna().tolist() == (board["optimizer"] == PROBE).tolist()
    settings = by_setting(board)
    assert len(settings) == 4 and (settings["count"] == 2).all() and "strength" not in settings
    assert board.groupby("pool")["strength"].nunique().max() > 1  # runs of a setting that chose differently
    for _, plan in settings.iterrows():
        own = board.loc[board["run"].isin(plan["runs"]), "strength"]
        said = strength_words(plan["strength_median"], plan["strength_range"])
        if plan["optimizer"] == PROBE:
            assert plan["strength_range"] == (own.min(), own.max()) and plan["strength_median"] == own.median()
            assert said.startswith(f"{own.median():.3g}") and ("to" in said) == (own.nunique() > 1)
        else:
            assert not said
    names = short_names(board)
    assert sum("probe" in names[run] for run in names) == 4
    assert not any("probe" in name and ("batch" in name or "lr" in name) for name in names.values())
    assert StoredRun.open(own_home, board["run"].iloc[0]).scored("test").part == "test"


def test_a_probe_is_held_against_the_best_trained_linear_head_on_the_same_features(own_home: Home) -> None:
    (name,) = caches(own_home, "tiny")
    heads = expand({"pool": ["flatten", "gap"], "lr": [1e-3, 1e-4], "hidden": [0, 4], "epochs": [1]})
    trained = finish(sweep(own_home, SweepSpec("tiny", (name,), heads, (SplitSpec(), SplitSpec(redraw=1)))))
    probes = SweepSpec("tiny", (name,), (HeadSpec("gap", optimizer=PROBE),), (SplitSpec(redraw=1), SplitSpec(redraw=2)))
    opened = Sweep.open(own_home, finish(sweep(own_home, probes)))
    board = leaderboard(own_home, [trained])
    same = board[(board["pool"] == "gap") & (board["hidden"] == 0) & (board["redraw"] == 1)]
    with_one, without = probe_rows(own_home, opened)
    assert without["trained"] is None
    assert with_one["trained"]["run"] == same["run"].iloc[0]
    best = with_one["trained"]
    assert best["difference"] == pytest.approx(best["test_auc"] - with_one["test_auc"])
    low, high = best["difference_interval"]
    assert low <= best["difference"] <= high and 0 <= best["p_value"] <= 1
    everyone = [StoredRun.open(own_home, run) for run in board["run"]]
    found = probes_of(own_home, everyone)
    alike = board.loc[(board["pool"] == "gap") & (board["redraw"] == 1), "run"]
    assert {run: probe.id for run, probe in found.items()} == dict.fromkeys(alike, with_one["run"])


def test_a_probe_stands_beside_sweeps_of_smaller_data_sets(
    own_home: Home, without_digests: Callable[[Path], None]
) -> None:
    (name,) = caches(own_home, "tiny")
    trained = SweepSpec("tiny", (name,), expand({"pool": ["gap"], "epochs": [1]}), (SplitSpec(),))
    other = Sweep.open(own_home, finish(sweep(own_home, trained)))
    without_digests(other.folder)
    few = slice(0, 4)
    np.save(other.folder / LOGITS, np.asarray(other.logits)[:, few])
    np.save(other.folder / "parts.npy", np.asarray(other.parts)[:, few])
    other.images.iloc[few].to_parquet(other.folder / "images.parquet")
    probes = SweepSpec("tiny", (name,), (HeadSpec("gap", optimizer=PROBE),), (SplitSpec(),))
    opened = Sweep.open(own_home, finish(sweep(own_home, probes)))
    assert probe_rows(own_home, opened)[0]["trained"] is None


def test_a_head_that_diverged_is_no_yardsticks_rival(own_home: Home, without_digests: Callable[[Path], None]) -> None:
    (name,) = caches(own_home, "tiny")
    heads = expand({"pool": ["gap"], "lr": [1e-3, 1e-4], "epochs": [1]})
    trained = Sweep.open(own_home, finish(sweep(own_home, SweepSpec("tiny", (name,), heads, (SplitSpec(),)))))
    probes = SweepSpec("tiny", (name,), (HeadSpec("gap", optimizer=PROBE),), (SplitSpec(),))
    opened = Sweep.open(own_home, finish(sweep(own_home, probes)))
    without_digests(trained.folder)
    scores = np.array(trained.logits)
    for lost, left in ((0, 1), (1, 0)):
        logits = scores.copy()
        logits[lost] = np.nan
        np.save(trained.folder / LOGITS, logits)
        assert probe_rows(own_home, opened)[0]["trained"]["run"] == trained.runs["run"].iloc[left]
    np.save(trained.folder / LOGITS, np.full_like(scores, np.nan))
    assert probe_rows(own_home, opened)[0]["trained"] is None


def test_a_probe_alone_and_one_among_heads_are_the_same(own_home: Home) -> None:
    (name,) = caches(own_home, "tiny")
    together, alone = (
        Sweep.open(own_home, finish(sweep(own_home, SweepSpec("tiny", (name,), heads, (SplitSpec(),)))))
        for heads in (expand({"optimizer": ["adam", PROBE], "epochs": [1]}), (HeadSpec(optimizer=PROBE),))
    )
    np.testing.assert_array_equal(together.logits[1], alone.logits[0])
    assert together.id != alone.id


def test_three_classes_are_refused_in_a_sentence(own_home: Home) -> None:
    (name,) = caches(own_home, "tiny")
    spec = SweepSpec("tiny", (name,), (HeadSpec(optimizer=PROBE),), (SplitSpec(labels="three-way"),))
    with pytest.raises(MammoError, match="learns malignant or not, no third class"):
        finish(sweep(own_home, spec))
