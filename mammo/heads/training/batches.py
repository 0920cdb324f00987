"""The order in which images train: the blocks of an epoch, and the batches of each split within a block."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from mammo.features.cache.cache import CHUNK
from mammo.heads.bank.randomness import generator

if TYPE_CHECKING:
    from collections.abc import Sequence

WINDOW = 4096
"""Images of an epoch that are shuffled together.

An epoch of more is cut into chunks of the cache, the chunks are shuffled, and so many images' worth of them at a time
is shuffled image by image. So the order is the same whether the features fit in memory or are read block by block.
"""

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Block:
    """Pieces of a cache that train together: (version, first image, last image + 1) of each."""

    pieces: tuple[tuple[int, int, int], ...]

    @cached_property
    def images(self) -> Rows:
        """The image of every row of the pieces, one after another."""
        return np.concatenate([np.arange(first, last) for _, first, last in self.pieces])

    @cached_property
    def versions(self) -> Rows:
        """The version of every row."""
        return np.concatenate([np.full(last - first, version) for version, first, last in self.pieces])


def blocks(images: int, versions: Sequence[int], epoch: int, window: int = WINDOW) -> list[Block]:
    """The blocks of an epoch in which these versions of so many images train; the same for every head and split."""
    pieces = [(version, first, min(first + CHUNK, images)) for version in versions for first in range(0, images, CHUNK)]
    if len(versions) * images <= window:
        return [Block(tuple(pieces))]
    shuffled = torch.randperm(len(pieces), generator=generator(0, "chunks", epoch)).tolist()
    size = max(1, window // CHUNK)
    return [
        Block(tuple(pieces[piece] for piece in shuffled[start : start + size])) for start in range(0, len(pieces), size)
    ]


def shuffled(block: Block, training: NDArray[np.bool_], source: torch.Generator) -> Rows:
    """The rows of a block whose images are in `training` (images,), in the order in which they train."""
    rows = np.flatnonzero(training[block.images])
    chosen: Rows = rows[torch.randperm(len(rows), generator=source).numpy()]
    return chosen
