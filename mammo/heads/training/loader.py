"""How vectors come to the heads: from memory where they all fit, otherwise read block by block as they are needed."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from torch import Tensor

from mammo.errors import MammoError
from mammo.features.cache.cache import CHUNK
from mammo.heads.training.batches import WINDOW, Block, Rows
from mammo.processes.memory import SHARE, free_memory

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mammo.heads.training.vectors import Source

READ = 8 * CHUNK
"""Images that are read at a time into memory that holds them all."""


class Loader(Protocol):
    """Vectors on the device."""

    def blocks(self, blocks: Sequence[Block]) -> Iterator[tuple[Block, Tensor, Rows]]:
        """Each block with vectors (any, F) and the rows in which those of the block's rows stand."""

    def images(self, version: int, rows: Rows) -> Iterator[tuple[Rows, Tensor]]:
        """The vectors of one version, some images (increasing) at a time, until all that are wanted have come."""

    def expect(self, block: Block) -> None:
        """Say which block will be asked for next."""

    def close(self) -> None:
        """Let go what was read ahead."""


def open_loader(
    source: Source, device: torch.device, memory: int | None, held_out: Rows, window: int = WINDOW
) -> Loader:
    """The fitting way for a source, within so many bytes of memory; half of what is free unless they are named.

    `held_out` are the images that are wanted after every epoch. Raises MammoError where not even blocks fit.
    """
    limit = int(free_memory() * SHARE) if memory is None else memory
    if device.type == "cuda":
        limit = min(limit, torch.cuda.mem_get_info(device)[0] // 2)
    if source.versions * source.images * source.image_bytes <= limit:
        return InMemory(source, device)
    block = min(window, source.versions * source.images) * source.image_bytes
    if 2 * block > limit:
        raise MammoError(
            f"Training reads {block // source.image_bytes} images at a time, which takes {2 * block / 1e9:.3g} GB of "
            f"memory, and may take {limit / 1e9:.3g} GB; allow more with --memory, or free some."
        )
    return Streaming(source, device, held_out, limit - 2 * block)


class InMemory:
    """All versions of all images on the device."""

    def __init__(self, source: Source, device: torch.device) -> None:
        self.count = source.images
        if source.versions == 1:
            self.vectors = _finite(source, 0, slice(None)).to(device)
            return
        kind = getattr(torch, source.kind)
        self.vectors = torch.empty(source.versions * source.images, source.length, dtype=kind, device=device)
        for version in range(source.versions):
            for first in range(0, source.images, READ):
                part = _finite(source, version, slice(first, first + READ))
                start = version * source.images + first
                self.vectors[start : start + len(part)] = part

    def blocks(self, blocks: Sequence[Block]) -> Iterator[tuple[Block, Tensor, Rows]]:
        """As `Loader` says."""
        for block in blocks:
            yield block, self.vectors, block.versions * self.count + block.images

    def images(self, version: int, rows: Rows) -> Iterator[tuple[Rows, Tensor]]:
        """As `Loader` says."""
        if len(rows):
            yield np.arange(self.count), self.vectors[version * self.count :][: self.count]

    def expect(self, block: Block) -> None:
        """As `Loader` says: everything is there."""

    def close(self) -> None:
        """As `Loader` says: nothing was."""


class Streaming:
    """Blocks that are read while the one before is trained on; what is wanted every epoch stays where it fits."""

    def __init__(self, source: Source, device: torch.device, held_out: Rows, spare: int) -> None:
        self.source, self.device, self.held_out = source, device, held_out
        self.reader = ThreadPoolExecutor(1, "mammo-read")
        self.ahead: tuple[Block, Future[Tensor]] | None = None
        self.stays = len(held_out) * source.image_bytes <= spare
        self.kept: Tensor | None = None
        self.place: Tensor | None = None

    def blocks(self, blocks: Sequence[Block]) -> Iterator[tuple[Block, Tensor, Rows]]:
        """As `Loader` says."""
        for number, block in enumerate(blocks, 1):
            self.expect(block)
            assert self.ahead is not None
            vectors = self._placed(self.ahead[1].result())
            self.ahead = None
            if number < len(blocks):
                self.expect(blocks[number])
            yield block, vectors, np.arange(len(vectors))
            del vectors

    def expect(self, block: Block) -> None:
        """As `Loader` says: it is read meanwhile."""
        if self.ahead is None or self.ahead[0] != block:
            self.ahead = block, self.reader.submit(self._read, block)

    def close(self) -> None:
        """As `Loader` says."""
        self.reader.shutdown(cancel_futures=True)

    def _placed(self, vectors: Tensor) -> Tensor:
        """Vectors on the device, where a GPU finds every block in the same place."""
        if self.device.type == "cpu":
            return vectors
        if self.place is None or len(self.place) < len(vectors):
            self.place = vectors.new_empty(vectors.shape, device=self.device)
        return self.place[: len(vectors)].copy_(vectors)

    def _read(self, block: Block) -> Tensor:
        vectors = torch.empty(len(block.images), self.source.length, dtype=getattr(torch, self.source.kind))
        at = 0
        for version, first, last in block.pieces:
            vectors[at : at + last - first] = _finite(self.source, version, slice(first, last))
            at += last - first
        return vectors

    def images(self, version: int, rows: Rows) -> Iterator[tuple[Rows, Tensor]]:
        """As `Loader` says."""
        if version or not self.stays or rows is not self.held_out:
            yield from self._pieces(version, rows)
            return
        if self.kept is None:
            parts = [
                vectors[torch.from_numpy(np.flatnonzero(np.isin(images, rows)))]
                for images, vectors in self._pieces(version, rows)
            ]
            self.kept = torch.cat(parts) if parts else torch.empty(0)
        if len(rows):
            yield rows, self.kept

    def _pieces(self, version: int, rows: Rows) -> Iterator[tuple[Rows, Tensor]]:
        for first in np.unique(rows // READ) * READ:
            last = min(int(first) + READ, self.source.images)
            vectors = _finite(self.source, version, slice(int(first), last))
            yield np.arange(first, last), vectors.to(self.device)


def _finite(source: Source, version: int, rows: slice) -> Tensor:
    values = torch.from_numpy(np.require(source.read(version, rows), requirements=["C", "W"]))
    if not values.sum(dtype=torch.float32).isfinite():
        raise MammoError("The features hold numbers that are not finite; check the cache with `mammo verify`.")
    return values.to(getattr(torch, source.kind))
