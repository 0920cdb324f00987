"""Pooling: how a map of activations becomes the vector that a head sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Callable

    from mammo.features.cache import Cache

Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class Pool:
    """One pooling; `vectors(cache, version)` gives float32 (N, F), an image a row.

    `length` is F for a cache of shape (images, channels, rows, columns). `of` makes vectors (N, F) of maps
    (N, channels, rows, columns), be they numpy's or torch's.
    """

    label: str
    description: str
    vectors: Callable[[Cache, int], Vectors]
    length: Callable[[tuple[int, int, int, int]], int]
    of: Callable[[Any], Any]


def _flat(maps: Any) -> Any:
    return maps.reshape(len(maps), -1)


def _flatten(cache: Cache, version: int = 0) -> Vectors:
    vectors: Vectors = _flat(cache.maps(version)).astype(np.float32, copy=False)
    return vectors


def _gap(cache: Cache, version: int = 0) -> Vectors:
    return cache.pooled(version).astype(np.float32, copy=False)


POOLS: dict[str, Pool] = {
    "flatten": Pool(
        "Flatten",
        "Every channel at every place of the map.",
        _flatten,
        lambda shape: shape[1] * shape[2] * shape[3],
        _flat,
    ),
    "gap": Pool(
        "GAP",
        "Global average pooling: the mean of each channel over the map.",
        _gap,
        lambda shape: shape[1],
        lambda maps: maps.mean((2, 3)),
    ),
}
