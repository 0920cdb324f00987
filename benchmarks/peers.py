"""Training heads on cached features as people do it with torch, written as its documentation would have it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.utils.data import DataLoader, TensorDataset

OPTIMIZERS = {"adam": torch.optim.Adam, "nadam": torch.optim.NAdam}
Rates = Sequence[tuple[str, float]]
"""Optimiser and learning rate of every head."""


class Loop:
    """One head after another: a module, an optimiser and a shuffling DataLoader each."""

    def __init__(self, vectors: Tensor, labels: Tensor, rates: Rates, hidden: int = 0) -> None:
        self.loader = DataLoader(TensorDataset(vectors, labels), batch_size=32, shuffle=True)
        self.heads = [head(vectors.shape[1], hidden).to(vectors.device) for _ in rates]
        self.optimizers = [
            OPTIMIZERS[name](module.parameters(), lr=lr) for module, (name, lr) in zip(self.heads, rates, strict=True)
        ]

    def epoch(self) -> None:
        """One epoch of every head."""
        for module, optimizer in zip(self.heads, self.optimizers, strict=True):
            for batch, labels in self.loader:
                optimizer.zero_grad()
                binary_cross_entropy_with_logits(module(batch).squeeze(1), labels).backward()
                optimizer.step()


class Tight(Loop):
    """One head after another, without a DataLoader and with the fused Adam."""

    def __init__(self, vectors: Tensor, labels: Tensor, rates: Rates, hidden: int = 0) -> None:
        super().__init__(vectors, labels, rates, hidden)
        self.vectors, self.labels = vectors, labels
        self.optimizers = [
            torch.optim.Adam(module.parameters(), lr=lr, fused=True)
            for module, (_, lr) in zip(self.heads, rates, strict=True)
        ]

    def epoch(self) -> None:
        """One epoch of every head."""
        for module, optimizer in zip(self.heads, self.optimizers, strict=True):
            order = torch.randperm(len(self.vectors), device=self.vectors.device)
            for rows in torch.split(order, 32):
                optimizer.zero_grad()
                binary_cross_entropy_with_logits(module(self.vectors[rows]).squeeze(1), self.labels[rows]).backward()
                optimizer.step()


class Shared:
    """All heads in one step, as DINOv2's linear evaluation: a module and a parameter group each, one loss.

    One optimiser takes one rule, so it is Adam for all; half NAdam would make it slower.
    """

    def __init__(self, vectors: Tensor, labels: Tensor, rates: Rates) -> None:
        self.vectors, self.labels = vectors, labels
        self.heads = nn.ModuleList(head(vectors.shape[1], 0) for _ in rates).to(vectors.device)
        groups = [{"params": module.parameters(), "lr": lr} for module, (_, lr) in zip(self.heads, rates, strict=True)]
        self.optimizer = torch.optim.Adam(groups)

    def epoch(self) -> None:
        """One epoch of every head."""
        order = torch.randperm(len(self.vectors), device=self.vectors.device)
        for rows in torch.split(order, 32):
            batch, labels = self.vectors[rows], self.labels[rows]
            self.optimizer.zero_grad()
            losses = [binary_cross_entropy_with_logits(module(batch).squeeze(1), labels) for module in self.heads]
            torch.stack(losses).sum().backward()
            self.optimizer.step()


def head(features: int, hidden: int) -> nn.Module:
    """A linear head, or one with a hidden layer of ReLU units."""
    if not hidden:
        return nn.Linear(features, 1)
    return nn.Sequential(nn.Linear(features, hidden), nn.ReLU(), nn.Linear(hidden, 1))
