"""What heads see of a cache: the vectors of every version of every image, read as they are needed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mammo.errors import MammoError
from mammo.heads.bank.plan import SHORT_VECTOR
from mammo.images.augment import training_versions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import ArrayLike

    from mammo.features.cache.cache import Cache
    from mammo.heads.pools import Pool
    from mammo.specs import HeadSpec

Floats = NDArray[np.floating[Any]]


def plain(_epoch: int, _first: int) -> range:
    """The plain images train in every epoch."""
    return range(1)


def _drawn(augment: str, draws: int, epoch: int, first: int) -> range:
    return training_versions(augment, first or draws, epoch)


@dataclass(frozen=True)
class Source:
    """Vectors of `length` numbers, held as `kind`: `read(version, rows)` gives those of some `images` (rows, length).

    Version 0 is the plain image. `training(epoch, first)` names the versions that train in an epoch, counted from 1,
    where only the `first` draws may, 0 for all; validation and test see version 0 alone.
    """

    images: int
    length: int
    read: Callable[[int, slice], Floats]
    kind: str = "float32"
    versions: int = 1
    training: Callable[[int, int], range] = plain

    @property
    def image_bytes(self) -> int:
        """The memory that one version of one image takes."""
        return self.length * np.dtype(self.kind).itemsize

    def held(self) -> Source:
        """The same with all versions in memory."""
        vectors = [self.read(version, slice(None)) for version in range(self.versions)]
        return replace(self, read=lambda version, rows: vectors[version][rows])

    @classmethod
    def of(cls, vectors: ArrayLike) -> Source:
        """Vectors (N, F) in memory, of plain images only."""
        values = np.asarray(vectors)
        count, length = values.shape if values.ndim == 2 else (0, 0)
        kind = "float16" if values.dtype == np.float16 else "float32"
        return cls(count, length, lambda _version, rows: values[rows].astype(kind, copy=False), kind)


def check_draws(caches: Iterable[Cache], heads: Iterable[HeadSpec]) -> None:
    """Raise MammoError where a head would take more of a cache's draws than there are."""
    most = max((head.first_draws for head in heads), default=0)
    for cache in caches:
        if most > cache.spec.draws:
            raise MammoError(
                f"A head takes the first {most} draws of an augmentation, and the cache {cache.name!r} has "
                f"{cache.spec.draws}; choose fewer, or extract more with --draws {most}."
            )


def training_of(cache: Cache) -> Callable[[int, int], range]:
    """Which versions of a cache train in an epoch: `Source.training`."""
    return partial(_drawn, cache.spec.augment, cache.spec.draws)


def source_of(cache: Cache, pool: Pool) -> Source:
    """What a pool makes of a cache of the trunk's last map."""
    length = pool.length(cache.shape)
    kind = "float32" if length <= SHORT_VECTOR else pool.stored(cache.spec.precision)
    return Source(cache.shape[0], length, partial(pool.read, cache), kind, cache.versions, training_of(cache))
