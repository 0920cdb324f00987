"""The spec of a cache of activations."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any, ClassVar

from mammo.errors import MammoError
from mammo.specs.axis import axes_of, axis
from mammo.specs.spec import Spec


@dataclass(frozen=True)
class CacheSpec(Spec):
    """What a cache of activations holds.

    Every field can change a number. `weights` is a label: `imagenet`, `synthetic`, `random-SEED` or
    `file-STEM`; the identity adds the digest of the tensors themselves. `size` is in pixels. `draws` is
    the number of augmented versions of each image beside the plain one. `mean` and `std` are those of the greys
    0..1 that the weights were trained with, one number or three; empty for the trunk's own.
    """

    what: ClassVar[str] = "cache spec"

    dataset: str
    trunk: str = axis("vgg16", label="Trunk", choices=True)
    weights: str = axis("imagenet", label="Weights")
    tap: str = axis("features", label="Tap")
    kind: str = axis("full", label="Images")
    preprocess: str = axis("builtin", label="Preprocessing", choices=True)
    resize: str = axis("stretch", label="Resize", choices=True)
    size: int = axis(224, label="Size in pixels")
    augment: str = axis("none", label="Augmentation", choices=True)
    draws: int = axis(0, label="Draws")
    precision: str = axis("float32", label="Precision", choices=True, since=2)
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Refuse sizes, draws and normalisations that make no sense."""
        if not 32 <= self.size <= 4096:
            raise MammoError(f"The image size must be between 32 and 4096 pixels, not {self.size}.")
        if not 0 <= self.draws <= 1000:
            raise MammoError(f"The number of augmentation draws must be between 0 and 1000, not {self.draws}.")
        for name in ("mean", "std"):
            values = tuple(float(value) for value in getattr(self, name))
            if (
                len(values) not in (0, 1, 3)
                or not all(map(math.isfinite, values))
                or (name == "std" and min(values, default=1) <= 0)
            ):
                raise MammoError(
                    f"The {name} of the weights' training is one number or three{', above 0' * (name == 'std')}."
                )
            object.__setattr__(self, name, values[:1] if len(set(values)) == 1 else values)

    def to_json(self) -> dict[str, Any]:
        """The spec as plain JSON values; a normalisation only where it is not the trunk's own."""
        content = super().to_json()
        for name in ("mean", "std"):
            values = content.pop(name)
            content |= {name: list(values)} if values else {}
        return content

    @property
    def weights_words(self) -> str:
        """The label of the weights, and the normalisation they were trained with where it is not the trunk's own."""
        given = {"mean": self.mean, "std": self.std}
        return ", ".join(
            [self.weights, *(f"{name} {_numbers(values, ' ')}" for name, values in given.items() if values)]
        )

    def readable_name(self) -> str:
        """A folder name that a person can read, such as `vgg16-imagenet-224-letterbox-none-features`."""
        kind = [] if self.kind == "full" else [self.kind]
        preprocess = [] if self.preprocess == "builtin" else [self.preprocess]
        normalised = {"mean": self.mean, "std": self.std}
        augment = [] if self.augment == "none" else [f"{self.augment}{self.draws}"]
        trunk = re.sub(r"[^a-z0-9]+", "-", self.trunk.lower()).strip("-")
        weights = re.sub(r"[^a-z0-9]+", "-", self.weights.lower()).strip("-")
        weights = "-".join(
            [weights, *(f"{name}{_numbers(values, '-')}" for name, values in normalised.items() if values)]
        )
        parts = [trunk, weights, *kind, str(self.size), *preprocess, self.resize, *augment, self.precision, self.tap]
        return "-".join(parts)


def _numbers(values: tuple[float, ...], between: str) -> str:
    return between.join(f"{value:g}" for value in values)


CACHE_AXES = axes_of(CacheSpec)
"""The axes of a cache by name. Runs of earlier versions do not say their `precision`."""
