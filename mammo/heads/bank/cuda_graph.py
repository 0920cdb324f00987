"""Steps that a device takes by itself: recorded once as a CUDA graph, then replayed without a word from Python."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mammo.heads.bank.step import Batches

if TYPE_CHECKING:
    from mammo.heads.bank.step import Step

WORTH = 3
"""Fewer steps are not worth recording."""


class CudaGraph:
    """A step over the same vectors whose number stands on the device, where it finds its batch and leaves its scores.

    A graph holds the places of tensors, so batches and scores have theirs here, for at most as many steps as the first
    `batches` have; `scores` is shaped (K, S, H, C, B). On a processor the same steps are taken one by one.
    """

    def __init__(self, step: Step, vectors: Tensor, batches: Batches, scores: Tensor) -> None:
        self.step, self.vectors = step, vectors
        self.batches, self.scores = batches.copy(), torch.empty_like(scores)
        self.number = torch.zeros(1, dtype=torch.long, device=vectors.device)
        self.graph: torch.cuda.CUDAGraph | None = None

    def fits(self, vectors: Tensor, batches: Batches) -> bool:
        """Whether these batches of these vectors can be taken."""
        same = vectors.data_ptr() == self.vectors.data_ptr() and vectors.dtype == self.vectors.dtype
        return same and len(batches.rows) <= len(self.batches.rows)

    def run(self, batches: Batches, scores: Tensor) -> None:
        """Take a step for each batch; `scores` (K, S, H, C, B) are filled with the outputs before it."""
        count = len(batches.rows)
        self.batches.fill(batches)
        self.number.zero_()
        self._take()  # the first as it comes: what libraries set up at first use cannot be recorded
        if self.graph is None and self.vectors.device.type == "cuda":
            self.graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self.graph):
                self._take()
        for _ in range(count - 1):
            if self.graph is None:
                self._take()
            else:
                self.graph.replay()
        scores.copy_(self.scores[:count])

    def _take(self) -> None:
        scores = torch.empty_like(self.scores[0])
        self.step.take(self.vectors, self.batches.at(self.number), None, scores)
        self.scores.index_copy_(0, self.number, scores[None])
        self.number.add_(1)
