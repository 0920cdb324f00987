"""Where a trunk's weights are: found and identified before anything heavy is loaded."""

from __future__ import annotations

import socket
import threading
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies

from mammo.errors import MammoError, first_line
from mammo.features.trunks.table import ANY_TIMM, TrunkKind, find_trunk
from mammo.features.trunks.weights import SUFFIXES, Weights
from mammo.storage.digests import digest_file

SHIPPED = Path(__file__).parent / "shipped"
HUB_FILE = "model.safetensors"
PATIENCE = 1.5
TENSORS = "tensors-"
"""How the digest of weights begins that are identified by their tensors, not by their file's bytes."""


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
    from mammo.features.trunks.adapters import read_weights
    from mammo.features.trunks.networks import skeleton

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
