"""Trunks and their taps, by name. This module does not import torch; `networks` builds the trunks."""

from __future__ import annotations

from dataclasses import dataclass

from mammo.errors import MammoError

ANY_TIMM = "timm:"


@dataclass(frozen=True)
class Tap:
    """A place where a trunk can be cut: its map has `channels` channels, one pixel per `stride` image pixels.

    The layers behind it cost `gigaflops` for one 224×224 image, in multiply-adds × 2.
    """

    label: str
    channels: int
    stride: int
    gigaflops: float = 0.0


@dataclass(frozen=True)
class TrunkKind:
    """A pretrained network that can be cut at its taps.

    `family` names the architecture, `narrowing` is the divisor of its width, `hub` the repository of its ImageNet
    weights, `shipped` the file of the weights that come with this package. `gigaflops` is the cost of
    one 224×224 image in multiply-adds × 2.
    """

    label: str
    family: str
    narrowing: int
    taps: dict[str, Tap]
    gigaflops: float
    hub: str = ""
    shipped: str = ""

    @property
    def default_weights(self) -> str:
        """The weights that are used by default."""
        return "synthetic" if self.shipped else "imagenet"

    def map_shape(self, tap: str, size: int) -> tuple[int, int, int]:
        """Return the shape (channels, rows, columns) of the map at `tap` for images of `size` × `size` pixels."""
        if tap not in self.taps:
            raise MammoError(f"The trunk {self.label} has no tap {tap!r}; choose one of: {', '.join(self.taps)}.")
        cut = self.taps[tap]
        side = -(-size // cut.stride) if self.family == "resnet50" else size // cut.stride
        return cut.channels, side, side


def _vgg16(narrowing: int) -> dict[str, Tap]:
    return {
        "features": Tap("the last map, after block 5", 512 // narrowing, 32),
        "last-layer": Tap("before block 5's third convolution", 512 // narrowing, 16, 0.925 / narrowing**2),
    }


def _resnet50(narrowing: int) -> dict[str, Tap]:
    return {
        "features": Tap("the last map, after stage 4", 2048 // narrowing, 32),
        "last-layer": Tap("before stage 4's last bottleneck", 2048 // narrowing, 32, 0.437 / narrowing**2),
    }


TRUNKS: dict[str, TrunkKind] = {
    "vgg16": TrunkKind("VGG16", "vgg16", 1, _vgg16(1), 30.7, hub="timm/vgg16.tv_in1k"),
    "resnet50": TrunkKind("ResNet50", "resnet50", 1, _resnet50(1), 8.2, hub="timm/resnet50.tv_in1k"),
    "vgg16-mini": TrunkKind("VGG16 mini", "vgg16", 8, _vgg16(8), 0.5, shipped="vgg16-mini.safetensors"),
    "resnet50-mini": TrunkKind("ResNet50 mini", "resnet50", 8, _resnet50(8), 0.35, shipped="resnet50-mini.safetensors"),
}


def find_trunk(name: str) -> TrunkKind:
    """Return the trunk `name`, or any timm model as `timm:NAME`.

    The map of a timm model is known only after it is built: its only tap has 0 channels here.
    Raises MammoError listing the choices where there is no such trunk.
    """
    if name in TRUNKS:
        return TRUNKS[name]
    if name.startswith(ANY_TIMM) and len(name) > len(ANY_TIMM):
        return TrunkKind(name, name, 1, {"features": Tap("the last map", 0, 32)}, 0.0, hub=name)
    raise MammoError(f"There is no trunk {name!r}; choose one of: {', '.join(TRUNKS)}, or any timm model as timm:NAME.")
