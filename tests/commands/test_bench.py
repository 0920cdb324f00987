"""The benchmarks: the peers do the same work, and the command prints the ratios."""

import json
import time
from datetime import date

import numpy as np
import pytest
import torch

from benchmarks import heads, images, rows
from benchmarks import sweeps as whole
from benchmarks.heads import features, splits_epoch
from benchmarks.page import page
from benchmarks.peers import Loop, Shared, Tight
from benchmarks.timing import Race, race
from mammo.cli import main
from mammo.commands import bench
from mammo.features.cache.chunks import STORAGES
from mammo.runs.sweep import Sweep, sweeps


@pytest.mark.parametrize("peer", [Loop, Tight, Shared])
def test_a_peer_learns_what_the_bank_learns(peer, monkeypatch):
    monkeypatch.setattr(heads, "IMAGES", 160)
    vectors, labels = features(12)
    labels = (vectors[:, 0] > 0).long()
    trained = peer(vectors, labels.float(), [("adam", 0.05), ("adam", 0.02)])
    for _ in range(40):
        trained.epoch()
    for module in trained.heads:
        assert (((module(vectors).squeeze(1) > 0) == (labels == 1)).float().mean()) > 0.8


def test_the_heads_that_are_raced_train(monkeypatch):
    monkeypatch.setattr(heads, "IMAGES", 160)
    vectors, _ = features(12)
    labels = (vectors[:, 0] > 0).long()
    parts = [np.roll(np.arange(160) % 4 // 3, turn) for turn in (0, 1)]
    epoch = splits_epoch(vectors, labels, [("adam", 0.05), ("nadam", 0.05)], parts)
    aucs = [epoch().live["validation_auc"] for _ in range(40)]
    assert len(aucs[-1]) == 4 and min(aucs[-1]) > 0.85


def test_a_race_gives_the_ratio_of_each_repeat():
    measured = Race([1.0, 2.0, 1.0], [10.0, 30.0, 50.0])
    assert measured.ratios == [10.0, 15.0, 50.0] and measured.ratio == 15.0
    calls = []
    race(lambda: calls.append("ours"), lambda: calls.append("peer"), repeats=2, ours_times=3)
    assert calls == ["ours", "peer", *["ours"] * 3, "peer", *["ours"] * 3, "peer"]


@pytest.mark.slow
def test_both_ways_of_preparing_give_the_same_squares(tmp_path, monkeypatch):
    from benchmarks import guard

    monkeypatch.setattr(guard, "ROWS", 500)
    monkeypatch.setattr(guard, "COLUMNS", 300)
    monkeypatch.setattr(images, "FITTING", (images.SIZE, round(images.SIZE * 300 / 500)))
    (path,) = guard.write_files(tmp_path, 1)
    for ours, plain in zip(images.ours(images._source(path)), images.plainly(path), strict=True):
        assert np.abs(ours - plain).max() < 1e-5


@pytest.mark.slow
def test_the_plain_torch_trunk_gives_the_same_map_shape():
    pictures = np.random.default_rng(0).random((2, 64, 64)).astype(np.float32)
    from mammo.features.trunks.locate import locate
    from mammo.features.trunks.networks import build

    ours = build("resnet50", locate("resnet50", "random-0"))
    with torch.no_grad():
        assert ours.body(torch.zeros(1, 3, 64, 64)).shape == (1, 2048, 2, 2)
    images.plain_forward("resnet50", pictures)()


@pytest.mark.parametrize("storage", STORAGES)
def test_the_cache_holds_the_same_values_as_the_file(tmp_path, storage):
    maps = np.random.default_rng(0).random((70, 512, 7, 7)).astype(np.float16)
    stored = images._stored(tmp_path, maps, storage)
    assert stored.storage == storage and np.array_equal(stored.maps(), maps)


def test_the_command_prints_ratios(monkeypatch, capsys):
    short = {
        "fast": rows.Row("a", "b", "seconds", 2.0, lambda repeats: Race([1.0] * repeats, [3.0] * repeats), quick=True),
        "absent": rows.Row("a", "b", "seconds", 2.0, lambda _: None, quick=True, needs="no_such_package"),
        "slow": rows.Row("a", "b", "seconds", 2.0, lambda repeats: Race([1.0], [1.0])),
    }
    monkeypatch.setattr(rows, "ROWS", short)
    monkeypatch.setattr(bench, "_run_alone", lambda name, repeats: bench._run_race(name, short[name], repeats))
    assert main(["bench", "--quick", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [row["id"] for row in document["rows"]] == ["fast", "absent"]
    assert document["rows"][0] | {"ratio": 3.0, "target": 2.0, "spread": [3.0, 3.0]} == document["rows"][0]
    assert document["rows"][1]["ratio"] is None and document["rows"][1]["missing"] == "no_such_package"
    assert document["machine"]["cores"] >= 1 and document["machine"]["torch"]
    lines = page(document).splitlines()
    assert lines[0].startswith(f"{date.today()}: {document['machine']['cores']} cores of ")
    assert "| `fast` | a | b | 1 | 3 | 3 | 3–3 | 2 | seconds |" in lines and "| not measured |" in lines[-1]
    assert main(["bench", "--rows", "slow", "--json"]) == 0
    assert "| **1** |" in page(json.loads(capsys.readouterr().out))
    assert main(["bench", "--rows", "none"]) == 2
    assert "There is no race 'none'" in capsys.readouterr().err


@pytest.mark.slow
def test_each_race_of_several_runs_in_a_process_of_its_own(capfd):
    assert main(["bench", "--rows", "read-fast,read-zstd", "--repeats", "1", "--json"]) == 0
    printed = capfd.readouterr()
    assert [row["id"] for row in json.loads(printed.out)["rows"]] == ["read-fast", "read-zstd"]
    assert "read-fast …" in printed.err and "read-zstd: " in printed.err


def test_a_part_of_the_report_is_trained_for_all_its_epochs(tmp_path, monkeypatch):
    """Two epochs are trained; the time of the second is used for all later ones."""
    monkeypatch.setattr(whole, "IMAGES", 60)
    with whole.listed(tmp_path, whole.squares) as home:
        assert 0 < whole._images_an_epoch(home) < 60
        cache = whole.random_features(home, "vgg16-mini")
        few = whole.Rows("vgg16-mini", "gap", 0, (("adam", 1e-3), ("nadam", 1e-3)))
        start = time.perf_counter()
        scaled = whole._training(home, cache, few, 0)
        seconds = time.perf_counter() - start
        (name,) = sweeps(home)
        assert Sweep.open(home, name).history.shape == (2 * whole.SPLITS, whole.TRIED, 5)
    assert 0 < scaled < whole.EPOCHS * seconds
    assert sum(len(rows.heads) * rows.caches for rows in whole.REPORT) == 11


def test_every_promised_race_is_there():
    promised = {f"bank-{count}-{peer}" for count in (512, 2048, 25088, 100352) for peer in ("loop", "shared")}
    promised |= {"bank-splits", "report-end-to-end", "finetune-vgg16"}
    promised |= {"hidden-25088", "prepare", "extract-forward", "extract-torch", "extract-keras"}
    assert promised | {"sweep-end-to-end", "read-zstd", "read-fast"} <= set(rows.ROWS)
