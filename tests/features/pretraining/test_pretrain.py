import json

import numpy as np
import pytest
import torch
from safetensors import safe_open
from torch import nn

from mammo.data.phantom import PATCH_FINDINGS
from mammo.errors import MammoError
from mammo.features.extraction.forward import Forward
from mammo.features.pretraining.data import CELLS, PRETRAINING_SEED, VIEW_SIZE, draw_patches, draw_views
from mammo.features.pretraining.pretrain import fold_batch_norms, pretrain
from mammo.features.trunks.locate import SHIPPED, locate
from mammo.features.trunks.networks import Vgg16, build
from mammo.features.trunks.table import TRUNKS
from mammo.features.trunks.weights import Weights
from mammo.progress import finish

MINIS = ("vgg16-mini", "resnet50-mini")
DEMO_SEEDS = range(10_000)


def run(work):
    steps = []
    while True:
        try:
            steps.append(next(work))
        except StopIteration as stop:
            return steps, stop.value


def tiny(trunk, out, seed=5):
    return pretrain(trunk, seed, out, patches=32, views=32, patch_epochs=1, view_epochs=1, workers=1)


@pytest.fixture(scope="module")
def views():
    return finish(draw_views(PRETRAINING_SEED, 24, workers=1))


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory):
    """By trunk: the folder of a tiny pretraining, its progress, and its figures."""
    folders = {trunk: tmp_path_factory.mktemp(trunk) for trunk in MINIS}
    return {trunk: (folder, *run(tiny(trunk, folder))) for trunk, folder in folders.items()}


@pytest.mark.slow
@pytest.mark.parametrize("trunk", MINIS)
def test_pretrains_end_to_end(trunk, pretrained):
    folder, steps, figures = pretrained[trunk]
    path = folder / f"{trunk}.safetensors"
    assert [step.stage for step in steps if step.done == step.total][-2:] == ["teach patches", "teach views"]
    assert figures["bytes"] == path.stat().st_size
    assert json.loads((folder / f"{trunk}.json").read_text()) == figures
    assert figures["command"] == f"mammo pretrain {trunk} --seed 5"
    assert 0 <= figures["held_out_patch_accuracy"] <= 1
    for tap, cut in TRUNKS[trunk].taps.items():
        body = build(trunk, Weights("file-tiny", "-", path), tap).body
        assert body(torch.zeros(1, 3, 64, 64)).shape[1] == cut.channels


@pytest.mark.slow
def test_the_seed_fixes_the_weights(pretrained, tmp_path):
    kernels = [_tensors(pretrained["resnet50-mini"][0] / "resnet50-mini.safetensors")["conv1.weight"]]
    for name, seed in (("again", 5), ("other", 6)):
        finish(tiny("resnet50-mini", tmp_path / name, seed))
        kernels.append(_tensors(tmp_path / name / "resnet50-mini.safetensors")["conv1.weight"])
    assert torch.equal(kernels[0], kernels[1])
    assert not torch.equal(kernels[0], kernels[2])


def test_folding_batch_norms_preserves_the_maps():
    torch.manual_seed(0)
    network = Vgg16(8, nn.BatchNorm2d)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.running_mean, 0, 0.1)
            nn.init.uniform_(layer.running_var, 0.2, 2)
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.normal_(layer.bias, 0.1, 0.2)
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        maps = network.eval()(images)
        plain = fold_batch_norms(network, 8)(images)
    assert maps.abs().max() > 0.1
    torch.testing.assert_close(plain, maps, atol=1e-4, rtol=0)


@pytest.mark.parametrize("trunk", ["vgg16", "resnet50", "timm:resnet18", "nonsense"])
def test_refuses_what_is_no_mini_trunk(trunk, tmp_path):
    with pytest.raises(MammoError, match="vgg16-mini, resnet50-mini"):
        finish(tiny(trunk, tmp_path))


def test_refuses_negative_seeds_and_too_few_patches(tmp_path):
    with pytest.raises(MammoError, match="zero or more, not -1"):
        finish(tiny("vgg16-mini", tmp_path, seed=-1))
    with pytest.raises(MammoError, match="at least 32 patches"):
        finish(pretrain("vgg16-mini", 0, tmp_path, patches=31, views=32, workers=1))
    assert not list(tmp_path.iterdir())


def test_cells_of_views_show_their_lesions(views):
    assert views.pictures.shape == (24, VIEW_SIZE, VIEW_SIZE)
    assert views.lesions.shape == (24, 2, CELLS, CELLS)
    assert (views.lesions.sum(axis=(1, 2, 3)) >= 1).all()
    assert (views.suspicion[views.lesions.max(axis=1) == 0] == 0).all()
    assert set(np.unique(views.malignant)) == {0, 1}
    lit = views.pictures.reshape(24, CELLS, 32, CELLS, 32).mean(axis=(2, 4))
    assert lit[views.lesions.max(axis=1) == 1].mean() > 2 * lit[views.lesions.max(axis=1) == 0].mean()


def test_patches_come_in_turn_whatever_their_number():
    few, many = (finish(draw_patches(PRETRAINING_SEED, count, workers=1)) for count in (3, 70))
    assert (few.pictures == many.pictures[:3]).all()
    assert many.findings[:7].tolist() == [0, 1, 2, 3, 4, 0, 1]
    assert len(PATCH_FINDINGS) == 5
    assert len(np.unique(many.pictures.reshape(70, -1), axis=0)) == 70


def test_no_demo_uses_a_seed_of_the_pretraining():
    seeds = {json.loads((SHIPPED / f"{trunk}.json").read_text())["seed"] for trunk in MINIS}
    used = {PRETRAINING_SEED + 2 * seed + part for seed in seeds for part in (0, 1)}
    assert not used & set(DEMO_SEEDS)
    assert min(used) > 1_000_000_000


def test_shipped_weights_are_small_and_say_what_they_are():
    assert sum(path.stat().st_size for path in SHIPPED.glob("*.safetensors")) < 1_500_000
    for trunk in MINIS:
        weights = locate(trunk, "synthetic")
        figures = json.loads(weights.path.with_suffix(".json").read_text())
        with safe_open(weights.path, "pt") as stored:
            metadata = stored.metadata()
        assert metadata["trained_on"] == "trained on synthetic data"
        assert metadata["command"] == figures["command"] == f"mammo pretrain {trunk} --seed {figures['seed']}"
        assert figures["bytes"] == weights.path.stat().st_size


@pytest.mark.parametrize("trunk", MINIS)
def test_shipped_trunk_sees_suspicion_where_it_is(trunk, views):
    forward = Forward(build(trunk, locate(trunk, "synthetic")), "float32", torch.device("cpu"))
    maps, pooled = forward(views.pictures.astype(np.float32))
    assert 0.02 < pooled.mean() < 2
    lesion_cells = views.lesions.max(axis=1) == 1
    vectors = np.moveaxis(maps, 1, -1)
    distance = np.linalg.norm(vectors[lesion_cells].mean(axis=0) - vectors[~lesion_cells].mean(axis=0))
    assert distance > 0.5 * vectors.std(axis=(0, 1, 2)).mean()


def _tensors(path):
    with safe_open(path, "pt") as stored:
        return {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
