"""What is frozen of a cache's tail: run once, for the tails that learn from there and for heads that see its end."""

from __future__ import annotations

import functools
import tempfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from mammo.features.trunks.networks import build, split_tail
from mammo.heads.finetune import layers_of, map_shape
from mammo.heads.pools import POOLS
from mammo.heads.training.vectors import Source, plain, training_of
from mammo.storage.atomic_files import write_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from mammo.features.cache.cache import Cache
    from mammo.features.trunks.weights import Weights


@dataclass(frozen=True)
class FrozenActivations:
    """What a learning tail sees of every image, computed once for all heads that train it.

    `make(version)` gives it for one version of all `images`, (images, rows, columns, channels) as the cache stores
    them, in a file that is mapped into memory or on the device; `training` is that of `Source`.
    `tail` goes from there to the trunk's last map, in the arithmetic of the cache's `precision`.
    """

    images: int
    make: Callable[[int], Tensor]
    tail: nn.Module
    device: torch.device
    precision: str
    versions: int = 1
    training: Callable[[int, int], range] = plain
    made: dict[int, Tensor] = field(default_factory=dict)

    def begin(self, versions: range) -> None:
        """Make ready what trains in an epoch; of other versions the plain one alone is kept."""
        for version in set(self.made).difference(versions, [0]):
            del self.made[version]
        for version in {0, *versions}.difference(self.made):
            self.made[version] = self.make(version)

    def take(self, versions: Tensor, images: Tensor) -> Tensor:
        """The stacks (B, channels, rows, columns) of some versions (B,) of images (B,) on the device, float32."""
        chosen = self.made[0].new_empty(len(images), *self.made[0].shape[1:], device=self.device)
        for version in np.unique(versions.numpy()).tolist():
            rows, values = (versions == version).nonzero()[:, 0], self.made[version]
            taken = values.index_select(0, images[rows].to(values.device))
            chosen[rows.to(self.device)] = taken.to(self.device)
        return chosen.permute(0, 3, 1, 2).float()


def open_frozen_activations(
    cache: Cache, weights: Weights, finetune: str, device: torch.device, folder: Path
) -> FrozenActivations:
    """Run the frozen part of a cache's tail on all its images; `folder` is where nameless mapped files lie.

    Raises MammoError where the trunk cannot be tuned so or the disk is full.
    """
    trunk, precision = build(cache.spec.trunk, weights, cache.spec.tap), cache.spec.precision
    first, tail = split_tail(trunk.tail, layers_of(cache.spec.trunk, finetune))
    first, tail = (part.to(device).to(memory_format=torch.channels_last) for part in (first, tail))

    def make(version: int) -> Tensor:
        maps = _run(first, cache, version, device, precision)
        values = _mapped((part.permute(0, 2, 3, 1) for part in maps), folder)
        if device.type == "cuda" and values.nbytes < torch.cuda.mem_get_info(device)[0] // 2:
            return values.to(device)
        return values

    return FrozenActivations(cache.shape[0], make, tail, device, precision, cache.versions, training_of(cache))


def frozen_source(cache: Cache, weights: Weights, pool: str, device: torch.device, folder: Path) -> Source:
    """What a frozen head sees of a cache in front of the tail: the pooled maps of the tail as it is.

    The vectors are those of the cache of the tap `features`. Each version is computed when it is first read, and then
    lies in a nameless mapped file in `folder`.
    """
    tail = build(cache.spec.trunk, weights, cache.spec.tap).tail.to(device).to(memory_format=torch.channels_last)
    precision, chosen = cache.spec.precision, POOLS[pool]
    kind = chosen.stored(precision)

    @functools.cache
    def vectors(version: int) -> NDArray[np.floating]:
        maps = _run(tail, cache, version, device, precision)
        mapped: NDArray[np.floating] = _mapped(
            (chosen.of(part.float()).to(getattr(torch, kind)) for part in maps), folder
        ).numpy()
        return mapped

    length = chosen.length(map_shape(cache))
    return Source(
        cache.shape[0], length, lambda version, rows: vectors(version)[rows], kind, cache.versions, training_of(cache)
    )


@torch.inference_mode()
def _run(part: nn.Module, cache: Cache, version: int, device: torch.device, precision: str) -> Iterator[Tensor]:
    """What a part of the tail makes of a version, chunk by chunk, in the type that the cache is stored in."""
    for chunk in cache.chunks(version):
        stored = torch.from_numpy(chunk)
        if isinstance(part, nn.Identity):
            yield stored
            continue
        maps = stored.to(device).float().contiguous(memory_format=torch.channels_last)
        with arithmetic(device, precision):
            outputs = part(maps)
        yield outputs.to(stored.dtype).cpu()


def _mapped(parts: Iterator[Tensor], folder: Path) -> Tensor:
    """Numbers (N, …) in a file without a name, of which the system keeps in memory what it can."""
    count = 0
    with tempfile.TemporaryFile(dir=folder) as stream:
        try:
            for part in parts:
                values = part.contiguous().numpy()
                stream.write(values.data)
                count += len(values)
            stream.flush()
        except OSError as error:
            raise write_error(folder, error) from error
        return torch.from_numpy(np.memmap(stream, values.dtype, "r+", shape=(count, *values.shape[1:])))


def arithmetic(device: torch.device, precision: str) -> torch.autocast:
    """The arithmetic of a cache's precision, inside which a tail runs."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")
