"""Find and identify the weights of a trunk before torch or timm is loaded."""

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
TIMEOUT = 1.5
"""Seconds to wait for a server's answer."""
TENSORS = "tensors-"
"""Prefix of the digest of weights that are identified by their tensors instead of their file's bytes."""


def locate(trunk: str, label: str, file: Path | None = None) -> Weights:
    """Find the weights `label` of a trunk; ImageNet weights are downloaded where they are missing.

    Raises MammoError saying what is missing and what to do; without a network it does so within two seconds.
    """
    kind = find_trunk(trunk)
    if label.startswith("random-"):
        return _random_weights(label)
    if label == "synthetic":
        path = _shipped_file(trunk, kind)
    elif label == "imagenet":
        path = _imagenet_file(trunk, kind)
    elif label.startswith("file-"):
        return _user_weights(trunk, label, file)
    else:
        raise MammoError(f"There are no weights {label!r}; choose imagenet, synthetic, random-SEED or file-NAME.")
    return Weights(label, digest_file(path), path)


def _random_weights(label: str) -> Weights:
    """Random weights are identified by their seed and by the versions of the code that draws them."""
    seed = label.removeprefix("random-")
    if not (seed.isdecimal() and int(seed) < 2**63):
        raise MammoError(f"Random weights are named random-SEED with a whole number below 2^63, not {label!r}.")
    made_by = "-".join(f"{name}-{metadata.version(name)}" for name in ("torch", "timm"))
    return Weights(label, f"random-{seed}-{made_by}", seed=int(seed))


def _shipped_file(trunk: str, kind: TrunkKind) -> Path:
    if not kind.shipped:
        raise MammoError(
            f"No synthetic weights come with {trunk}; they come with vgg16-mini and resnet50-mini. "
            "Use --weights imagenet, a FILE or random."
        )
    path = SHIPPED / kind.shipped
    if not path.is_file():
        raise MammoError(f"The weights of {trunk} are missing at {path}; make them with `mammo pretrain {trunk}`.")
    return path


def local_weights(trunk: str) -> Path | None:
    """Return the file of a trunk's default weights, or None where it is not on this machine; never uses the network.

    For a timm model without a tag, the weights of any of its tags count.
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
    """Return the folder of downloaded weights."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)


def is_offline() -> bool:
    """Whether downloads are switched off on this machine (HF_HUB_OFFLINE)."""
    from huggingface_hub import constants

    return bool(constants.HF_HUB_OFFLINE)


def _user_weights(trunk: str, label: str, file: Path | None) -> Weights:
    """Return the weights of a user's file, identified by the tensors of the trunk in it."""
    if file is None or not file.is_file():
        raise MammoError(f"There is no weights file {file}; name an existing {' or '.join(SUFFIXES[:2])} file.")
    status = file.stat()
    digest, tensors, notes = _identify(trunk, file, status.st_size, status.st_mtime_ns)
    return Weights(label, tensors, file, file_digest=digest, notes=notes)


@lru_cache(maxsize=16)
def _identify(trunk: str, file: Path, _size: int, _modified: int) -> tuple[str, str, tuple[str, ...]]:
    """Return the digest of a file's bytes, the digest of the trunk's tensors in it, and notes on how they were read."""
    from mammo.features.trunks.adapters import read_weights
    from mammo.features.trunks.networks import skeleton

    loaded = read_weights(skeleton(trunk), file, trunk)
    return digest_file(file), TENSORS + loaded.digest(), loaded.notes


def _imagenet_file(trunk: str, kind: TrunkKind) -> Path:
    if not kind.hub:
        raise MammoError(
            f"{trunk} has no ImageNet weights: it is small and trained on synthetic data. "
            "Use --weights synthetic, or the trunk without -mini."
        )
    repository = hub_repository(trunk) if trunk.startswith(ANY_TIMM) else kind.hub
    path = _in_hub_cache(repository, HUB_FILE)
    if path is None:
        from huggingface_hub import constants

        if constants.HF_HUB_OFFLINE or not reachable(getproxies().get("https", constants.ENDPOINT)):
            raise missing_weights(trunk, repository, constants.HF_HUB_CACHE)
        path = _download(trunk, repository)
    return path


def hub_repository(trunk: str) -> str:
    """Return the hub repository of a timm model; raises MammoError where timm lacks the model or its weights."""
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

    path = try_to_load_from_cache(repository, name)
    return Path(path) if isinstance(path, str) else None


def _download(trunk: str, repository: str) -> Path:
    from huggingface_hub import constants, hf_hub_download

    try:
        return Path(hf_hub_download(repository, HUB_FILE))
    except Exception as error:  # the hub's client raises many kinds of errors
        sentence = missing_weights(trunk, repository, constants.HF_HUB_CACHE)
        raise MammoError(f"{sentence} ({type(error).__name__}: {first_line(error)})") from None


def reachable(address: str) -> bool:
    """Whether a server answers a connection within `TIMEOUT` seconds, name look-up included."""
    parts = urlsplit(address)
    answered = threading.Event()

    def connect() -> None:
        try:
            with socket.create_connection((parts.hostname or "", parts.port or 443), timeout=TIMEOUT):
                answered.set()
        except OSError:
            pass

    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(TIMEOUT)
    return answered.is_set()


def missing_weights(trunk: str, repository: str, cache: str) -> MammoError:
    """Return the error for weights that are not available: which, where they were looked for, and what to do."""
    mini = trunk if trunk.endswith("-mini") else f"{trunk}-mini"
    small = f", or the trunk {mini} whose weights are shipped" if mini in ("vgg16-mini", "resnet50-mini") else ""
    return MammoError(
        f"The ImageNet weights of {trunk} are not on this machine and the network does not answer. "
        f"Run once with a network, or copy {repository}/{HUB_FILE} here and give --weights FILE "
        f"(it was looked for in {cache}), "
        f"or choose --weights random (scores mean nothing){small}."
    )
