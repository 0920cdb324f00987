"""The weights of a trunk: their label, a note on their origin, and their digest."""

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
"""The note on the origin of weights that is shown wherever they are used, by the first word of their label."""


TORCHVISION = {
    "vgg16": ("vgg16-397923af.pth", "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0"),
    "resnet50": ("resnet50-0676ba61.pth", "0676ba61b6795bbe1773cffd859882e5e297624d384b6993f7c9e683e722fb8a"),
}
"""Files with the ImageNet weights of a trunk that a user can copy here by hand, and their SHA-256."""


@dataclass(frozen=True)
class Weights:
    """Available weights: their label, their file (None for random weights) and their digest.

    Weights of a user's file are identified by the tensors of the trunk, whatever the format of the file. `file_digest`
    is the digest of the file's bytes, which earlier versions used instead. `notes` say what was
    unwrapped and converted.
    """

    label: str
    digest: str
    path: Path | None = None
    seed: int = 0
    file_digest: str = ""
    notes: tuple[str, ...] = ()

    @property
    def note(self) -> str:
        """The note on the origin of these weights."""
        return weights_note(self.label)

    def with_digest(self, digest: str) -> Weights:
        """Return these weights with the file digest that a cache of an earlier version stores, if it is their file's.

        Otherwise return them unchanged.
        """
        return replace(self, digest=digest) if digest and digest == self.file_digest else self


def weights_note(label: str, trunk: str = "") -> str:
    """Return the note on the origin of weights with this label; a timm model in `trunk` adds the tag of its weights."""
    first = label.split("-", maxsplit=1)[0]
    if first == "imagenet" and trunk.startswith(ANY_TIMM):
        return f"pretrained weights ({trunk.partition('.')[2] or 'the usual ones of timm'})"
    return NOTES[first]


def is_weights_file(name: str | Path) -> bool:
    """Whether a file name has the suffix of a weights file."""
    return str(name).lower().endswith(SUFFIXES)


def weights_label(choice: str, seed: int = 0) -> str:
    """Return the label of a user's choice: `imagenet`, `synthetic`, `random`, or the path of a weights file."""
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
