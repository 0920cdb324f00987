"""The identity of a cache: the digest of its spec and of everything that spec depends on."""

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
"""Rises when the layout of a cache or the arithmetic of the extraction changes."""

LONGEST = 70
"""Letters of a cache's name before its identity."""


def identity(spec: CacheSpec, dataset_digest: str, weights: Weights) -> dict[str, Any]:
    """All that can change a number in a cache, as plain JSON; raises MammoError where `spec` names an unknown thing."""
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
    """The identity of a cache as this home knows it.

    Earlier versions knew a user's weights by their file's bytes: a cache that they began or made keeps its name.
    """
    former = identity(spec, dataset_digest, weights.known_as(weights.file_digest))
    kept = (home.cache(spec.dataset, cache_name(former)) / SPEC).is_file()
    return former if kept else identity(spec, dataset_digest, weights)


def is_current(content: dict[str, Any], dataset_digest: str) -> bool:
    """Whether a cache of the identity `content` would get it again today, from the same weights."""
    try:
        weights = Weights("", content["weights_digest"])
        return identity(CacheSpec.from_json(content["spec"]), dataset_digest, weights) == content
    except (MammoError, KeyError):
        return False


def cache_name(content: dict[str, Any]) -> str:
    """The folder name of a cache: readable, and ending in the first eight digits of its identity."""
    spec = CacheSpec.from_json(content["spec"])
    return f"{spec.readable_name()[:LONGEST].strip('-')}-{digest_json(content)[:8]}"
