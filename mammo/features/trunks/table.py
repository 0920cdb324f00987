"""Trunks and their taps, by name. Nothing here needs torch: `networks` builds what this lists."""

from __future__ import annotations

from dataclasses import dataclass

from mammo.errors import MammoError

ANY_TIMM = "timm:"


@dataclass(frozen=True)
class Tap:
    """A place where a trunk can be cut: its map has `channels` channels, one pixel per `stride` image pixels.

    What lies behind it costs `gigaflops` for one 224×224 image, in multiply-adds × 2.
    """

    label: str
    channels: int
    stride: int
    gigaflops: float = 0.0


@dataclass(frozen=True)
class TrunkKind:
    """A pretrained network that can be cut at its taps.

    `family` names the architecture, `narrowing` by how much its width is divided, `hub` the repository
    of its ImageNet weights, `shipped` the weights that come with this package. `gigaflops` is the cost of
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
        """The weights taken where none are named."""
        return "synthetic" if self.shipped else "imagenet"

    def map_shape(self, tap: str, size: int) -> tuple[int, int, int]:
        """The shape (channels, rows, columns) of the map at `tap` for images of `size` pixels."""
        if tap not in self.taps:
            raise MammoError(f"The trunk {self.label} has no tap {tap!r}; choose one of: {', '.join(self.taps)}.")
        place = self.taps[tap]
        side = -(-size // place.stride) if self.family == "resnet50" else size // place.stride
        return place.channels, side, side


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
    """The trunk `name`, or any timm model as `timm:NAME`.

    A timm model's map is known only once it is built: its one tap has 0 channels here.
    Raises MammoError listing the choices where there is none.
    """
    if name in TRUNKS:
        return TRUNKS[name]
    if name.startswith(ANY_TIMM) and len(name) > len(ANY_TIMM):
        return TrunkKind(name, name, 1, {"features": Tap("the last map", 0, 32)}, 0.0, hub=name)
    raise MammoError(f"There is no trunk {name!r}; choose one of: {', '.join(TRUNKS)}, or any timm model as timm:NAME.")
