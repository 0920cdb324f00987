"""The identity of a cache: its spec, and everything that the numbers of the cache depend on."""

from __future__ import annotations

from typing import Any

from mammo.errors import MammoError
from mammo.features.cache.cache import SPEC
from mammo.features.precision import PRECISIONS
from mammo.features.trunks.table import find_trunk
from mammo.features.trunks.weights import Weights
from mammo.images.augment import AUGMENTATIONS, versions
from mammo.images.preprocess import PREPROCESSINGS
from mammo.images.resize import RESIZES
from mammo.specs import CacheSpec, Home, pick
from mammo.storage.digests import digest_json

FORMAT = 2
"""Version of caches; it rises when their layout or the arithmetic of the extraction changes."""

MAX_READABLE = 70
"""The most letters of a cache's name before the digits of its identity."""


def identity(spec: CacheSpec, dataset_digest: str, weights: Weights) -> dict[str, Any]:
    """Return all that can change a number in a cache, as plain JSON.

    Raises MammoError where `spec` names a trunk, tap or processing that does not exist.
    """
    kind = find_trunk(spec.trunk)
    if spec.tap not in kind.taps:
        raise MammoError(f"The trunk {spec.trunk} has no tap {spec.tap!r}; choose one of: {', '.join(kind.taps)}.")
    pick(PRECISIONS, spec.precision, "precision")
    versions(spec.augment, spec.draws)
    return {
        "format": FORMAT,
        "spec": spec.to_json(),
        "dataset_digest": dataset_digest,
        "weights_digest": weights.digest,
        "preprocess_version": pick(PREPROCESSINGS, spec.preprocess, "preprocessing").version,
        "resize_version": pick(RESIZES, spec.resize, "resize").version,
        "augment_version": AUGMENTATIONS[spec.augment].version,
    }


def identity_here(home: Home, spec: CacheSpec, dataset_digest: str, weights: Weights) -> dict[str, Any]:
    """Return the identity of a cache in this home.

    Earlier versions identified a user's weights by the bytes of their file: a cache from such a version keeps its name.
    """
    former = identity(spec, dataset_digest, weights.with_digest(weights.file_digest))
    exists = (home.cache(spec.dataset, cache_name(former)) / SPEC).is_file()
    return former if exists else identity(spec, dataset_digest, weights)


def is_current(content: dict[str, Any], dataset_digest: str) -> bool:
    """Whether an extraction from the same weights would give a cache the same identity `content` today."""
    try:
        weights = Weights("", content["weights_digest"])
        return identity(CacheSpec.from_json(content["spec"]), dataset_digest, weights) == content
    except (MammoError, KeyError):
        return False


def cache_name(content: dict[str, Any]) -> str:
    """Return the folder name of a cache: a readable part, then the first eight digits of its identity's digest."""
    spec = CacheSpec.from_json(content["spec"])
    return f"{spec.readable_name()[:MAX_READABLE].strip('-')}-{digest_json(content)[:8]}"
