"""What heads see of a cache: the vectors of every version of every image, read as they are needed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mammo.images.augment import training_versions, versions

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike

    from mammo.features.cache import Cache
    from mammo.heads.pools import Pool

Floats = NDArray[np.floating[Any]]


def _plain(_epoch: int) -> range:
    return range(1)


@dataclass(frozen=True)
class Source:
    """Vectors of `length` numbers: `read(version)` gives those of all `images` (images, length).

    Version 0 is the plain image. `training(epoch)` names the versions that train in an epoch, counted from 1;
    validation and test see version 0 alone.
    """

    images: int
    length: int
    read: Callable[[int], Floats]
    versions: int = 1
    training: Callable[[int], range] = _plain

    def held(self) -> Source:
        """The same with all versions in memory."""
        vectors = [self.read(version) for version in range(self.versions)]
        return replace(self, read=vectors.__getitem__)

    @classmethod
    def of(cls, vectors: ArrayLike) -> Source:
        """Vectors (N, F) in memory, of plain images only."""
        values = np.asarray(vectors)
        count, length = values.shape if values.ndim == 2 else (0, 0)
        return cls(count, length, lambda _version: values)


def source_of(cache: Cache, pool: Pool) -> Source:
    """What a pool makes of a cache of the trunk's last map."""
    spec = cache.spec
    training = partial(training_versions, spec.augment, spec.draws)
    vectors = partial(pool.vectors, cache)
    return Source(cache.shape[0], pool.length(cache.shape), vectors, versions(spec.augment, spec.draws), training)
