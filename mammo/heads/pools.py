"""Pooling: how a map of activations becomes the vector that a head sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mammo.features.precision import PRECISIONS

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from mammo.features.cache.cache import Cache

    Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class Pool:
    """One pooling; `read(cache, version, rows)` gives the vectors (rows, F) of some images as they are stored.

    `length` is F for a cache of shape (images, channels, rows, columns). `of` makes vectors (N, F) of maps
    (N, channels, rows, columns), be they numpy's or torch's. Where it averages, the vectors are stored as float32
    whatever the maps are stored as.
    """

    label: str
    description: str
    read: Callable[[Cache, int, slice], NDArray[np.floating]]
    length: Callable[[tuple[int, int, int, int]], int]
    of: Callable[[Any], Any]
    averages: bool = False

    def vectors(self, cache: Cache, version: int = 0) -> Vectors:
        """The vectors (N, F) of all images."""
        import numpy as np

        return self.read(cache, version, slice(None)).astype(np.float32, copy=False)

    def stored(self, precision: str) -> str:
        """The type of the vectors as they are stored in a cache of a precision."""
        return "float32" if self.averages else PRECISIONS[precision].stored


def _flat(maps: Any) -> Any:
    return maps.reshape(len(maps), -1)


POOLS: dict[str, Pool] = {
    "flatten": Pool(
        "Flatten",
        "Every channel at every place of the map.",
        lambda cache, version, rows: _flat(cache.maps(version, rows)),
        lambda shape: shape[1] * shape[2] * shape[3],
        _flat,
    ),
    "gap": Pool(
        "GAP",
        "Global average pooling: the mean of each channel over the map.",
        lambda cache, version, rows: cache.pooled(version, rows),
        lambda shape: shape[1],
        lambda maps: maps.mean((2, 3)),
        averages=True,
    ),
}
