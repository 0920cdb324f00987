"""Training heads on cached features: the bank against the ways of `peers`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.peers import Loop, Rates, Shared, Tight
from benchmarks.timing import Race, race
from mammo.data.splits.protocols import TRAIN, VALIDATION
from mammo.heads.training.task import Task
from mammo.heads.training.train import train_splits
from mammo.heads.training.vectors import Source
from mammo.progress import Progress
from mammo.specs import HeadSpec

IMAGES, HEADS = 2300, 64
PEERS = {"loop": Loop, "tight": Tight, "shared": Shared}
SHORT = 5000
"""Below so many features an epoch of the bank is too short to time alone."""


def rates(count: int) -> Rates:
    """Half Adam, half NAdam, each with its own learning rate."""
    return [(("adam", "nadam")[number % 2], 1e-5 * (1 + number)) for number in range(count)]


def features(count: int, device: str = "cpu") -> tuple[Tensor, Tensor]:
    """Vectors as a ReLU leaves them, and labels of which two in five are malignant."""
    source = torch.Generator().manual_seed(0)
    vectors = torch.randn(IMAGES, count, generator=source).relu_()
    return vectors.to(device), (torch.rand(IMAGES, generator=source) < 0.4).long().to(device)


def bank_epoch(vectors: Tensor, labels: Tensor, which: Rates, hidden: int = 0) -> Callable[[], object]:
    """One epoch of heads on one split, called again and again."""
    return splits_epoch(vectors, labels, which, [np.full(len(labels), TRAIN)], hidden)


def splits_epoch(
    vectors: Tensor, labels: Tensor, which: Rates, parts: list[NDArray[Any]], hidden: int = 0
) -> Callable[[], Progress]:
    """One epoch of heads on splits, called again and again."""
    heads = [HeadSpec(optimizer=name, lr=lr, hidden=hidden, epochs=10_000) for name, lr in which]
    tasks = [Task(labels.cpu().numpy(), part) for part in parts]
    training = train_splits(Source.of(vectors.cpu().numpy()), tasks, heads, vectors.device.type)
    return lambda: next(training)


def against(peer: str, count: int) -> Callable[[int], Race]:
    """64 linear heads for one epoch: the bank against a peer, in seconds."""

    def measure(repeats: int) -> Race:
        vectors, labels = features(count)
        peer_heads = PEERS[peer](vectors, labels.float(), rates(HEADS))
        return race(bank_epoch(vectors, labels, rates(HEADS)), peer_heads.epoch, repeats, 10 if count < SHORT else 1)

    return measure


def hidden(count: int, units: int) -> Callable[[int], Race]:
    """One head with a hidden layer for one epoch: the bank against a loop with torch's default Adam, in seconds."""

    def measure(repeats: int) -> Race:
        vectors, labels = features(count)
        which = [("adam", 1e-4)]
        peer = Loop(vectors, labels.float(), which, units)
        return race(bank_epoch(vectors, labels, which, units), peer.epoch, repeats)

    return measure


def splitting(repeats: int) -> Race:
    """64 linear heads on five splits of 2,048 features for an epoch, with validation: in one step, bank by bank."""
    vectors, labels = features(2048)
    source = np.random.default_rng(0)
    parts = [source.permutation(np.arange(IMAGES) % 10 // 7) for _ in range(5)]
    parts = [np.where(part, VALIDATION, TRAIN) for part in parts]
    apart = [splits_epoch(vectors, labels, rates(HEADS), [part]) for part in parts]
    return race(splits_epoch(vectors, labels, rates(HEADS), parts), lambda: [part() for part in apart], repeats, 5)
