"""Fine-tuning from a cache: the same as training the whole network on the images."""

from __future__ import annotations

import copy
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.numpy import load_file
from torch import nn

from mammo.data.dataset.dataset import Dataset
from mammo.data.splits.labels import LABELS
from mammo.data.splits.protocols import TRAIN, draw
from mammo.errors import MammoError
from mammo.features.cache.cache import Cache
from mammo.features.extraction.extract import extract
from mammo.features.trunks.locate import locate
from mammo.features.trunks.networks import build
from mammo.heads.bank.bank import initial_weights
from mammo.heads.bank.randomness import generator
from mammo.heads.finetune import FINETUNES, suited
from mammo.heads.grid import expand
from mammo.heads.sweeps.sweep import sweep
from mammo.heads.sweeps.units import UNITS
from mammo.heads.tails.frozen_activations import FrozenActivations, open_frozen_activations
from mammo.heads.tails.tail import train_tails
from mammo.heads.training.trained import HISTORY
from mammo.images.prepare import Variant, prepare
from mammo.progress import finish
from mammo.results.board.leaderboard import leaderboard
from mammo.results.setting_words import short_names
from mammo.runs.sweep import Sweep, sweeps
from mammo.runs.sweep_files import HEADS, LOGITS, RUNS
from mammo.specs import CacheSpec, HeadSpec, Home, SplitSpec, SweepSpec

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")
SIZE = 64
TRUNKS = ("vgg16-mini", "resnet50-mini")
SPECS = {
    (trunk, tap): CacheSpec("tiny", trunk, "synthetic", tap, size=SIZE)
    for trunk in TRUNKS
    for tap in ("last-layer", "features")
}
LEARNING = {
    ("vgg16-mini", "last-layer"): ("28.",),
    ("resnet50-mini", "last-layer"): ("7.2.conv3.",),
    ("resnet50-mini", "last-block"): ("7.2.conv1.", "7.2.conv2.", "7.2.conv3."),
}
"""What learns, by the names that it has in the whole network."""


@pytest.fixture(scope="module")
def tapped(tiny: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The tiny data set with both mini trunks at both taps; sweeps may be written into it."""
    home = Home(tmp_path_factory.mktemp("tapped"))
    shutil.copytree(tiny.dataset("tiny"), home.dataset("tiny"))
    finish(extract(home, list(SPECS.values()), device="cpu", workers=1))
    return home


@pytest.fixture
def own(tapped: Home, tmp_path: Path) -> Home:
    """A copy of it without its sweeps."""
    home = Home(tmp_path / "own")
    shutil.copytree(tapped.path, home.path, ignore=shutil.ignore_patterns("sweeps"))
    return home


@pytest.fixture(scope="module")
def pictures(tapped: Home) -> torch.Tensor:
    """Every image as the trunks see it, (N, 3, rows, columns)."""
    dataset = Dataset.open(tapped, "tiny")
    variant = Variant.of(SPECS["vgg16-mini", "features"])
    rows = [prepare((source, (variant,)))[0] for source in dataset.sources(dataset.table("full"))]
    grey = torch.from_numpy(np.stack(rows))[:, None]
    trunk = build("vgg16-mini", locate("vgg16-mini", "synthetic"))
    mean, std = (torch.tensor(values).view(1, -1, 1, 1) for values in (trunk.mean, trunk.std))
    return (grey - mean) / std


def name_of(home: Home, trunk: str, tap: str) -> str:
    (name,) = (
        name for name in home.names("features", "tiny") if Cache.open(home, "tiny", name).spec == SPECS[trunk, tap]
    )
    return name


def swept(home: Home, trunk: str, tap: str, heads: tuple[HeadSpec, ...], split: SplitSpec | None = None) -> Sweep:
    spec = SweepSpec("tiny", (name_of(home, trunk, tap),), heads, (split or SplitSpec(),))
    return Sweep.open(home, finish(sweep(home, spec, device="cpu")))


def whole_training(home: Home, pictures: torch.Tensor, trunk: str, head: HeadSpec, classes: int = 2) -> np.ndarray:
    """The outputs (N, C) of a head and the whole network, trained on the images by torch's own optimisers."""
    network = build(trunk, locate(trunk, "synthetic")).body
    learning = LEARNING[trunk, head.finetune]
    layers = [value for name, value in network.named_parameters() if name.startswith(learning)]
    assert len(layers) == (2 if trunk == "vgg16-mini" else len(learning))
    for layer in layers:
        layer.requires_grad_()
    pool = nn.Flatten() if head.pool == "flatten" else nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    length = pool(network(pictures[:1])).shape[1]
    start = initial_weights(head, length, classes)
    last = nn.Linear(length, len(start["bias"]))
    last.load_state_dict(start)
    groups = [{"params": last.parameters()}, {"params": layers, "lr": head.tail_lr}]
    optimizer = {"adam": torch.optim.Adam, "nadam": torch.optim.NAdam}[head.optimizer](groups, lr=head.lr)
    table = Dataset.open(home, "tiny").table("full")
    policy = LABELS["three-way" if classes == 3 else "merged"]
    labels = torch.from_numpy(policy.targets(table).astype(np.int64))
    rows = torch.from_numpy(np.flatnonzero(draw(table, SplitSpec()) == TRAIN))
    for epoch in range(1, head.epochs + 1):
        order = rows[torch.randperm(len(rows), generator=generator(head.seed, "epoch", epoch))]
        for batch in torch.split(order, head.batch):
            outputs = last(pool(network(pictures[batch])))
            loss = nn.BCEWithLogitsLoss()(outputs[:, 0], labels[batch].float())
            if classes == 3:
                loss = nn.CrossEntropyLoss()(outputs, labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        return last(pool(network(pictures))).numpy()


@pytest.mark.parametrize("optimizer", ["adam", "nadam"])
@pytest.mark.parametrize("pool", ["flatten", "gap"])
@pytest.mark.parametrize(("trunk", "finetune"), LEARNING)
def test_it_is_the_training_of_the_whole_network_on_the_images(tapped, pictures, trunk, finetune, pool, optimizer):
    head = HeadSpec(pool, optimizer=optimizer, lr=1e-3, batch=16, epochs=3, finetune=finetune, tail_lr=1e-3)
    ours = swept(tapped, trunk, "last-layer", (head,)).logits[0]
    theirs = whole_training(tapped, pictures, trunk, head)[:, 0]
    np.testing.assert_allclose(ours, theirs, atol=1e-3)
    frozen = swept(tapped, trunk, "features", (replace(head, finetune="none"),)).logits[0]
    assert np.abs(ours - frozen).max() > 0.01, "the tail has learnt nothing"


def test_three_classes_are_learnt_alike(tapped, pictures):
    head = HeadSpec("gap", lr=1e-3, batch=16, epochs=3, finetune="last-layer", tail_lr=1e-3)
    ours = swept(tapped, "vgg16-mini", "last-layer", (head,), SplitSpec(labels="three-way"))
    outputs = whole_training(tapped, pictures, "vgg16-mini", head, classes=3)
    theirs = outputs[:, 2] - np.logaddexp(outputs[:, 0], outputs[:, 1])
    np.testing.assert_allclose(ours.logits[0], theirs, atol=1e-3)


@pytest.mark.parametrize("trunk", TRUNKS)
def test_a_tail_that_hardly_learns_scores_as_the_bank(tapped, trunk):
    """Batches, starts, dropout, early stopping and history are those of frozen heads."""
    axes = {"pool": ["flatten", "gap"], "hidden": [0, 6], "dropout": 0.3, "lr": 3e-3, "epochs": 6, "patience": 2}
    frozen = swept(tapped, trunk, "features", expand(axes))
    tuned = swept(tapped, trunk, "last-layer", expand({**axes, "finetune": "last-layer", "tail_lr": 1e-30}))
    np.testing.assert_allclose(tuned.logits, frozen.logits, atol=1e-4)
    np.testing.assert_allclose(tuned.history, frozen.history, atol=1e-4)
    for column in ("trained_epochs", "best_epoch"):
        assert tuned.runs[column].tolist() == frozen.runs[column].tolist()


@pytest.mark.parametrize("trunk", TRUNKS)
def test_a_frozen_head_sees_the_last_map_from_either_tap(tapped, trunk):
    heads = expand({"pool": ["flatten", "gap"], "lr": 1e-3, "epochs": 3})
    here, there = (swept(tapped, trunk, tap, heads) for tap in ("last-layer", "features"))
    assert here.id != there.id
    np.testing.assert_allclose(here.logits, there.logits, atol=1e-4)


def test_what_is_kept_gives_the_scores_again(tapped):
    """The weights of the best epoch, tail and head, are those of the stored scores."""
    head = HeadSpec("gap", lr=1e-2, epochs=12, patience=3, finetune="last-layer", tail_lr=1e-3)
    opened = swept(tapped, "vgg16-mini", "last-layer", (head,))
    areas = opened.history[0, :, HISTORY.index("validation_auc")]
    assert opened.runs["best_epoch"][0] == np.nanargmax(areas) + 1
    kept = load_file(opened.folder / HEADS)
    trunk = build("vgg16-mini", locate("vgg16-mini", "synthetic"), "last-layer")
    trunk.tail.load_state_dict(
        {f"28.{name}": torch.from_numpy(kept[f"0.tail.28.{name}"]) for name in ("weight", "bias")}
    )
    maps = torch.from_numpy(Cache.open(tapped, "tiny", name_of(tapped, "vgg16-mini", "last-layer")).maps())
    with torch.no_grad():
        vectors = trunk.tail(maps).mean((2, 3)).numpy()
    np.testing.assert_allclose(opened.logits[0], vectors @ kept["0.weight"] + kept["0.bias"], atol=1e-4)


def test_heads_of_one_cache_do_not_disturb_each_other(tapped):
    heads = expand({"finetune": ["last-layer", "last-block", "none"], "tail_lr": [1e-3, 1e-4], "epochs": 2})
    assert len(heads) == 5, "a frozen head has no learning rate of a tail"
    together = swept(tapped, "resnet50-mini", "last-layer", heads)
    for row, head in enumerate(heads):
        alone = swept(tapped, "resnet50-mini", "last-layer", (head,))
        np.testing.assert_array_equal(together.logits[row], alone.logits[0])
        for name in ("finetune", "tail_lr", "pool"):
            assert together.runs[name][row] == getattr(head, name)
    board = leaderboard(tapped, [together.id])
    assert len(set(short_names(board).values())) == 5
    assert set(board["finetune"]) == set(FINETUNES)


def test_a_stopped_fine_tuning_goes_on_and_ends_the_same(own, tapped):
    heads = expand({"finetune": ["last-layer", "none"], "tail_lr": [1e-3, 1e-4], "epochs": 2})
    spec = SweepSpec("tiny", (name_of(own, "vgg16-mini", "last-layer"),), heads, (SplitSpec(), SplitSpec(redraw=1)))
    work = sweep(own, spec, device="cpu")
    while next(work).done < 3:
        pass
    work.close()
    assert sweeps(own) == []
    again = list(sweep(own, spec, device="cpu"))
    assert again[0].done >= 1, "a finished unit is trained again"
    (name,) = sweeps(own)
    assert not (own.sweep(name) / UNITS).exists()
    finish(sweep(tapped, spec, device="cpu"))
    assert (tapped.sweep(name) / LOGITS).read_bytes() == (own.sweep(name) / LOGITS).read_bytes()


def test_frozen_sweeps_are_named_as_before_there_was_fine_tuning(tapped, without_digests):
    """Their identity says nothing of it, and their old tables read as frozen."""
    opened = swept(tapped, "vgg16-mini", "features", expand({"pool": "gap", "epochs": 2}))
    identity = opened.about["identity"]
    assert "tails" not in identity
    assert {"finetune", "tail_lr", "first_draws", "scoring"}.isdisjoint(identity["spec"]["heads"][0])
    assert HeadSpec.from_json(identity["spec"]["heads"][0]) == HeadSpec("gap", epochs=2)
    without_digests(opened.folder)
    runs = pd.read_parquet(opened.folder / RUNS)
    runs.drop(columns=["finetune", "tail_lr", "first_draws", "scoring"]).to_parquet(opened.folder / RUNS, index=False)
    board = leaderboard(tapped, [opened.id])
    assert set(board["finetune"]) == {"none"} and set(board["first_draws"]) == {0}
    assert set(board["scoring"]) == {"plain"}


def test_the_other_weights_are_refused_in_a_sentence(own, monkeypatch):
    head = HeadSpec(epochs=1, finetune="last-layer")
    other = replace(locate("vgg16-mini", "synthetic"), digest="other")
    monkeypatch.setattr("mammo.heads.finetune.locate", lambda *_: other)
    with pytest.raises(MammoError, match="synthetic of vgg16-mini are not those that the cache .* was made with"):
        swept(own, "vgg16-mini", "last-layer", (head,))


def test_weights_from_a_file_must_be_named_again(tiny, tmp_path):
    home, file = Home(tmp_path / "home"), tmp_path / "mine.safetensors"
    shutil.copytree(tiny.dataset("tiny"), home.dataset("tiny"))
    shutil.copy(locate("vgg16-mini", "synthetic").path, file)
    spec = CacheSpec("tiny", "vgg16-mini", "file-mine", "last-layer", size=32)
    (made,) = finish(extract(home, [spec], file, device="cpu", workers=1))
    asked = SweepSpec("tiny", (made.cache.name,), (HeadSpec(epochs=1, finetune="last-layer"),), (SplitSpec(),))
    with pytest.raises(MammoError, match="came from a file, .* name it with --weights FILE"):
        finish(sweep(home, asked, device="cpu"))
    assert Sweep.open(home, finish(sweep(home, asked, "cpu", file))).runs["weights"].tolist() == ["file-mine"]


@pytest.mark.parametrize(
    ("trunk", "tap", "finetune", "sentence"),
    [
        ("vgg16-mini", "features", "last-layer", "is of the tap 'features', .* extract one with --tap last-layer"),
        ("vgg16-mini", "last-layer", "last-block", "VGG16 mini cannot be fine-tuned by 'last-block'"),
        ("vgg16-mini", "last-layer", "all", "no way to fine-tune 'all'; choose one of: last-block, last-layer, none"),
    ],
)
def test_what_cannot_be_tuned_is_refused(tapped, trunk, tap, finetune, sentence):
    with pytest.raises(MammoError, match=sentence):
        swept(tapped, trunk, tap, (HeadSpec(epochs=1, finetune=finetune),))


def test_heads_are_given_the_caches_that_suit_them(tapped):
    opened = [Cache.open(tapped, "tiny", name) for name in tapped.names("features", "tiny")]
    assert {cache.spec.tap for cache in suited(opened, ["none", "last-layer"])} == {"last-layer"}
    assert {cache.spec.tap for cache in suited(opened, ["none"])} == {"features"}
    tails = suited(opened, ["last-block"])
    assert suited(tails, ["none"]) == tails and suited(opened, ["none"]) != opened


def test_half_precision_is_trained_in_half_precision(own):
    """The arithmetic is the cache's: bfloat16 products, weights and steps in float32."""
    spec = replace(SPECS["vgg16-mini", "last-layer"], precision="bfloat16")
    (made,) = finish(extract(own, [spec], device="cpu", workers=1))
    heads = (HeadSpec("gap", lr=1e-3, epochs=3, finetune="last-layer", tail_lr=1e-4),)
    asked = SweepSpec("tiny", (made.cache.name,), heads, (SplitSpec(),))
    half = Sweep.open(own, finish(sweep(own, asked, device="cpu"))).logits
    full = swept(own, "vgg16-mini", "last-layer", heads).logits
    assert 0 < np.abs(half - full).max() < 0.05


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize(("trunk", "finetune"), LEARNING)
def test_cuda_scores_as_the_processor_does(tapped, tmp_path, trunk, finetune):
    cache = Cache.open(tapped, "tiny", name_of(tapped, trunk, "last-layer"))
    table = Dataset.open(tapped, "tiny").table("full")
    labels, parts = (table["label"] == "malignant").to_numpy().astype(np.int64), draw(table, SplitSpec())
    heads = [HeadSpec(pool, dropout=0.2, epochs=2, finetune=finetune, tail_lr=1e-4) for pool in ("flatten", "gap")]
    weights = locate(trunk, "synthetic")
    ours, theirs = (
        finish(
            train_tails(open_frozen_activations(cache, weights, finetune, device, tmp_path), labels, parts, heads)
        ).logits
        for device in (torch.device("cuda"), CPU)
    )
    np.testing.assert_allclose(ours, theirs, atol=2e-3)


def test_frozen_heads_see_the_same_versions_from_either_tap(own):
    specs = [replace(SPECS["vgg16-mini", tap], augment="generator", draws=2) for tap in ("features", "last-layer")]
    made = finish(extract(own, specs, device="cpu", workers=1))
    heads = expand({"pool": ["gap", "flatten"], "epochs": 3, "scoring": ["plain", "averaged"]})
    ours, theirs = (
        Sweep.open(own, finish(sweep(own, SweepSpec("tiny", (one.cache.name,), heads, (SplitSpec(),)), "cpu")))
        for one in made
    )
    np.testing.assert_allclose(ours.logits, theirs.logits, atol=1e-4)
    assert np.abs(ours.logits[0] - ours.logits[1]).max() > 1e-4


@pytest.mark.parametrize("together", [False, True])
def test_a_tail_learns_from_the_versions_of_an_epoch(together):
    """Against a plain loop over the same maps; images that validate are seen as they are."""
    source = torch.Generator().manual_seed(3)
    versions = torch.randn(3, 90, 2, 2, 3, generator=source)
    labels = (versions[0, ..., 0].mean((1, 2)) > 0).long()
    parts = np.arange(90) % 3 // 2
    head = HeadSpec("gap", lr=1e-2, epochs=4, finetune="last-layer", tail_lr=1e-3, scoring="averaged")
    tail = nn.Conv2d(3, 4, 1).to(memory_format=torch.channels_last)
    activations = FrozenActivations(90, versions.__getitem__, tail, CPU, "float32", 3)
    activations = replace(
        activations, training=lambda epoch, _: range(3) if together else range(2 - epoch % 2, 3 - epoch % 2)
    )
    found = finish(train_tails(activations, labels.numpy(), parts, [head])).logits[0]

    network, last = copy.deepcopy(tail), nn.Linear(4, 1)
    last.load_state_dict(initial_weights(head, 4))
    groups = [{"params": last.parameters()}, {"params": network.parameters(), "lr": head.tail_lr}]
    optimizer = torch.optim.Adam(groups, lr=head.lr)

    def score(maps):
        return last(network(maps.permute(0, 3, 1, 2)).mean((2, 3)))[:, 0]

    for epoch in range(1, head.epochs + 1):
        used = activations.training(epoch, 0)
        maps, truth = versions[used.start : used.stop, parts == 0].flatten(0, 1), labels[parts == 0].repeat(len(used))
        for batch in torch.randperm(len(truth), generator=generator(0, "epoch", epoch)).split(head.batch):
            optimizer.zero_grad()
            nn.functional.binary_cross_entropy_with_logits(score(maps[batch]), truth[batch].float()).backward()
            optimizer.step()
    with torch.no_grad():
        plain, mean = score(versions[0]), torch.stack([score(version) for version in versions]).mean(0)
    expected = torch.where(torch.as_tensor(parts == 0), plain, mean)
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-4)
