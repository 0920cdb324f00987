"""Dot products of images' vectors, taken a block of images at a time: vectors are far longer than images are many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from mammo.errors import MammoError
from mammo.features.cache.cache import CHUNK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray
    from torch import Tensor

    from mammo.heads.training.vectors import Source

    Vectors = NDArray[np.float32]


HELD_BYTES = 2**30
"""The most bytes of vectors that are held at a time; what is longer is read again."""

SLICE = 2048
"""Numbers of a vector that are multiplied and summed in single precision; the sums of slices add up in double.

Vectors that are no longer than that are multiplied in double altogether: there may be more images than numbers in
them, and a probe's optimum then leans on the last digits.
"""


@dataclass(frozen=True)
class Rows:
    """The vectors (N, F) of N images, never all in memory: `blocks(first)` gives float32 (at most `CHUNK`, F).

    The blocks begin at the image `first`, a multiple of `CHUNK`.
    """

    images: int
    features: int
    blocks: Callable[[int], Iterator[Vectors]]

    @classmethod
    def held(cls, vectors: Vectors) -> Rows:
        """Vectors (N, F) that are in memory already."""

        def blocks(first: int) -> Iterator[Vectors]:
            return (vectors[start : start + CHUNK] for start in range(first, len(vectors), CHUNK))

        return cls(vectors.shape[0], vectors.shape[1], blocks)

    @classmethod
    def of(cls, source: Source) -> Rows:
        """The plain vectors of a source, read as they are needed where they would fill memory."""

        def read(start: int, stop: int) -> Vectors:
            vectors: Vectors = source.read(0, slice(start, stop)).astype(np.float32, copy=False)
            return vectors

        if 4 * source.images * source.length <= HELD_BYTES:
            return cls.held(read(0, source.images))

        def blocks(first: int) -> Iterator[Vectors]:
            return (read(start, start + CHUNK) for start in range(first, source.images, CHUNK))

        return cls(source.images, source.length, blocks)


@dataclass(frozen=True)
class Gram:
    """The dot products (N, N) of the vectors `rows` from which `origin` (F,) was taken, in double precision."""

    rows: Rows
    products: Tensor
    origin: NDArray[np.float32]


def gram(rows: Rows, device: torch.device) -> Gram:
    """Every dot product of the vectors, about their first block's mean, which keeps what is common out of the sums.

    Raises MammoError where a vector is not finite.
    """
    origin = next(rows.blocks(0)).mean(axis=0, dtype=np.float64).astype(np.float32)
    about = torch.from_numpy(origin).to(device)
    products = torch.zeros(rows.images, rows.images, dtype=torch.float64, device=device)
    height = min(max(HELD_BYTES // (4 * rows.features) // CHUNK, 1) * CHUNK, rows.images)
    held = torch.empty(height, rows.features, device=device)
    for first in range(0, rows.images, height):
        start = first
        for block in rows.blocks(first):
            vectors = torch.from_numpy(block).to(device) - about
            end = min(start - first + len(vectors), height)
            if start < first + height:
                held[start - first : end] = vectors
            products[start : start + len(vectors), first : first + end] = _product(vectors, held[:end])
            start += len(vectors)
    if not products.isfinite().all():
        raise MammoError("The features hold numbers that are not finite; check the cache with `mammo verify`.")
    lower = products.tril()
    return Gram(rows, lower + lower.tril(-1).T, origin)


def _product(left: Tensor, right: Tensor) -> Tensor:
    """Dot products (M, N) of rows (M, F) and (N, F)."""
    if left.shape[1] <= SLICE:
        return left.double() @ right.double().T
    total = torch.zeros(len(left), len(right), dtype=torch.float64, device=left.device)
    for start in range(0, left.shape[1], SLICE):
        part = slice(start, start + SLICE)
        total += left[:, part] @ right[:, part].T
    return total


def combined(rows: Rows, shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sums (R, F) of all vectors with the shares (R, N)."""
    total = np.zeros((len(shares), rows.features))
    start = 0
    for block in rows.blocks(0):
        total += shares[:, start : start + len(block)] @ block
        start += len(block)
    return total
