"""A trunk's weights: how they are called, what is said of them, and by what they are known."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from mammo.errors import MammoError
from mammo.features.trunks.table import ANY_TIMM

SUFFIXES = (".safetensors", ".pth", ".pt", ".bin", ".ckpt", ".pth.tar", ".pt.tar")


IMAGENET = "ImageNet weights"
NOTES = {
    "imagenet": IMAGENET,
    "synthetic": "trained on synthetic data",
    "random": "random weights",
    "file": "weights from a file",
}
"""What is said of a trunk's weights wherever they are used, by the first word of their label."""


TORCHVISION = {
    "vgg16": ("vgg16-397923af.pth", "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0"),
    "resnet50": ("resnet50-0676ba61.pth", "0676ba61b6795bbe1773cffd859882e5e297624d384b6993f7c9e683e722fb8a"),
}
"""Files with the ImageNet weights of a trunk that can be brought here by hand, and their SHA-256."""


@dataclass(frozen=True)
class Weights:
    """Weights that are there: their label, their file (none for random ones) and their digest.

    Those of a user's file are identified by the trunk's tensors, however they were saved. `file_digest` is that of the
    file's bytes, by which earlier versions knew them, and `notes` says what was unwrapped and converted.
    """

    label: str
    digest: str
    path: Path | None = None
    seed: int = 0
    file_digest: str = ""
    notes: tuple[str, ...] = ()

    @property
    def note(self) -> str:
        """What is said of these weights wherever they are used."""
        return weights_note(self.label)

    def with_digest(self, digest: str) -> Weights:
        """These weights under the digest that a cache of an earlier version has of their file, where it is theirs."""
        return replace(self, digest=digest) if digest and digest == self.file_digest else self


def weights_note(label: str, trunk: str = "") -> str:
    """What is said of weights of this label wherever they are used; `trunk` tells which of a timm model's they are."""
    first = label.split("-", maxsplit=1)[0]
    if first == "imagenet" and trunk.startswith(ANY_TIMM):
        return f"pretrained weights ({trunk.partition('.')[2] or 'the usual ones of timm'})"
    return NOTES[first]


def is_weights_file(name: str | Path) -> bool:
    """Whether a name ends as a weights file's does."""
    return str(name).lower().endswith(SUFFIXES)


def weights_label(choice: str, seed: int = 0) -> str:
    """The label of what a user chose: `imagenet`, `synthetic`, `random`, or the path of a weights file."""
    if choice == "random":
        return f"random-{seed}"
    if choice.startswith("random-") or choice in NOTES:
        return choice
    if is_weights_file(choice):
        suffix = max((ending for ending in SUFFIXES if choice.lower().endswith(ending)), key=len)
        stem = Path(choice).name.lower().removesuffix(suffix)
        return "file-" + re.sub(r"[^a-z0-9]+", "-", stem).strip("-")
    raise MammoError(
        f"There are no weights {choice!r}; choose imagenet, synthetic, random, "
        f"or a file ending in {', '.join(SUFFIXES)}."
    )
