"""Fine-tuning: which layers behind the tap `last-layer` learn beside the head. Nothing here needs torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mammo.errors import MammoError
from mammo.features.trunks.locate import locate
from mammo.features.trunks.table import find_trunk
from mammo.features.trunks.weights import Weights
from mammo.specs import HeadSpec, pick

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from mammo.features.cache.cache import Cache

FROZEN, TUNED = "features", "last-layer"
"""The tap that a frozen head is trained from, and the one from which a tail can learn too."""

TAILS = 1
"""Rises when a tail gives other numbers from the same cache."""


@dataclass(frozen=True)
class Finetune:
    """Layers that learn: by the trunk's family, the names that their convolutions have in the tail."""

    label: str
    description: str
    layers: dict[str, tuple[str, ...]] = field(default_factory=dict)


FINETUNES: dict[str, Finetune] = {
    "none": Finetune("None", "The trunk stays as it is; the head alone learns."),
    "last-layer": Finetune(
        "Last convolution",
        "The trunk's last convolution learns with the head: block 5's third of VGG16, "
        "the third of ResNet50's last bottleneck.",
        {"vgg16": ("28",), "resnet50": ("conv3",)},
    ),
    "last-block": Finetune(
        "Last block",
        "All three convolutions of ResNet50's last bottleneck learn with the head.",
        {"resnet50": ("conv1", "conv2", "conv3")},
    ),
}


def layers_of(trunk: str, finetune: str) -> tuple[str, ...]:
    """The names of a trunk's convolutions that learn; raises MammoError where the trunk cannot be tuned so."""
    layers, kind = pick(FINETUNES, finetune, "way to fine-tune").layers, find_trunk(trunk)
    if kind.family in layers:
        return layers[kind.family]
    if TUNED not in kind.taps:
        raise MammoError(f"{trunk} cannot be fine-tuned: it has no tap {TUNED!r}; leave --finetune at none.")
    raise MammoError(
        f"{kind.label} cannot be fine-tuned by {finetune!r}: its last block begins before the tap {TUNED!r}; "
        "choose --finetune last-layer, or caches of ResNet50 alone."
    )


def suited(caches: Iterable[Cache], finetunes: Iterable[str]) -> list[Cache]:
    """The caches that heads with these ways to fine-tune are best trained from.

    Those of the tap `last-layer` where one of them learns, else those of `features`, or all where there are none.
    """
    listed = list(caches)
    if any(name != "none" for name in finetunes):
        return [cache for cache in listed if cache.spec.tap == TUNED]
    return [cache for cache in listed if cache.spec.tap == FROZEN] or listed


def check_finetunes(caches: Iterable[Cache], heads: Iterable[HeadSpec]) -> None:
    """Raise MammoError where a head would train layers that lie before the tap of one of the caches."""
    for name in dict.fromkeys(head.finetune for head in heads if head.finetune != "none"):
        for cache in caches:
            layers_of(cache.spec.trunk, name)
            if cache.spec.tap != TUNED:
                raise MammoError(
                    f"The cache {cache.name!r} is of the tap {cache.spec.tap!r}, behind the layers that learn; "
                    f"extract one with --tap {TUNED}, or leave --finetune at none."
                )


def tail_weights(cache: Cache, file: Path | None = None) -> Weights | None:
    """The weights of what lies behind a cache's tap, found as for its extraction; None where nothing does.

    `file` is the weights file of a cache whose weights came from one. Raises MammoError where they are not there, or
    are not those that the cache was made with.
    """
    label = cache.spec.weights
    if cache.spec.tap == FROZEN:
        return None
    if label.startswith("file-") and file is None:
        raise MammoError(
            f"The weights of the cache {cache.name!r} came from a file, which its last layer starts from; "
            "name it with --weights FILE."
        )
    digest = cache.manifest["identity"]["weights_digest"]
    weights = locate(cache.spec.trunk, label, file).with_digest(digest)
    if weights.digest != digest:
        raise MammoError(
            f"The weights {label} of {cache.spec.trunk} are not those that the cache {cache.name!r} was made with; "
            "extract it again, or bring the former weights back."
        )
    return weights


def map_shape(cache: Cache) -> tuple[int, int, int, int]:
    """Images, channels, rows and columns of the trunk's last map, to which a cache's tail leads."""
    if cache.spec.tap == FROZEN:
        return cache.shape
    return cache.shape[0], *find_trunk(cache.spec.trunk).map_shape(FROZEN, cache.spec.size)
