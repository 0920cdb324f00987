"""One update of many heads from a batch, with everything it needs laid out, so that it can be taken again and again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mammo.heads.bank.update import FusedUpdate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mammo.heads.bank.threads import ThreadPool

    Gradient = Callable[[Tensor, Tensor], Tensor]
    """How much too high outputs are, of outputs and truth (…, C, N): `Loss.gradient` of the bank's heads."""

TILE_NUMBERS = 2**17
"""About how many gradients of a first layer exist at a time: so many stay in a core's cache until they are used."""
LEAST_COLUMNS = 512
"""The narrowest tile."""

STRIP = 8
"""Matrix libraries add up a matrix's last few rows in another order, so every product has whole strips of rows."""


@dataclass(frozen=True)
class Batches:
    """A batch for each of S splits, or K of them one after another.

    Rows of the vectors (…, S·B), the truth (…, S, 1, C, B), how much each image counts (…, S, 1, 1, B), and the rule
    (…, 4, S·H) of the update. An image that counts nothing only fills up a batch.
    """

    rows: Tensor
    truth: Tensor
    counts: Tensor
    coefficients: Tensor

    def unbind(self) -> list[Batches]:
        """Step by step."""
        return [Batches(*parts) for parts in zip(*(part.unbind(0) for part in self._all), strict=True)]

    def at(self, step: Tensor) -> Batches:
        """Those of a step whose number stands on the device."""
        return Batches(*(part.index_select(0, step)[0] for part in self._all))

    def copy(self) -> Batches:
        """The same in places of their own."""
        return Batches(*(part.clone() for part in self._all))

    def fill(self, batches: Batches) -> None:
        """Take in the batches of as many steps or fewer."""
        for target, theirs in zip(self._all, batches._all, strict=True):
            target[: len(theirs)] = theirs

    @property
    def _all(self) -> tuple[Tensor, ...]:
        return self.rows, self.truth, self.counts, self.coefficients


class Step:
    """The update of the heads whose weights and moments are `states`, dicts as `bank.Weights`; `batch` images a split.

    `gradient` is that of their loss.

    No gradient flows into the features, so the first layer's backward pass is one matrix product, taken tile by tile
    so that a gradient is used before it leaves the processor's cache; no autograd graph is needed. A first layer of
    one split can be shared out among a crew.
    """

    def __init__(
        self, states: Sequence[dict[str, Tensor]], batch: int, gradient: Gradient, thread_pool: ThreadPool | None = None
    ) -> None:
        weights, self.thread_pool, self.gradient = states[0], thread_pool, gradient
        self.deep = "hidden.weight" in weights
        self.bias = weights["bias"][..., None]
        self.weight = weights["weight"].flatten(0, 1)
        first, bias = (weights[f"hidden.{name}" if self.deep else name] for name in ("weight", "bias"))
        self.matrix, self.column = first.flatten(1, -2), bias.flatten(1)[:, :, None]
        splits, rows, features = self.matrix.shape
        self.height = rows // bias.shape[1]
        self.inputs = first.new_empty(splits, batch, features)
        self.sums, self.errors = first.new_empty(2, splits, rows, batch)
        self.shares = thread_pool.shares(rows, STRIP) if thread_pool and splits == 1 else [slice(0, rows)]
        self.tiles = [self._tiles(states, share) for share in self.shares]
        self.small = {name: _small(states, name) for name in weights if weights[name] is not first}

    def _tiles(
        self, states: Sequence[dict[str, Tensor]], rows: slice
    ) -> list[tuple[Tensor, Tensor, Tensor, FusedUpdate]]:
        """For each tile of some rows of the first layer: errors, inputs, room for its gradient, and its update."""
        name = "hidden.weight" if self.deep else "weight"
        matrices = [state[name].flatten(1, -2)[:, rows] for state in states]
        splits, tall, width = matrices[0].shape
        columns = max(LEAST_COLUMNS, TILE_NUMBERS // (splits * tall)) if self.matrix.device.type == "cpu" else width
        slots = splits * tall // (self.height if len(self.shares) == 1 else 1)
        room = self.matrix.new_empty(splits * tall * min(columns, width))
        tiles = []
        for start in range(0, width, columns):
            tile = slice(start, min(start + columns, width))
            value, mean, square = (matrix[:, :, tile].flatten(0, 1) for matrix in matrices)
            gradient = room[: value.numel()].view(splits, tall, -1)
            fused_update = FusedUpdate(value, mean, square, gradient.flatten(0, 1), slots)
            tiles.append((self.errors[:, rows], self.inputs[:, :, tile], gradient, fused_update))
        return tiles

    def take(self, vectors: Tensor, batches: Batches, keep: Tensor | None, scores: Tensor) -> None:
        """Update every head from rows of vectors (any, F); `scores` (S, H, C, B) is filled with its outputs before.

        `keep` is what dropout leaves of the last layer's inputs.
        """
        flat = self.inputs.flatten(0, 1)
        if vectors.dtype == flat.dtype:
            torch.index_select(vectors, 0, batches.rows, out=flat)
        else:
            flat.copy_(vectors.index_select(0, batches.rows))
        through = self._through_hidden if self.deep else self._through
        error = through(batches, keep, scores)
        torch.sum(error, 3, out=self.small["bias"][0])
        for _, fused_update in self.small.values():
            fused_update(batches.coefficients)
        self._descend(batches.coefficients)

    def _through(self, batches: Batches, keep: Tensor | None, scores: Tensor) -> Tensor:
        """Forward through linear heads, and the error (S, H, C, B) of their outputs."""
        if keep is not None:
            self.inputs.mul_(keep)
        torch.baddbmm(self.column, self.matrix, self.inputs.mT, out=scores.flatten(1, 2))
        return self._error(batches, scores, self.errors.view(scores.shape))

    def _through_hidden(self, batches: Batches, keep: Tensor | None, scores: Tensor) -> Tensor:
        """The same of heads with hidden units, and back as far as to their sums."""
        self._forward()
        gate = (self.sums > 0) * (1.0 if keep is None else keep.flatten(1, 2))
        inputs = self.sums.mul_(gate).view(len(self.weight), self.height, -1)
        torch.bmm(self.weight, inputs, out=scores.flatten(0, 1)).view(scores.shape).add_(self.bias)
        error = self._error(batches, scores, torch.empty_like(scores))
        flat = error.flatten(0, 1)
        torch.bmm(flat, inputs.mT, out=self.small["weight"][0].flatten(0, 1))
        torch.bmm(self.weight.mT, flat, out=self.errors.view(inputs.shape))
        torch.sum(self.errors.mul_(gate), 2, out=self.small["hidden.bias"][0].flatten(1))
        return error

    def _error(self, batches: Batches, scores: Tensor, errors: Tensor) -> Tensor:
        """How much each output should have been less, by how much its image counts."""
        return torch.mul(self.gradient(scores, batches.truth), batches.counts, out=errors)

    def _forward(self) -> None:
        """The sums of the hidden units."""

        @torch.inference_mode()
        def multiply(rows: slice) -> None:
            out = self.sums[:, rows]
            torch.baddbmm(self.column[:, rows], self.matrix[:, rows], self.inputs.mT, out=out)

        self._each(multiply, self.shares)

    def _descend(self, coefficients: Tensor) -> None:
        """Update the first layer."""
        if self.thread_pool is None or len(self.shares) == 1:
            _descend(self.tiles[0], coefficients)
            return
        each = coefficients.repeat_interleave(self.height, 1)
        shared = [(tiles, each[:, rows].contiguous()) for tiles, rows in zip(self.tiles, self.shares, strict=True)]
        self.thread_pool.each(lambda share: _descend(*share), shared)

    def _each(self, work: Callable[[slice], None], shares: Sequence[slice]) -> None:
        if self.thread_pool is None or len(shares) == 1:
            for share in shares:
                work(share)
        else:
            self.thread_pool.each(work, shares)


def _small(states: Sequence[dict[str, Tensor]], name: str) -> tuple[Tensor, FusedUpdate]:
    """Room for the gradient of one of the small parameters, and its update."""
    value, mean, square = (state[name].flatten(0, 1).flatten(1) for state in states)
    gradient = torch.empty_like(states[0][name])
    return gradient, FusedUpdate(value, mean, square, gradient.view(value.shape), len(value))


@torch.inference_mode()
def _descend(tiles: Sequence[tuple[Tensor, Tensor, Tensor, FusedUpdate]], coefficients: Tensor) -> None:
    for errors, inputs, gradient, fused_update in tiles:
        torch.bmm(errors, inputs, out=gradient)
        fused_update(coefficients)
