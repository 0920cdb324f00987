import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file

from mammo.errors import MammoError
from mammo.features.extraction.forward import Forward
from mammo.features.trunks.locate import locate
from mammo.features.trunks.networks import build, fold_norms
from mammo.features.trunks.table import TRUNKS, find_trunk
from mammo.features.trunks.weights import Weights

CPU = torch.device("cpu")
TAPS = [(name, tap) for name, kind in TRUNKS.items() for tap in kind.taps]


def random(trunk, tap="features", seed=0):
    return build(trunk, locate(trunk, f"random-{seed}"), tap)


def images(size=224, count=1, seed=0):
    return torch.rand((count, 3, size, size), generator=torch.Generator().manual_seed(seed))


def timm_model(name):
    """A model of timm as it comes, classifier included, with weights that are not degenerate."""
    torch.manual_seed(5)
    model = timm.create_model(name, pretrained=False, **({"zero_init_last": False} if "resnet" in name else {}))
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(module.running_mean, std=0.1)
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
    return model.eval()


def saved(folder, name, tensors, ending):
    path = folder / f"{name}{ending}"
    tensors = {key: tensor.contiguous() for key, tensor in tensors.items()}
    if ending == ".safetensors":
        save_file(tensors, path)
    else:
        torch.save(tensors, path)
    return path


@torch.inference_mode()
@pytest.mark.parametrize(("trunk", "tap"), TAPS)
def test_the_registry_knows_the_shape_of_every_map(trunk, tap):
    body = random(trunk, tap).body
    kind = TRUNKS[trunk]
    for size in (224, 97) if kind.narrowing > 1 else (224,):
        assert tuple(body(images(size)).shape[1:]) == kind.map_shape(tap, size)


@torch.inference_mode()
@pytest.mark.parametrize("size", [32, 65, 97, 127, 160, 255])
@pytest.mark.parametrize(("trunk", "tap"), [(trunk, tap) for trunk, tap in TAPS if "mini" in trunk])
def test_odd_sizes_are_known_too(trunk, tap, size):
    assert tuple(random(trunk, tap).body(images(size)).shape[1:]) == TRUNKS[trunk].map_shape(tap, size)


@torch.inference_mode()
@pytest.mark.parametrize("trunk", ["vgg16-mini", "resnet50-mini"])
def test_body_and_tail_are_the_whole_network(trunk):
    uncut, cut = random(trunk), random(trunk, "last-layer")
    pictures = images(96, 2)
    assert not isinstance(cut.tail, torch.nn.Identity)
    before = cut.body(pictures)
    assert torch.equal(cut.tail(before), uncut.body(pictures))
    assert not torch.equal(uncut.tail(uncut.body(pictures)), before)


@torch.inference_mode()
@pytest.mark.parametrize("trunk", ["vgg16", "resnet50"])
@pytest.mark.slow
def test_a_file_of_timms_own_model_gives_timms_own_maps(tmp_path, trunk):
    """The file holds the classifier too, as timm's and torchvision's files do."""
    model = timm_model(trunk)
    tensors = {name: tensor for name, tensor in model.state_dict().items() if "pre_logits" not in name}
    assert any(name.startswith(("head", "fc")) for name in tensors)
    pictures = images(96)
    expected = model.forward_features(pictures) if trunk == "resnet50" else model.features(pictures)
    assert expected.abs().max() > 0
    for ending, tap in ((".safetensors", "features"), (".pth", "last-layer")):
        path = saved(tmp_path, trunk, tensors, ending)
        cut = build(trunk, locate(trunk, f"file-{trunk}", path), tap)
        assert torch.equal(cut.tail(cut.body(pictures)), expected)


def test_tensors_have_the_names_that_torchvision_gives_them():
    from torchvision.models import resnet50, vgg16

    from mammo.features.trunks import networks

    with torch.device("meta"):
        for ours, reference in ((networks.Vgg16(1), vgg16()), (networks.resnet50(1), resnet50())):
            shapes = {name: tensor.shape for name, tensor in reference.state_dict().items()}
            assert all(shapes.get(name) == tensor.shape for name, tensor in ours.state_dict().items())


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_state_dict_may_be_wrapped_and_of_half_precision(tmp_path, wrapped):
    from mammo.features.trunks.networks import Vgg16

    tensors = {name: tensor.half() for name, tensor in Vgg16(8).state_dict().items()}
    path = tmp_path / "a.pth"
    torch.save({"state_dict": tensors, "epoch": 3} if wrapped else tensors, path)
    body = build("vgg16-mini", locate("vgg16-mini", "file-a", path)).body
    assert torch.equal(body.state_dict()["0.weight"], tensors["features.0.weight"].float())


@pytest.mark.parametrize("ending", [".safetensors", ".pth"])
@pytest.mark.parametrize("trunk", ["vgg16-mini", "timm:resnet18"])
def test_the_weights_of_another_network_are_refused(tmp_path, trunk, ending):
    from mammo.features.trunks.networks import Vgg16, resnet50

    path = saved(tmp_path, "other", resnet50(8).state_dict(), ending)
    with pytest.raises(MammoError, match=rf"The weights file {path} is not one of {trunk}: it.+\.$") as caught:
        build(trunk, locate(trunk, "file-other", path))
    assert "\n" not in str(caught.value)
    wider = saved(tmp_path, "wider", Vgg16(4).state_dict(), ending)
    with pytest.raises(MammoError, match=rf"is not one of {trunk}"):
        build(trunk, locate(trunk, "file-wider", wider))


class Trap:
    """Pickled code: unpickling it would write a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.write_text, (self.path, "executed")


@pytest.mark.parametrize("trunk", ["vgg16-mini", "timm:resnet18"])
@pytest.mark.parametrize("kind", ["torch.save", "pickle"])
def test_pickled_code_is_never_executed(tmp_path, trunk, kind):
    trap = {"features.0.weight": torch.zeros(1), "x": Trap(tmp_path / "executed")}
    path = tmp_path / "trap.pth"
    if kind == "pickle":
        path.write_bytes(pickle.dumps(trap))
    else:
        torch.save(trap, path)
    with pytest.raises(MammoError, match=rf"The weights file {path} cannot be read .+ more than tensors"):
        build(trunk, locate(trunk, "file-trap", path))
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("ending", [".safetensors", ".pth"])
@pytest.mark.parametrize("damage", ["empty", "text", "half", "flipped"])
def test_a_damaged_file_is_said_plainly(tmp_path, ending, damage):
    from mammo.features.trunks.networks import Vgg16

    path = saved(tmp_path, "w", Vgg16(8).state_dict(), ending)
    content = path.read_bytes()
    path.write_bytes(
        {"empty": b"", "text": b"hello " * 50, "half": content[: len(content) // 2], "flipped": b"\xff" + content[1:]}[
            damage
        ]
    )
    with pytest.raises(
        MammoError, match=rf"The weights file {path} cannot be read \(.+\); give a .safetensors"
    ) as caught:
        build("vgg16-mini", locate("vgg16-mini", "file-w", path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [torch.zeros(3), [torch.zeros(3)], {"state_dict": 3}, {}])
def test_a_file_that_holds_no_table_of_tensors_is_said_plainly(tmp_path, content):
    path = tmp_path / "odd.pth"
    torch.save(content, path)
    with pytest.raises(MammoError, match=f"The weights file {path} (cannot be read|is not one of)"):
        build("vgg16-mini", locate("vgg16-mini", "file-odd", path))


def test_zip_files_are_no_weights(tmp_path):
    with zipfile.ZipFile(tmp_path / "z.pth", "w") as archive:
        archive.writestr("a", "b")
    with pytest.raises(MammoError, match="cannot be read"):
        build("vgg16-mini", locate("vgg16-mini", "file-z", tmp_path / "z.pth"))


@torch.inference_mode()
@pytest.mark.parametrize("trunk", ["vgg16-mini", "resnet50-mini"])
def test_random_weights_follow_their_seed_and_are_not_degenerate(trunk):
    pictures = images(96, 4)
    torch.manual_seed(1)
    first = random(trunk).body(pictures)
    torch.manual_seed(2)
    expected = torch.rand(1)
    again, another_seed = random(trunk).body(pictures), random(trunk, seed=1).body(pictures)
    assert torch.equal(first, again) and not torch.equal(first, another_seed)
    assert first.std(dim=0).max() > 1e-6
    torch.manual_seed(2)
    assert torch.equal(torch.rand(1), expected)


def test_a_trunk_is_frozen_and_evaluates():
    for trunk in ("vgg16-mini", "resnet50-mini"):
        for part in (random(trunk).body, random(trunk, "last-layer").tail):
            assert not any(parameter.requires_grad for parameter in part.parameters())
            assert not any(module.training for module in part.modules())


def test_the_minis_are_as_small_as_they_are_said_to_be():
    sizes = {name: sum(p.numel() for p in random(name).body.parameters()) for name in ("vgg16-mini", "resnet50-mini")}
    assert sizes == pytest.approx({"vgg16-mini": 0.23e6, "resnet50-mini": 0.39e6}, rel=0.05)


@torch.inference_mode()
def test_any_model_of_timm_can_be_a_trunk():
    trunk = random("timm:resnet18")
    forward = Forward(trunk, "float32", CPU)
    maps, pooled = forward(np.random.default_rng(0).random((2, 64, 64), dtype=np.float32))
    assert maps.shape == (2, 512, 2, 2) == (2, *forward.map_shape(64))
    assert np.allclose(pooled, maps.mean(axis=(2, 3)), atol=1e-6)
    assert not np.array_equal(maps[0], maps[1])
    assert trunk.mean == (0.485, 0.456, 0.406)


@torch.inference_mode()
@pytest.mark.parametrize("ending", [".safetensors", ".pth"])
def test_a_model_of_timm_takes_a_local_file(tmp_path, ending):
    model = timm_model("resnet18")
    path = saved(tmp_path, "r", model.state_dict(), ending)
    body = build("timm:resnet18", locate("timm:resnet18", "file-r", path)).body
    assert torch.equal(body(images(64)), model.forward_features(images(64)))


def test_a_model_that_timm_does_not_know_is_refused():
    with pytest.raises(MammoError, match="timm knows no model 'nonsense'"):
        random("timm:nonsense")


def test_a_model_without_rows_and_columns_is_refused():
    forward = Forward(random("timm:test_vit"), "float32", CPU)
    with pytest.raises(MammoError, match="gives no map of rows and columns; choose a convolutional model"):
        forward.map_shape(160)


def test_unknown_trunks_and_taps_are_refused():
    with pytest.raises(MammoError, match="There is no trunk 'vgg17'; choose one of: vgg16, resnet50"):
        build("vgg17", Weights("random-0", "x"))
    with pytest.raises(MammoError, match="has no tap 'middle'; choose one of: features, last-layer"):
        build("vgg16-mini", Weights("random-0", "x"), "middle")
    with pytest.raises(MammoError, match="has no tap 'middle'"):
        find_trunk("vgg16").map_shape("middle", 224)
    with pytest.raises(MammoError, match="has no tap 'last-layer'; choose one of: features"):
        build("timm:resnet18", Weights("random-0", "x"), "last-layer")


def test_grey_pictures_are_normalised_as_the_weights_ask():
    trunk = random("vgg16-mini")
    picture = np.random.default_rng(0).random((1, 64, 64), dtype=np.float32)
    maps, _ = Forward(trunk, "float32", CPU)(picture)
    mean, std = torch.tensor(trunk.mean).view(3, 1, 1), torch.tensor(trunk.std).view(3, 1, 1)
    with torch.inference_mode():
        expected = trunk.body(((torch.from_numpy(picture) - mean) / std)[None])
    assert np.allclose(maps, expected.numpy(), atol=1e-5)


def test_a_chunk_is_the_same_to_the_last_bit_whenever_it_is_computed():
    forward = Forward(random("resnet50-mini"), "float32", CPU)
    pictures = np.random.default_rng(0).random((50, 64, 64), dtype=np.float32)
    first, again = forward(pictures), forward(pictures.copy())
    assert np.array_equal(first[0], again[0]) and np.array_equal(first[1], again[1])


@torch.inference_mode()
@pytest.mark.parametrize("trunk", ["resnet50-mini", "vgg16-mini", "timm:resnet18", "timm:resnet26d"])
def test_folding_the_batch_norms_changes_nothing(trunk):
    """The batch norms have random running means, variances, factors and addends, as after a training."""
    body = random(trunk).body
    for norm in body.modules():
        if isinstance(norm, torch.nn.BatchNorm2d):
            for tensor in (norm.running_mean, norm.weight, norm.bias):
                tensor.copy_(torch.randn(tensor.shape) * 0.3 + 0.5)
            norm.running_var.copy_(torch.rand(norm.running_var.shape) + 0.5)
    expected, plain = body(images(64)), fold_norms(body)
    assert torch.allclose(plain(images(64)), expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))
    assert torch.equal(body(images(64)), expected)
    left = [type(part) for part in plain.modules() if isinstance(part, torch.nn.BatchNorm2d)]
    assert left == [] or trunk == "timm:resnet26d"


def test_every_norm_of_a_trunk_is_folded():
    for tap in ("features", "last-layer"):
        body = random("resnet50-mini", tap).body
        assert not any(isinstance(part, torch.nn.BatchNorm2d) for part in fold_norms(body).modules())
