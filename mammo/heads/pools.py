"""Pooling: how a map of activations becomes the vector that a head sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from mammo.features.precision import PRECISIONS

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from mammo.features.cache.cache import Cache

    Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class Pool:
    """One pooling.

    `of` makes vectors (N, F) of maps (N, channels, rows, columns), numpy's or torch's; `length` is F for a cache of
    shape (images, channels, rows, columns). A pool that reads `pooled` takes the means that a cache holds beside its
    maps, float32 whatever the maps are stored as, and costs as many numbers an image; all others read the `maps`.
    """

    label: str
    description: str
    of: Callable[[Any], Any]
    length: Callable[[tuple[int, int, int, int]], int]
    reads: Literal["maps", "pooled"] = "maps"

    def read(self, cache: Cache, version: int, rows: slice) -> NDArray[np.floating]:
        """The vectors (rows, F) of some images, in the type in which the cache stores them."""
        if self.reads == "pooled":
            return cache.pooled(version, rows)
        vectors: NDArray[np.floating] = self.of(cache.maps(version, rows))
        return vectors

    def numbers_read(self, shape: tuple[int, int, int, int]) -> int:
        """How many numbers of an image are read from a cache of a shape: what the pool costs before the heads."""
        return _channels(shape) if self.reads == "pooled" else _numbers(shape)

    def vectors(self, cache: Cache, version: int = 0) -> Vectors:
        """The vectors (N, F) of all images."""
        import numpy as np

        return self.read(cache, version, slice(None)).astype(np.float32, copy=False)

    def stored(self, precision: str) -> str:
        """The type of the vectors as they are stored in a cache of a precision."""
        return "float32" if self.reads == "pooled" else PRECISIONS[precision].stored


def _flat(maps: Any) -> Any:
    return maps.reshape(len(maps), -1)


def _largest(maps: Any) -> Any:
    return maps.amax((2, 3)) if hasattr(maps, "amax") else maps.max((2, 3))


def _numbers(shape: tuple[int, int, int, int]) -> int:
    return shape[1] * shape[2] * shape[3]


def _channels(shape: tuple[int, int, int, int]) -> int:
    return shape[1]


POOLS: dict[str, Pool] = {
    "flatten": Pool("Flatten", "Every channel at every place of the map.", _flat, _numbers),
    "gap": Pool(
        "GAP",
        "Global average pooling: the mean of each channel over the map.",
        lambda maps: maps.mean((2, 3)),
        _channels,
        reads="pooled",
    ),
    "max": Pool("Max", "Global max pooling: the largest value of each channel over the map.", _largest, _channels),
}
