"""Where a trunk's weights come from, found and identified before anything heavy is loaded."""

from __future__ import annotations

import re
import socket
import threading
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies

from mammo.errors import MammoError, first_line
from mammo.features.trunks import ANY_TIMM, TrunkKind, find_trunk
from mammo.files import digest_file

SHIPPED = Path(__file__).parent / "weights"
SUFFIXES = (".safetensors", ".pth", ".pt", ".bin", ".ckpt", ".pth.tar", ".pt.tar")
HUB_FILE = "model.safetensors"
PATIENCE = 1.5

TENSORS = "tensors-"
"""How the digest of weights begins that are identified by their tensors, not by their file's bytes."""

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

    def known_as(self, digest: str) -> Weights:
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


def locate(trunk: str, label: str, file: Path | None = None) -> Weights:
    """Find the weights `label` of a trunk, fetching ImageNet's where the network allows it.

    Raises MammoError, within two seconds where there is no network, saying what is missing and the ways out.
    """
    kind = find_trunk(trunk)
    if label.startswith("random-"):
        return _random(label)
    if label == "synthetic":
        path = _shipped(trunk, kind)
    elif label == "imagenet":
        path = _fetched(trunk, kind)
    elif label.startswith("file-"):
        return _given(trunk, label, file)
    else:
        raise MammoError(f"There are no weights {label!r}; choose imagenet, synthetic, random-SEED or file-NAME.")
    return Weights(label, digest_file(path), path)


def _random(label: str) -> Weights:
    """Random weights are identified by their seed and by the versions of the code that draws them."""
    seed = label.removeprefix("random-")
    if not (seed.isdecimal() and int(seed) < 2**63):
        raise MammoError(f"Random weights are named random-SEED with a whole number below 2^63, not {label!r}.")
    made_by = "-".join(f"{name}-{metadata.version(name)}" for name in ("torch", "timm"))
    return Weights(label, f"random-{seed}-{made_by}", seed=int(seed))


def _shipped(trunk: str, kind: TrunkKind) -> Path:
    if not kind.shipped:
        raise MammoError(
            f"No synthetic weights come with {trunk}; they come with vgg16-mini and resnet50-mini. "
            "Use --weights imagenet, a FILE or random."
        )
    path = SHIPPED / kind.shipped
    if not path.is_file():
        raise MammoError(f"The weights of {trunk} are missing at {path}; make them with `mammo pretrain {trunk}`.")
    return path


def locally(trunk: str) -> Path | None:
    """The file of a trunk's default weights where it is on this machine; fetches nothing and asks no network.

    Of a timm model without a tag any of its tags counts.
    """
    kind = find_trunk(trunk)
    if kind.shipped:
        path = SHIPPED / kind.shipped
        return path if path.is_file() else None
    if not trunk.startswith(ANY_TIMM):
        return _in_hub_cache(kind.hub, HUB_FILE)
    model = trunk.removeprefix(ANY_TIMM)
    return next((path for path in hub_cache().glob(f"models--timm--{model}*/snapshots/*/{HUB_FILE}")), None)


def hub_cache() -> Path:
    """The folder in which weights are kept that were fetched."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)


def kept_offline() -> bool:
    """Whether this machine is told to fetch nothing (HF_HUB_OFFLINE)."""
    from huggingface_hub import constants

    return bool(constants.HF_HUB_OFFLINE)


def _given(trunk: str, label: str, file: Path | None) -> Weights:
    """Weights of a user's file, identified by the trunk's tensors in it."""
    if file is None or not file.is_file():
        raise MammoError(f"There is no weights file {file}; name an existing {' or '.join(SUFFIXES[:2])} file.")
    status = file.stat()
    digest, tensors, notes = _identified(trunk, file, status.st_size, status.st_mtime_ns)
    return Weights(label, tensors, file, file_digest=digest, notes=notes)


@lru_cache(maxsize=16)
def _identified(trunk: str, file: Path, _size: int, _modified: int) -> tuple[str, str, tuple[str, ...]]:
    """The digest of a file's bytes, that of the trunk's tensors in it, and how they were read."""
    from mammo.features.loading import read_weights
    from mammo.features.networks import skeleton

    read = read_weights(skeleton(trunk), file, trunk)
    return digest_file(file), TENSORS + read.digest(), read.notes


def _fetched(trunk: str, kind: TrunkKind) -> Path:
    if not kind.hub:
        raise MammoError(
            f"{trunk} has no ImageNet weights: it is small and trained on synthetic data. "
            "Use --weights synthetic, or the trunk without -mini."
        )
    repository = hub_of(trunk) if trunk.startswith(ANY_TIMM) else kind.hub
    path = _in_hub_cache(repository, HUB_FILE)
    if path is None:
        from huggingface_hub import constants

        if constants.HF_HUB_OFFLINE or not reachable(getproxies().get("https", constants.ENDPOINT)):
            raise missing_weights(trunk, repository, constants.HF_HUB_CACHE)
        path = _download(trunk, repository)
    return path


def hub_of(trunk: str) -> str:
    """The hub repository of a timm model; raises MammoError where timm does not know it or has no weights."""
    import timm

    name = trunk.removeprefix(ANY_TIMM)
    if not timm.is_model(name):
        raise MammoError(f"timm knows no model {name!r}; its models are listed by timm.list_models().")
    settings = timm.get_pretrained_cfg(name)
    if settings is None or not settings.hf_hub_id:
        raise MammoError(f"timm has no pretrained weights for {name!r}; use --weights random or a FILE.")
    model = settings.hf_hub_id
    return f"{model}{settings.architecture}.{settings.tag}" if model.endswith("/") else str(model)


def _in_hub_cache(repository: str, name: str) -> Path | None:
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(repository, name)
    return Path(found) if isinstance(found, str) else None


def _download(trunk: str, repository: str) -> Path:
    from huggingface_hub import constants, hf_hub_download

    try:
        return Path(hf_hub_download(repository, HUB_FILE))
    except Exception as error:  # the hub's client raises many kinds
        sentence = missing_weights(trunk, repository, constants.HF_HUB_CACHE)
        raise MammoError(f"{sentence} ({type(error).__name__}: {first_line(error)})") from None


def reachable(address: str) -> bool:
    """Whether a server answers a connection within `PATIENCE` seconds, name look-up included."""
    parts = urlsplit(address)
    answered = threading.Event()

    def connect() -> None:
        try:
            with socket.create_connection((parts.hostname or "", parts.port or 443), timeout=PATIENCE):
                answered.set()
        except OSError:
            pass

    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    return answered.is_set()


def missing_weights(trunk: str, repository: str, cache: str) -> MammoError:
    """The one message for weights that cannot be had: what, where they are looked for, and the ways out."""
    mini = trunk if trunk.endswith("-mini") else f"{trunk}-mini"
    small = f", or the trunk {mini} whose weights are shipped" if mini in ("vgg16-mini", "resnet50-mini") else ""
    return MammoError(
        f"The ImageNet weights of {trunk} are not on this machine and the network does not answer. "
        f"Run once with a network, or copy {repository}/{HUB_FILE} here and give --weights FILE "
        f"(it was looked for in {cache}), "
        f"or choose --weights random (scores mean nothing){small}."
    )
