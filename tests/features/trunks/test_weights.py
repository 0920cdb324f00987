import os
import socket
import subprocess
import sys

import pytest
import torch
from safetensors.torch import save_file

from mammo.errors import MammoError
from mammo.features.trunks.locate import locate, reachable
from mammo.features.trunks.table import TRUNKS
from mammo.features.trunks.weights import Weights, is_weights_file, weights_label, weights_note
from mammo.storage.digests import digest_file

LOCATE = """
import sys
from mammo.errors import MammoError
from mammo.features.trunks.locate import locate
for trunk in sys.argv[1:]:
    try:
        print(locate(trunk, "imagenet"))
    except MammoError as error:
        print(error)
"""


@pytest.fixture
def closed_port():
    """The address of a local port without a server."""
    with socket.socket() as bound_socket:
        bound_socket.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound_socket.getsockname()[1]}"


def without_network(tmp_path, endpoint, *trunks):
    environment = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    environment |= {"HF_HOME": str(tmp_path / "hub"), "HF_ENDPOINT": endpoint}
    environment.pop("HF_HUB_CACHE", None)
    command = [sys.executable, "-c", LOCATE, *trunks]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return done.stdout.splitlines()


@pytest.mark.slow
def test_without_a_network_the_sentence_says_what_is_missing_and_the_ways_out(tmp_path, closed_port):
    full, timm_model, mini, unknown = without_network(
        tmp_path, closed_port, "vgg16", "timm:resnet18", "resnet50-mini", "timm:nonsense"
    )
    assert full.startswith("The ImageNet weights of vgg16 are not on this machine and the network does not answer.")
    for way in ("--weights FILE", "timm/vgg16.tv_in1k/model.safetensors", "--weights random", "vgg16-mini"):
        assert way in full
    assert str(tmp_path / "hub") in full
    assert timm_model.startswith("The ImageNet weights of timm:resnet18 are not on this machine")
    assert "timm/resnet18" in timm_model and "mini" not in timm_model
    assert mini.startswith("resnet50-mini has no ImageNet weights")
    assert unknown == "timm knows no model 'nonsense'; its models are listed by timm.list_models()."


def test_a_server_is_reachable_only_where_one_listens(closed_port):
    assert not reachable(closed_port)
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert reachable(f"http://127.0.0.1:{server.getsockname()[1]}")
    assert not reachable("http://nobody.invalid")


def test_random_weights_are_identified_by_their_seed_and_the_code_that_draws_them():
    first, again, another_seed = (
        locate("vgg16", "random-0"),
        locate("resnet50", "random-0"),
        locate("vgg16", "random-7"),
    )
    assert first.digest == again.digest != another_seed.digest
    assert (another_seed.seed, another_seed.path) == (7, None)
    assert "torch-" in first.digest and "timm-" in first.digest


@pytest.mark.parametrize("label", ["random-", "random-x", "random--1", "random-1.5", f"random-{2**64}"])
def test_random_weights_need_a_whole_number(label):
    with pytest.raises(MammoError, match="Random weights are named random-SEED with a whole number"):
        locate("vgg16-mini", label)


def test_a_file_is_identified_by_the_tensors_of_the_trunk(tmp_path):
    from mammo.features.trunks.networks import Vgg16

    tensors = Vgg16(8).state_dict()
    checkpoint, safetensors, changed = tmp_path / "a.pth", tmp_path / "b.safetensors", tmp_path / "c.pth"
    torch.save({"model": tensors, "epoch": 3}, checkpoint)
    save_file(tensors | {"fc.weight": torch.zeros(2, 2)}, safetensors)
    torch.save(tensors | {"features.0.bias": tensors["features.0.bias"] + 1e-6}, changed)
    first = locate("vgg16-mini", "file-a", checkpoint)
    assert first.digest == locate("vgg16-mini", "file-b", safetensors).digest and first.digest.startswith("tensors-")
    assert first.digest != locate("vgg16-mini", "file-c", changed).digest
    assert first.file_digest == digest_file(checkpoint)


def test_a_file_that_is_written_anew_is_read_anew(tmp_path):
    from mammo.features.trunks.networks import Vgg16

    tensors, path = Vgg16(8).state_dict(), tmp_path / "a.pth"
    torch.save(tensors, path)
    before = locate("vgg16-mini", "file-a", path).digest
    torch.save({"state_dict": {name: 2 * tensor for name, tensor in tensors.items()}}, path)
    assert locate("vgg16-mini", "file-a", path).digest != before


def test_a_file_that_is_not_there_is_refused(tmp_path):
    for path in (None, tmp_path / "none.pth", tmp_path):
        with pytest.raises(MammoError, match="There is no weights file"):
            locate("vgg16", "file-none", path)


@pytest.mark.parametrize("label", ["nonsense", "", "imagenet-1", "file", "random", "synthetic-2"])
def test_a_label_that_names_no_weights_is_refused(label):
    with pytest.raises(MammoError, match=f"There are no weights '{label}'"):
        locate("vgg16", label)


def test_synthetic_weights_come_with_the_minis_only():
    with pytest.raises(MammoError, match="No synthetic weights come with vgg16; they come with vgg16-mini"):
        locate("vgg16", "synthetic")
    assert {name: kind.default_weights for name, kind in TRUNKS.items()} == {
        "vgg16": "imagenet",
        "resnet50": "imagenet",
        "vgg16-mini": "synthetic",
        "resnet50-mini": "synthetic",
    }


@pytest.mark.parametrize(
    ("choice", "label"),
    [
        ("imagenet", "imagenet"),
        ("synthetic", "synthetic"),
        ("random", "random-3"),
        ("random-5", "random-5"),
        ("/some/My Weights_v2.safetensors", "file-my-weights-v2"),
        ("vgg16.pth", "file-vgg16"),
        ("runs/model_best.pth.tar", "file-model-best"),
        ("Last.CKPT", "file-last"),
        ("pytorch_model.bin", "file-pytorch-model"),
    ],
)
def test_a_choice_becomes_a_label(choice, label):
    assert weights_label(choice, 3) == label
    assert weights_note(label)
    assert Weights(label, "x").note == weights_note(label)


@pytest.mark.parametrize("choice", ["imagnet", "", "weights.h5", "folder/"])
def test_a_choice_that_is_no_weights_lists_what_can_be_chosen(choice):
    with pytest.raises(MammoError, match=r"choose imagenet, synthetic, random, or a file ending in .safetensors, .pth"):
        weights_label(choice)


def test_weights_are_called_what_they_are():
    assert weights_note("synthetic") == "trained on synthetic data"
    assert weights_note("random-3") == "random weights"


def test_weights_of_a_timm_model_are_called_by_their_tag_and_not_imagenets():
    assert weights_note("imagenet", "resnet50") == "ImageNet weights"
    assert weights_note("imagenet", "timm:convnext_base.clip_laion2b") == "pretrained weights (clip_laion2b)"
    assert weights_note("imagenet", "timm:resnet18") == "pretrained weights (the usual ones of timm)"
    assert weights_note("file-mine", "timm:resnet18") == "weights from a file"


@pytest.mark.parametrize("name", ["a.pth", "A.PTH", "a.pth.tar", "a.ckpt", "a.bin", "a.pt", "a.safetensors"])
def test_weights_files_are_known_by_their_ending(name):
    assert is_weights_file(name) and not is_weights_file(name + ".h5")
