"""Build trunks as torch modules, load their weights and cut them at a tap."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn

from mammo.errors import MammoError
from mammo.features.trunks.adapters import load_weights
from mammo.features.trunks.table import ANY_TIMM, find_trunk
from mammo.features.trunks.weights import Weights

VGG16_LAYOUT = (64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M")
VGG16_LAST_CONVOLUTION = 28
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Trunk:
    """A network cut at a tap: `body` is the frozen part up to the tap, `tail` the part from the tap to the last map.

    `mean` and `std` are those with which the weights were trained, one for each of three channels.
    """

    body: nn.Module
    tail: nn.Module
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def normalised(self, mean: tuple[float, ...], std: tuple[float, ...]) -> Trunk:
        """Return this trunk with another mean or standard deviation: one number, three, or none to keep its own."""
        channels = len(self.mean)
        return replace(
            self,
            mean=(mean * channels if len(mean) == 1 else mean) or self.mean,
            std=(std * channels if len(std) == 1 else std) or self.std,
        )


def build(trunk: str, weights: Weights, tap: str = "features") -> Trunk:
    """Build a trunk with its weights and cut it at `tap`, in evaluation mode.

    Raises MammoError where the trunk or tap is unknown or the weights belong to another network.
    """
    kind = find_trunk(trunk)
    if tap not in kind.taps:
        raise MammoError(f"The trunk {trunk} has no tap {tap!r}; choose one of: {', '.join(kind.taps)}.")
    network = skeleton(trunk, weights.seed)
    if weights.path is not None:
        load_weights(network, weights.path, trunk)
    network.eval().requires_grad_(False)
    if trunk.startswith(ANY_TIMM):
        settings = import_module("timm").data.resolve_model_data_config(network)
        mean, std = tuple(settings["mean"]), tuple(settings["std"])
        return Trunk(_LastMap(network, trunk).eval(), nn.Identity(), mean, std)
    body, tail = _cut(network, tap)
    return Trunk(body.eval(), tail.eval(), IMAGENET_MEAN, IMAGENET_STD)


def skeleton(trunk: str, seed: int = 0) -> nn.Module:
    """Return a trunk's complete network with random weights; raises MammoError where timm has no such model."""
    kind = find_trunk(trunk)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if trunk.startswith(ANY_TIMM):
            return _timm_model(trunk.removeprefix(ANY_TIMM))
        return Vgg16(kind.narrowing) if kind.family == "vgg16" else resnet50(kind.narrowing)


class Vgg16(nn.Module):
    """VGG16's convolutions at 1/`narrowing` of its width, with the tensor names of timm and torchvision."""

    def __init__(self, narrowing: int, norm_layer: type[nn.Module] | None = None) -> None:
        from timm.models.vgg import VGG

        super().__init__()
        layout = [width if isinstance(width, str) else width // narrowing for width in VGG16_LAYOUT]
        slim_classifier = 1 / 4096
        self.features = VGG(layout, num_classes=0, mlp_ratio=slim_classifier, norm_layer=norm_layer).features

    def forward(self, images: Tensor) -> Tensor:
        """Return the last map (batch, channels, rows / 32, columns / 32) of images (batch, 3, rows, columns)."""
        maps: Tensor = self.features(images)
        return maps


def resnet50(narrowing: int) -> nn.Module:
    """Return ResNet50's stages at 1/`narrowing` of their width; the stem keeps its 64 channels.

    The last batch norm of a block does not start at zero, which is timm's default: features of random weights
    would be degenerate.
    """
    from timm.models import resnet

    channels = tuple(width // narrowing for width in (64, 128, 256, 512))
    make: Any = resnet.ResNet
    network: nn.Module = make(resnet.Bottleneck, (3, 4, 6, 3), channels=channels, num_classes=0, zero_init_last=False)
    return network


def _cut(network: Any, tap: str) -> tuple[nn.Module, nn.Module]:
    """Return the part of a network up to a tap, and the part from the tap to the last map."""
    if isinstance(network, Vgg16):
        layers = network.features
        if tap == "features":
            return layers, nn.Identity()
        return layers[:VGG16_LAST_CONVOLUTION], layers[VGG16_LAST_CONVOLUTION:]
    stem = [network.conv1, network.bn1, network.act1, network.maxpool]
    stages = [network.layer1, network.layer2, network.layer3, network.layer4]
    if tap == "features":
        return nn.Sequential(*stem, *stages), nn.Identity()
    return nn.Sequential(*stem, *stages[:3], network.layer4[:2]), network.layer4[2]


def fold_norms(body: nn.Module) -> nn.Module:
    """Return a copy of a frozen trunk whose batch norms are folded into the convolutions before them.

    A frozen batch norm is a factor and an addend for each channel; folding it saves a tenth of ResNet50's time on a
    processor. Only ResNets are folded: there it is known which norm follows which convolution.
    """
    from timm.models import resnet

    body = copy.deepcopy(body)
    if isinstance(body, nn.Sequential) and len(body) > 1 and isinstance(body[0], nn.Conv2d):
        body[0], body[1] = _fold(body[0], body[1])
    for block in body.modules():
        if not isinstance(block, resnet.ResNet | resnet.Bottleneck | resnet.BasicBlock):
            continue
        for number in "123":
            if hasattr(block, f"conv{number}"):
                pair = _fold(getattr(block, f"conv{number}"), getattr(block, f"bn{number}"))
                setattr(block, f"conv{number}", pair[0])
                setattr(block, f"bn{number}", pair[1])
        shortcut = getattr(block, "downsample", None)
        if isinstance(shortcut, nn.Sequential) and len(shortcut) == 2:
            shortcut[0], shortcut[1] = _fold(*shortcut)
    return body


def _fold(convolution: nn.Module, norm: nn.Module) -> tuple[nn.Module, nn.Module]:
    """Return a convolution that includes the norm after it, and the identity that replaces the norm."""
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    if type(convolution) is not nn.Conv2d or type(norm) is not nn.BatchNorm2d:
        return convolution, norm
    return fuse_conv_bn_eval(convolution, norm), nn.Identity()


def split_tail(tail: nn.Module, learning: tuple[str, ...]) -> tuple[nn.Module, nn.Module]:
    """Divide a tail for training into a frozen part, which runs once, and a part that runs in every step.

    `learning` names the convolutions that are trained; everything else, including batch norms, is frozen. The two
    parts in sequence compute the same as the tail.
    """
    frozen: nn.Module = nn.Identity()
    if hasattr(tail, "conv3") and learning == ("conv3",):
        frozen, tail = _BeforeLastConvolution(tail), _LastConvolution(tail)
    for name, parameter in tail.named_parameters():
        parameter.requires_grad_(name.rpartition(".")[0] in learning)
    return frozen.eval(), tail.eval()


class _BeforeLastConvolution(nn.Module):
    """The frozen part of a bottleneck: the input of its third convolution and the shortcut, stacked by channels."""

    def __init__(self, block: Any) -> None:
        super().__init__()
        self.layers = nn.Sequential(block.conv1, block.bn1, block.act1, block.conv2, block.bn2, block.act2)

    def forward(self, maps: Tensor) -> Tensor:
        convolved = self.layers(maps)
        return torch.cat([convolved, maps.to(convolved.dtype)], dim=1)


class _LastConvolution(nn.Module):
    """The part of a bottleneck that follows `_BeforeLastConvolution`."""

    def __init__(self, block: Any) -> None:
        super().__init__()
        self.conv3, self.bn3, self.act3 = block.conv3, block.bn3, block.act3

    def forward(self, stack: Tensor) -> Tensor:
        channels = self.conv3.in_channels
        maps: Tensor = self.act3(self.bn3(self.conv3(stack[:, :channels])) + stack[:, channels:])
        return maps


class _LastMap(nn.Module):
    """A timm model up to its last map, (batch, channels, rows, columns)."""

    def __init__(self, model: Any, name: str) -> None:
        super().__init__()
        self.model = model
        self.name = name

    def forward(self, images: Tensor) -> Tensor:
        maps: Tensor = self.model.forward_features(images)
        if maps.ndim != 4:
            raise MammoError(f"{self.name} gives no map of rows and columns; choose a convolutional model of timm.")
        return maps if maps.shape[1] == self.model.num_features else maps.permute(0, 3, 1, 2)


def _timm_model(name: str) -> nn.Module:
    timm: Any = import_module("timm")
    if not timm.is_model(name):
        raise MammoError(f"timm knows no model {name!r}; its models are listed by timm.list_models().")
    model: nn.Module = timm.create_model(name, num_classes=0)
    return model
