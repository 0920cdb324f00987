"""A ResNet50 that is saved in any of the usual ways is the same trunk; other files are refused."""

import argparse
import collections
import datetime
import pickle
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from mammo.errors import MammoError
from mammo.features.trunks.locate import locate
from mammo.features.trunks.networks import Vgg16, build, resnet50, skeleton

TRUNK = "resnet50-mini"


@pytest.fixture(scope="module")
def network():
    """A ResNet50 at an eighth of its width with random weights and running statistics, and a head of seven classes."""
    torch.manual_seed(7)
    trained = resnet50(8)
    for norm in trained.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.running_mean.normal_()
            norm.running_var.uniform_(0.5, 2)
    trained.reset_classifier(7)
    return trained.eval()


@pytest.fixture(scope="module")
def second_network():
    torch.manual_seed(8)
    return resnet50(8)


@pytest.fixture(scope="module")
def expected(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("plain") / "plain.pth"
    torch.save(network.state_dict(), path)
    return locate(TRUNK, "file-plain", path).digest


def with_prefix(prefix, tensors):
    return collections.OrderedDict((prefix + name, tensor) for name, tensor in tensors.items())


def body(network):
    return {name: tensor for name, tensor in network.state_dict().items() if not name.startswith("fc.")}


def numbered(network):
    """Return the parts of a network without its head in an nn.Sequential, as RadImageNet saves it."""
    return nn.Sequential(*list(network.children())[:-2])


ARGUMENTS = argparse.Namespace(lr=0.1, data=Path("/data"), seed=np.int64(3))
METADATA = {
    "epoch": 90,
    "best_acc1": np.float64(76.1),
    "accuracies": np.arange(3.0),
    "half": np.float16(0.5),
    "names": np.array(["a", "b"]),
    "args": ARGUMENTS,
    "when": datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC),
    "took": datetime.timedelta(seconds=3),
    "folder": Path("/tmp"),
    "counts": collections.Counter("aab"),
    "table": collections.defaultdict(list, {"a": [1]}),
    "history": collections.deque([1, 2]),
    "classes": {"a", "b"},
    "frozen": frozenset({1}),
    "of": int,
}


def lightning(network):
    tensors = with_prefix("net.", network.state_dict()) | {"criterion.weight": torch.ones(7)}
    return {
        "epoch": 3,
        "global_step": 100,
        "pytorch-lightning_version": "2.4.0",
        "state_dict": tensors,
        "hyper_parameters": {"lr": 1e-3, "betas": (0.9, 0.999)},
        "optimizer_states": [{"state": {0: {"exp_avg": torch.zeros(3)}}, "param_groups": [{"lr": 0.1}]}],
        "callbacks": {"ModelCheckpoint{'monitor': None}": {"best_model_score": torch.tensor(0.5)}},
        "loops": {},
    }


def moco(network, second_network):
    tensors = with_prefix("module.encoder_q.", network.state_dict()) | with_prefix(
        "module.encoder_k.", second_network.state_dict()
    )
    return {"state_dict": tensors | {"module.queue": torch.zeros(2, 2), "module.queue_ptr": torch.zeros(1).long()}}


def dino(network, second_network):
    return {
        "student": with_prefix("module.backbone.", second_network.state_dict()),
        "teacher": with_prefix("backbone.", network.state_dict()) | {"head.mlp.0.weight": torch.zeros(2, 2)},
        "optimizer": {"state": {}, "param_groups": []},
    }


WAYS = {
    "without num_batches_tracked": lambda n, o: {k: v for k, v in n.state_dict().items() if "num_batches" not in k},
    "without a head": lambda n, o: body(n),
    "a head of two classes": lambda n, o: body(n) | {"fc.weight": torch.zeros(2, 256), "fc.bias": torch.zeros(2)},
    "state_dict": lambda n, o: {"state_dict": n.state_dict(), "epoch": 3},
    "model": lambda n, o: {"model": n.state_dict()},
    "model_state_dict": lambda n, o: {"epoch": 1, "model_state_dict": n.state_dict(), "loss": torch.tensor(0.3)},
    "model_state": lambda n, o: {"model_state": n.state_dict()},
    "net": lambda n, o: {"net": n.state_dict(), "acc": 91.2},
    "a name of one's own": lambda n, o: {"cnn_weights": n.state_dict()},
    "two tables deep": lambda n, o: {"checkpoint": {"model": n.state_dict()}},
    "state_dict_ema beside state_dict": lambda n, o: {"state_dict": o.state_dict(), "state_dict_ema": n.state_dict()},
    "model_ema beside model": lambda n, o: {"model_ema": n.state_dict(), "model": o.state_dict()},
    "teacher and student": dino,
    "DataParallel": lambda n, o: nn.DataParallel(n).state_dict(),
    "module. in state_dict": lambda n, o: {"state_dict": with_prefix("module.", n.state_dict())},
    "torch.compile": lambda n, o: with_prefix("_orig_mod.", n.state_dict()),
    "module._orig_mod.": lambda n, o: with_prefix("module._orig_mod.", n.state_dict()),
    "_orig_mod.module.": lambda n, o: with_prefix("_orig_mod.module.", n.state_dict()),
    "model.": lambda n, o: with_prefix("model.", n.state_dict()),
    "backbone.": lambda n, o: {"state_dict": with_prefix("backbone.", n.state_dict())},
    "encoder.": lambda n, o: with_prefix("encoder.", body(n)),
    "module.model.backbone.": lambda n, o: {"model": with_prefix("module.model.backbone.", n.state_dict())},
    "MoCo": moco,
    "Lightning": lambda n, o: lightning(n),
    "RadImageNet": lambda n, o: with_prefix("backbone.", numbered(n).state_dict()),
    "numbered": lambda n, o: numbered(n).state_dict(),
    "numbered in module.": lambda n, o: {"state_dict": with_prefix("module.features.", numbered(n).state_dict())},
    "fastai": lambda n, o: {"model": nn.Sequential(numbered(n), nn.Linear(2, 2)).state_dict(), "opt": {}},
    "metadata beside": lambda n, o: {"state_dict": n.state_dict(), **METADATA},
    "parameters": lambda n, o: dict(n.named_parameters()) | dict(n.named_buffers()),
    "double precision": lambda n, o: {k: v.double() if v.is_floating_point() else v for k, v in n.state_dict().items()},
    "twice the same": lambda n, o: {"model": n.state_dict(), "model_best": n.state_dict()},
}
"""Ways to save the network `n`, some with another network `o` beside it."""


@pytest.mark.parametrize("suffix", [".pth", ".ckpt", ".pth.tar", ".bin", ".pt"])
def test_the_suffix_changes_nothing(tmp_path, network, expected, suffix):
    path = tmp_path / f"weights{suffix}"
    torch.save(network.state_dict(), path)
    assert locate(TRUNK, "file-weights", path).digest == expected


@pytest.mark.parametrize("way", WAYS)
def test_one_network_saved_in_many_ways_is_one_trunk(tmp_path, network, second_network, expected, way):
    path = tmp_path / "way.pth"
    torch.save(WAYS[way](network, second_network), path)
    weights = locate(TRUNK, "file-way", path)
    assert weights.digest == expected
    pictures = torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        assert torch.equal(build(TRUNK, weights).body(pictures), network.forward_features(pictures))


def test_safetensors_and_the_old_format_of_torch_are_read_under_any_suffix(tmp_path, network, expected):
    for name in ("a.safetensors", "model.bin", "odd.ckpt"):
        save_file(with_prefix("module.", network.state_dict()), tmp_path / name, metadata={"format": "pt"})
        assert locate(TRUNK, "file-a", tmp_path / name).digest == expected
    old = tmp_path / "old.pth.tar"
    torch.save({"state_dict": network.state_dict(), **METADATA}, old, _use_new_zipfile_serialization=False)
    assert locate(TRUNK, "file-old", old).digest == expected


def test_notes_say_what_was_unwrapped(tmp_path, network, second_network):
    path = tmp_path / "way.pth"
    cases = {
        "state_dict_ema beside state_dict": [
            "taken from state_dict_ema, the averaged weights",
            "passed over: state_dict",
        ],
        "MoCo": ["taken from state_dict.module.encoder_q", "passed over: state_dict.module.encoder_k"],
        "numbered": ["numbered parts were named (0 is conv1, 1 is bn1, 4 is layer1"],
        "double precision": ["float64 was converted to float32"],
        "without a head": [],
    }
    for way, sentences in cases.items():
        torch.save(WAYS[way](network, second_network), path)
        notes = locate(TRUNK, "file-way", path).notes
        assert len(notes) == len(sentences)
        assert all(note.startswith(sentence) for note, sentence in zip(notes, sentences, strict=True))


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_half_floats_are_converted_and_have_a_digest_of_their_own(tmp_path, network, expected, kind):
    half = {
        name: tensor.to(kind) if tensor.is_floating_point() else tensor for name, tensor in network.state_dict().items()
    }
    torch.save(half, tmp_path / "half.pth")
    torch.save({name: tensor.float() for name, tensor in half.items()}, tmp_path / "float.pth")
    weights = locate(TRUNK, "file-half", tmp_path / "half.pth")
    assert weights.digest != expected
    assert weights.digest == locate(TRUNK, "file-float", tmp_path / "float.pth").digest
    assert weights.notes == (f"{str(kind).removeprefix('torch.')} was converted to float32",)


def test_a_first_convolution_of_one_channel_is_the_same_function_of_a_grey_picture(tmp_path, network, expected):
    """The expected maps are those of the one-channel convolution, on greys normalised by one mean and deviation."""
    grey = torch.randn(64, 1, 7, 7)
    torch.save(network.state_dict() | {"conv1.weight": grey}, tmp_path / "grey.pth")
    weights = locate(TRUNK, "file-grey", tmp_path / "grey.pth")
    assert weights.digest != expected and "takes one channel" in weights.notes[0]
    pictures = torch.rand(2, 1, 64, 64)
    slope = sum(1 / deviation for deviation in (0.229, 0.224, 0.225)) / 3
    centre = (0.485 / 0.229 + 0.456 / 0.224 + 0.406 / 0.225) / 3 / slope
    assert (centre, 1 / slope) == pytest.approx((0.449, 0.226), abs=5e-4)
    for normalisation, mean, std in ((((0.25,), (0.125,)), 0.25, 0.125), (((), ()), centre, 1 / slope)):
        trunk = build(TRUNK, weights).normalised(*normalisation)
        inputs = (pictures - torch.tensor(trunk.mean).view(3, 1, 1)) / torch.tensor(trunk.std).view(3, 1, 1)
        expected_maps = nn.functional.conv2d((pictures - mean) / std, grey, stride=2, padding=3)
        with torch.inference_mode():
            assert torch.allclose(trunk.body[0](inputs), expected_maps, atol=1e-4)


def saved_vgg16s(tmp_path):
    """Save torchvision's VGG16 convolutions under several names, with and without a (small) classifier."""
    from torchvision.models import vgg

    torch.manual_seed(0)
    features = vgg.make_layers(vgg.cfgs["D"], batch_norm=False).eval()
    tensors = with_prefix("features.", features.state_dict()) | {"classifier.0.weight": torch.zeros(2, 2)}
    contents = {
        "whole.pth": tensors,
        "features.pth": features.state_dict(),
        "inner.ckpt": {"state_dict": with_prefix("backbone.", tensors)},
        "timm.bin": with_prefix("features.", features.state_dict())
        | {"pre_logits.fc1.weight": torch.zeros(2, 2, 1, 1)},
    }
    for name, content in contents.items():
        torch.save(content, tmp_path / name)
    return features, [tmp_path / name for name in contents]


def test_torchvisions_vgg16_is_read_with_any_classifier(tmp_path):
    features, paths = saved_vgg16s(tmp_path)
    assert len({locate("vgg16", "file-v", path).digest for path in paths}) == 1
    pictures = torch.rand(1, 3, 32, 32)
    with torch.inference_mode():
        body = build("vgg16", locate("vgg16", "file-v", paths[0])).body
        assert torch.equal(body(pictures), features(pictures))


@pytest.mark.slow
def test_timms_vgg16_needs_only_the_tensors_of_its_last_map(tmp_path):
    features, paths = saved_vgg16s(tmp_path)
    pictures = torch.rand(1, 3, 32, 32)
    with torch.inference_mode():
        body = build("timm:vgg16", locate("timm:vgg16", "file-v", paths[1])).body
        assert torch.equal(body(pictures), features(pictures))


def convnext_name(name):
    """Return the name that ConvNeXt's authors give to a tensor of timm."""
    renamed = (
        (r"^stem\.", "downsample_layers.0."),
        (r"^stages\.(\d)\.downsample\.", r"downsample_layers.\1."),
        (r"^stages\.(\d)\.blocks\.", r"stages.\1."),
        ("conv_dw", "dwconv"),
        (r"mlp\.fc1", "pwconv1"),
        (r"mlp\.fc2", "pwconv2"),
        (r"^head\.norm", "norm"),
    )
    for pattern, replacement in renamed:
        name = re.sub(pattern, replacement, name)
    return name


def test_foreign_names_are_translated_by_timm(tmp_path):
    """ConvNeXt's authors give other names to its parts and wrap them in `model`."""
    model = skeleton("timm:convnext_atto", 3)
    foreign = {convnext_name(name): tensor for name, tensor in model.state_dict().items()}
    torch.save(
        {"model": foreign | {"head.weight": torch.zeros(7, 320), "head.bias": torch.zeros(7)}}, tmp_path / "a.pth"
    )
    torch.save(model.state_dict(), tmp_path / "b.pth")
    weights = locate("timm:convnext_atto", "file-a", tmp_path / "a.pth")
    assert "names were translated by timm" in weights.notes
    assert weights.digest == locate("timm:convnext_atto", "file-b", tmp_path / "b.pth").digest


@pytest.mark.slow
def test_a_real_resnet50_of_torchvision_is_one_trunk_however_it_is_saved(tmp_path):
    import torchvision

    torch.manual_seed(0)
    model = torchvision.models.resnet50()
    path, digests = tmp_path / "way.pth", set()
    ways = ["state_dict", "DataParallel", "backbone.", "RadImageNet", "metadata beside", "without a head"]
    for way in ways:
        torch.save(WAYS[way](model, None), path)
        digests.add(locate("resnet50", "file-way", path).digest)
    timm_model = skeleton("timm:resnet50")
    timm_model.load_state_dict(model.state_dict(), strict=False)
    save_file(timm_model.state_dict(), tmp_path / "way.safetensors")
    digests.add(locate("resnet50", "file-way", tmp_path / "way.safetensors").digest)
    digests.add(locate("timm:resnet50", "file-way", tmp_path / "way.safetensors").digest)
    assert len(digests) == 1


def refusal(path, trunk=TRUNK):
    with pytest.raises(MammoError) as caught:
        locate(trunk, "file-refused", path)
    sentence = str(caught.value)
    assert sentence.startswith(f"The weights file {path} ") and sentence.endswith(".") and "\n" not in sentence
    return sentence


def test_a_pickled_model_is_refused_in_a_sentence_that_says_how_to_save_it(tmp_path, network):
    for zipped in (True, False):
        for content in (network, {"model": network, "args": ARGUMENTS}):
            torch.save(content, tmp_path / "model.pt", _use_new_zipfile_serialization=zipped)
            sentence = refusal(tmp_path / "model.pt")
            assert "torch.save(model.state_dict(), FILE)" in sentence
            assert not zipped or "a whole pickled model, timm.models.resnet.ResNet" in sentence


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_torchscript_is_refused_in_a_sentence_that_says_how_to_save_it(tmp_path):
    torch.jit.save(torch.jit.trace(nn.Conv2d(3, 4, 3), torch.rand(1, 3, 8, 8)), tmp_path / "script.pt")
    sentence = refusal(tmp_path / "script.pt")
    assert "TorchScript" in sentence and "torch.save(model.state_dict(), FILE)" in sentence


class Trap:
    """Pickled code: to unpickle it would write a file."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("zipped", [True, False])
def test_no_code_of_a_file_ever_runs(tmp_path, network, protocol, zipped):
    target = tmp_path / "executed"
    traps = [Trap(Path.write_text, target, "x"), Trap(Path.touch, target), Trap(exec, f"open({str(target)!r}, 'w')")]
    for number, trap in enumerate(traps):
        path = tmp_path / f"trap{number}.pth"
        content = {"state_dict": network.state_dict(), "args": trap}
        torch.save(content, path, pickle_protocol=protocol, _use_new_zipfile_serialization=zipped)
        assert "cannot be read" in refusal(path)
        path.write_bytes(pickle.dumps({"args": trap}, protocol))
        assert "cannot be read" in refusal(path)
    assert not target.exists()


def test_harmless_types_are_replaced_and_never_created(tmp_path, network, expected):
    """An invalid state of a harmless type does no harm: its object is never created."""

    class Odd:
        def __reduce__(self):
            return datetime.datetime, (b"not a date at all",)

    torch.save({"state_dict": network.state_dict(), "when": Odd()}, tmp_path / "odd.pth")
    assert locate(TRUNK, "file-odd", tmp_path / "odd.pth").digest == expected


def test_another_network_is_refused_with_what_was_found_and_what_was_sought(tmp_path, network):
    import timm

    def sentence(content, trunk=TRUNK):
        torch.save(content, tmp_path / "other.pth")
        return refusal(tmp_path / "other.pth", trunk)

    resnet18 = timm.create_model("resnet18")
    assert sentence(resnet18.state_dict(), "resnet50").endswith(
        "is not one of resnet50: its tensor layer1.0.conv1.weight has the shape (64, 64, 3, 3) "
        "where (64, 64, 1, 1) is needed."
    )
    wrapped = {"state_dict": with_prefix("module.", resnet18.state_dict())}
    assert "its tensor state_dict.module.layer1.0.conv1.weight has the shape" in sentence(wrapped, "resnet50")
    assert "features.0.weight" in (message := sentence(Vgg16(8).state_dict())) and "such as conv1.weight" in message
    lacking = {name: tensor for name, tensor in network.state_dict().items() if not name.startswith("layer4.2")}
    assert "it has no tensor layer4.2.conv1.weight, and 250 of the 265 that are sought" in sentence(lacking)
    optimizer = torch.optim.Adam(network.parameters())
    assert "the state of an optimiser alone" in sentence(
        {
            "optimizer": {
                "state": {0: {"exp_avg": torch.zeros(3)}},
                "param_groups": optimizer.state_dict()["param_groups"],
            }
        }
    )
    assert "it holds no tensors" in sentence({"epoch": 3})


def test_two_networks_that_both_fit_are_not_guessed_between(tmp_path, network, second_network):
    torch.save({"left": network.state_dict(), "right": second_network.state_dict()}, tmp_path / "two.pth")
    assert "more than one network that fits resnet50-mini (left, right); save the one" in refusal(tmp_path / "two.pth")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t * float("nan"), "its tensor layer2.0.conv1.weight holds NaN"),
        (lambda t: t / 0, "its tensor layer2.0.conv1.weight holds (NaN|infinite numbers)"),
        (lambda t: t.to(torch.int8), r"layer2.0.conv1.weight holds no plain floating-point numbers \(int8\)"),
        (lambda t: t.to_sparse(), r"holds no plain floating-point numbers"),
        (lambda t: t.to(torch.complex64), r"holds no plain floating-point numbers \(complex64\)"),
    ],
)
def test_weights_that_are_no_numbers_are_refused(tmp_path, network, change, words):
    name = "layer2.0.conv1.weight"
    torch.save(network.state_dict() | {name: change(network.state_dict()[name])}, tmp_path / "nan.pth")
    with pytest.raises(MammoError, match=words):
        locate(TRUNK, "file-nan", tmp_path / "nan.pth")


def test_files_that_are_no_weights_are_called_what_they_are(tmp_path):
    beginnings = {
        b"": "it is empty",
        b"\x89HDF\r\n\x1a\n" + b"0" * 64: "HDF5",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n": "Git LFS pointer",
        b"<!DOCTYPE html><html></html>": "a web page",
        b"\x1f\x8b\x08" + b"0" * 64: "a gzip archive",
        b"PK\x03\x04" + b"0" * 64: "damaged or cut short",
        b"0" * 600: "damaged or cut short",
    }
    for number, (content, words) in enumerate(beginnings.items()):
        path = tmp_path / f"{number}.pth"
        path.write_bytes(content)
        assert words in refusal(path)


def test_a_file_that_is_cut_short_anywhere_is_refused(tmp_path, network):
    for name in ("whole.pth", "whole.safetensors"):
        complete, cut = tmp_path / name, tmp_path / f"cut-{name}"
        torch.save(network.state_dict(), complete) if name.endswith("pth") else save_file(
            network.state_dict(), complete
        )
        content = complete.read_bytes()
        for part in (0.001, 0.1, 0.5, 0.9, 0.999):
            cut.write_bytes(content[: int(len(content) * part)])
            assert "damaged or cut short" in refusal(cut)
