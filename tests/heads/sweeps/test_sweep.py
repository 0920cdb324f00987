"""The sweep: complete, resumable, and honest about chance."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file

from mammo.data.dataset.dataset import Dataset, write_dataset
from mammo.data.splits.labels import LABELS
from mammo.data.splits.protocols import OUT
from mammo.errors import MammoError
from mammo.features.cache.cache import Cache, caches
from mammo.features.extraction.extract import extract
from mammo.heads.grid import expand
from mammo.heads.pools import POOLS
from mammo.heads.sweeps.plan import open_plan
from mammo.heads.sweeps.sweep import sweep
from mammo.heads.sweeps.units import UNITS
from mammo.progress import Progress, finish
from mammo.results.board.grouped import by_setting
from mammo.results.board.leaderboard import Piece, leaderboard
from mammo.results.setting_words import short_names
from mammo.runs.stored_run import StoredRun
from mammo.runs.sweep import Sweep, sweep_name_of, sweeps
from mammo.runs.sweep_files import ABOUT, HEADS, LOGITS, RUNS
from mammo.specs import CacheSpec, Home, SplitSpec, SweepSpec

NAME = "phantom-demo"


@pytest.fixture
def own_home(demo_home: Home, tmp_path: Path) -> Home:
    """A copy of the demo's data set and caches, to write into."""
    home = Home(tmp_path / "home")
    shutil.copytree(demo_home.features(NAME), home.features(NAME))
    shutil.copytree(demo_home.dataset(NAME), home.dataset(NAME), ignore=shutil.ignore_patterns("files"))
    return home


def small(home: Home, redraws: int = 2, **axes: object) -> SweepSpec:
    heads = expand({"pool": ["flatten", "gap"], "lr": [1e-3, 1e-4], "epochs": [3], **axes})
    splits = tuple(SplitSpec(redraw=redraw) for redraw in range(redraws))
    return SweepSpec(NAME, tuple(caches(home, NAME)), heads, splits)


def test_every_run_is_scored_on_every_image(own_home: Home) -> None:
    spec = small(own_home)
    opened = Sweep.open(own_home, finish(sweep(own_home, spec)))
    assert len(opened.runs) == spec.runs == 16
    assert opened.logits.shape == (16, 160) and np.isfinite(opened.logits).all()
    assert opened.history.shape == (16, 3, 5)
    assert list(opened.runs["trunk"].value_counts()) == [8, 8]
    rows = opened.runs[["split", "cache", "pool", "lr"]].drop_duplicates()
    assert len(rows) == 16
    assert not (opened.folder / UNITS).exists()


def test_rows_belong_to_their_settings(own_home: Home) -> None:
    """A run in a large sweep scores as it does when it is trained alone."""
    together = Sweep.open(own_home, finish(sweep(own_home, small(own_home))))
    for row in (0, 5, 10, 15):
        run = together.runs.iloc[row]
        heads = expand({"pool": [run["pool"]], "lr": [float(run["lr"])], "epochs": [3]})
        alone = SweepSpec(NAME, (run["cache"],), heads, (SplitSpec(redraw=int(run["redraw"])),))
        scores = Sweep.open(own_home, finish(sweep(own_home, alone))).logits[0]
        np.testing.assert_allclose(together.logits[row], scores, atol=1e-5)


def test_a_stopped_sweep_keeps_what_it_had_finished(own_home: Home) -> None:
    spec = small(own_home)
    work = sweep(own_home, spec)
    while not (step := next(work)).done > 4:
        assert isinstance(step, Progress)
    work.close()
    assert sweeps(own_home) == []
    again = list(sweep(own_home, spec))
    assert again[0].done >= 4, "a finished unit is trained again"
    (name,) = sweeps(own_home)
    undisturbed = Home(own_home.path.parent / "other")
    shutil.copytree(own_home.path, undisturbed.path, ignore=shutil.ignore_patterns("sweeps"))
    finish(sweep(undisturbed, spec))
    assert (undisturbed.sweep(name) / LOGITS).read_bytes() == (own_home.sweep(name) / LOGITS).read_bytes()


def test_the_same_sweep_is_not_trained_twice(own_home: Home) -> None:
    name = finish(sweep(own_home, small(own_home)))
    before = (own_home.sweep(name) / ABOUT).stat().st_mtime_ns
    assert list(sweep(own_home, small(own_home))) == []
    assert (own_home.sweep(name) / ABOUT).stat().st_mtime_ns == before
    assert finish(sweep(own_home, small(own_home, redraws=1))) != name


def test_a_sweep_of_another_arithmetic_keeps_its_name_and_is_trained_anew(
    own_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mammo.heads.sweeps.plan.TRAINING", 2)
    before = Sweep.open(own_home, finish(sweep(own_home, small(own_home))))
    monkeypatch.undo()
    after = Sweep.open(own_home, finish(sweep(own_home, small(own_home))))
    assert before.id != after.id and set(sweeps(own_home)) == {before.id, after.id}
    assert (before.arithmetic, after.arithmetic) == (2, 3)
    board = leaderboard(own_home)
    assert set(board["run"]) == {*before.runs["run"], *after.runs["run"]}
    assert (by_setting(board)["count"] == 2).all() and len(by_setting(board)) == 2 * len(before.runs) / 2
    assert all("arithmetic" in name for name in short_names(board).values())


@pytest.mark.parametrize("column", ["birads", "view"])
def test_what_readers_and_leaks_are_counted_by_makes_another_sweep(own_home: Home, column: str) -> None:
    spec = small(own_home, redraws=1)
    before = open_plan(own_home, spec).folder
    dataset = Dataset.open(own_home, NAME)
    other = dataset.images.assign(**{column: dataset.images[column].iloc[::-1].to_numpy()})
    write_dataset(own_home, NAME, dataset.about, other, dataset.lesions)
    assert open_plan(own_home, spec).folder != before


def test_live_curves_grow_with_the_epochs(own_home: Home) -> None:
    steps = [step for step in sweep(own_home, small(own_home, redraws=1)) if step.live]
    lengths = [[len(curve) for curve in step.live["history"]] for step in steps]
    assert max(map(max, lengths)) == 3
    assert all(len(step.live["heads"]) == len(step.live["history"]) for step in steps)


@pytest.mark.slow
def test_permuted_labels_score_at_chance(own_home: Home) -> None:
    dataset = Dataset.open(own_home, NAME)
    rng = np.random.default_rng(7)
    aucs = []
    for _ in range(4):
        shuffled = dataset.images.assign(label=rng.permutation(dataset.images["label"]))
        write_dataset(own_home, NAME, dataset.about, shuffled, dataset.lesions)
        spec = small(own_home, redraws=1, epochs=[8], optimizer=["adam", "nadam"])
        splits = tuple(SplitSpec(seed=seed) for seed in range(4))
        board = leaderboard(own_home, [finish(sweep(own_home, SweepSpec(NAME, spec.caches, spec.heads, splits)))])
        aucs.append(board["test_auc"].mean())
    assert abs(np.mean(aucs) - 0.5) < 0.1


def test_other_images_than_the_cache_was_made_of_are_refused(own_home: Home) -> None:
    dataset = Dataset.open(own_home, NAME)
    write_dataset(own_home, NAME, dataset.about, dataset.images.iloc[:-1], dataset.lesions)
    with pytest.raises(MammoError, match="dataset_digest"):
        finish(sweep(own_home, small(own_home)))


def test_leak_stands_beside_every_score(own_home: Home) -> None:
    spec = small(own_home, redraws=1)
    leaking = SweepSpec(NAME, spec.caches, spec.heads, (SplitSpec("paper"), SplitSpec("patient")))
    board = leaderboard(own_home, [finish(sweep(own_home, leaking))])
    leaked = board["leakage"].map(lambda facts: facts["test_images_with_patient_in_train"])
    assert (leaked[board["protocol"] == "paper"] > 0).all()
    assert (leaked[board["protocol"] == "patient"] == 0).all()


def test_ties_are_counted_for_each_split_and_across_sweeps(own_home: Home) -> None:
    names = [finish(sweep(own_home, small(own_home, epochs=[epochs]))) for epochs in (2, 3)]
    board = leaderboard(own_home, names)
    for _, rows in board.groupby("redraw"):
        assert rows["tie_group"].min() == 1
        assert rows.sort_values("validation_auc", ascending=False)["tie_group"].iloc[0] == 1
    assert isinstance(board, pd.DataFrame) and board["validation_auc"].is_monotonic_decreasing


def test_every_policy_is_a_sweep_of_its_own_and_all_stand_side_by_side(own_home: Home) -> None:
    spec = small(own_home, redraws=1)
    alone = {name: replace(spec, splits=(SplitSpec(labels=name),)) for name in LABELS}
    names = {name: finish(sweep(own_home, one)) for name, one in alone.items()}
    assert len(set(names.values())) == 3
    board = leaderboard(own_home, list(names.values()))
    assert board["labels"].value_counts().to_dict() == dict.fromkeys(LABELS, 8)
    assert all(board["run"][row].startswith(names[board["labels"][row]]) for row in range(len(board)))
    assert {"three-way", "merged", "dropped"} <= {
        word for name in short_names(board).values() for word in name.split(" · ")
    }
    tested = board.groupby("labels")["n_test"].first()
    assert tested["dropped"] < tested["merged"] == tested["three-way"]
    together = replace(spec, splits=tuple(SplitSpec(labels=name) for name in LABELS))
    opened = Sweep.open(own_home, finish(sweep(own_home, together)))
    for row, name in enumerate(LABELS):
        runs = opened.runs["labels"] == name
        assert (opened.runs.loc[runs, "split"] == row).all()
        np.testing.assert_allclose(opened.logits[runs], Sweep.open(own_home, names[name]).logits, atol=1e-5)
    without = (opened.images["pathology"] == "BENIGN_WITHOUT_CALLBACK").to_numpy()
    assert without.any() and (opened.parts[1][without] == OUT).all() and (opened.parts[1][~without] != OUT).all()


def test_a_three_way_sweep_keeps_all_classes_and_one_score(own_home: Home) -> None:
    spec = small(own_home, redraws=1, hidden=[0, 4], pool=["gap"])
    name = finish(sweep(own_home, replace(spec, splits=(SplitSpec(labels="three-way"),))))
    opened, weights = Sweep.open(own_home, name), load_file(own_home.sweep(name) / HEADS)
    for row, run in opened.runs.iterrows():
        vectors = POOLS["gap"].vectors(Cache.open(own_home, NAME, run["cache"]), 0)
        if run["hidden"]:
            vectors = np.maximum(vectors @ weights[f"{row}.hidden.weight"].T + weights[f"{row}.hidden.bias"], 0)
        assert weights[f"{row}.weight"].shape == (3, vectors.shape[1])
        scores = vectors @ weights[f"{row}.weight"].T + weights[f"{row}.bias"]
        np.testing.assert_allclose(opened.logits[row], scores[:, 2] - np.logaddexp(*scores[:, :2].T), atol=1e-4)
    assert set(opened.labels.tolist()) == {0, 1}


def test_three_ways_are_refused_before_a_head_is_trained(own_home: Home) -> None:
    dataset = Dataset.open(own_home, NAME)
    known = dataset.images["pathology"].replace("BENIGN_WITHOUT_CALLBACK", "BENIGN")
    write_dataset(own_home, NAME, dataset.about, dataset.images.assign(pathology=known), dataset.lesions)
    splits = (SplitSpec(), SplitSpec(labels="three-way"))
    with pytest.raises(MammoError, match="Three-way labels need training images of 3 classes"):
        finish(sweep(own_home, replace(small(own_home), splits=splits)))
    assert own_home.names("sweeps") == []


def test_a_sweep_older_than_label_policies_reads_as_merged(
    own_home: Home, without_digests: Callable[[Path], None]
) -> None:
    name = finish(sweep(own_home, small(own_home, redraws=1)))
    without_digests(own_home.sweep(name))
    runs = pd.read_parquet(own_home.sweep(name) / RUNS).drop(columns="labels")
    runs.to_parquet(own_home.sweep(name) / RUNS, index=False)
    assert set(leaderboard(own_home, [name])["labels"]) == {"merged"}


@pytest.mark.parametrize("run", ["", "nothing", "a.b", ".3"])
def test_a_run_that_is_none(run: str) -> None:
    with pytest.raises(MammoError, match="is no run"):
        sweep_name_of(run)


@pytest.mark.parametrize("content", [b"not numpy", b""])
def test_damaged_sweep_is_refused(own_home: Home, content: bytes) -> None:
    name = finish(sweep(own_home, small(own_home)))
    (own_home.sweep(name) / LOGITS).write_bytes(content)
    with pytest.raises(MammoError, match="damaged"):
        Sweep.open(own_home, name)


@pytest.mark.parametrize("content", ["[]", "{}"])
def test_a_sweep_that_tells_nothing_of_itself_is_refused(own_home: Home, content: str) -> None:
    name = finish(sweep(own_home, small(own_home)))
    (own_home.sweep(name) / ABOUT).write_text(content)
    with pytest.raises(MammoError, match="is damaged"):
        Sweep.open(own_home, name)


def test_a_sweep_whose_images_change_parts_is_another(own_home: Home) -> None:
    """The collection's own split stands in the index, where a corrected case table can change it."""
    spec = small(own_home, redraws=1)
    official = SweepSpec(NAME, spec.caches, spec.heads, (SplitSpec("official"),))
    before = finish(sweep(own_home, official))
    dataset = Dataset.open(own_home, NAME)
    swapped = dataset.images.assign(split=dataset.images["split"].map({"train": "test", "test": "train"}))
    write_dataset(own_home, NAME, dataset.about, swapped, dataset.lesions)
    after = finish(sweep(own_home, official))
    assert after != before
    opened = Sweep.open(own_home, after)
    tested = opened.images["image"].iloc[opened.members(0, "test")]
    assert set(tested) == set(swapped.loc[swapped["split"] == "test", "image"])


def test_runs_of_other_labels_share_no_tie_group(own_home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = small(own_home, redraws=1)
    drawn = SweepSpec(NAME, spec.caches, spec.heads, (SplitSpec("paper"),))
    names = [finish(sweep(own_home, drawn))]
    dataset = Dataset.open(own_home, NAME)
    other = dataset.images["label"].map({"malignant": "benign", "benign": "malignant"})
    write_dataset(own_home, NAME, dataset.about, dataset.images.assign(label=other), dataset.lesions)
    names.append(finish(sweep(own_home, drawn)))
    compared: list[int] = []

    def count(alike: list[Piece]) -> tuple[pd.DataFrame, None]:
        compared.append(sum(len(runs) for runs, _, _ in alike))
        return pd.concat([runs for runs, _, _ in alike]).assign(tie_group=1), None

    monkeypatch.setattr("mammo.results.board.leaderboard._with_ties", count)
    leaderboard(own_home, names)
    assert compared == [8, 8]


def test_a_run_does_not_show_other_images_of_the_same_names(own_home: Home) -> None:
    run = StoredRun.open(own_home, finish(sweep(own_home, small(own_home, redraws=1))) + ".0")
    assert run.dataset(own_home).name == NAME
    dataset = Dataset.open(own_home, NAME)
    others = dataset.images.assign(digest=dataset.images["digest"].iloc[::-1].to_numpy())
    write_dataset(own_home, NAME, dataset.about, others, dataset.lesions)
    with pytest.raises(MammoError, match="has changed since the run"):
        run.dataset(own_home)


def test_a_data_set_of_the_longest_name_can_be_swept(tiny: Home, tmp_path: Path) -> None:
    longest, home = "x" * 80, Home(tmp_path)
    shutil.copytree(tiny.dataset("tiny"), home.dataset(longest))
    specs = [CacheSpec(longest, "vgg16-mini", "random-0", size=32)]
    (made,) = finish(extract(home, specs, device="cpu", workers=1))
    spec = SweepSpec(longest, (made.cache.name,), expand({"pool": ["gap"], "epochs": [1]}), (SplitSpec(),))
    assert Sweep.open(home, finish(sweep(home, spec))).about["dataset"]["name"] == longest
