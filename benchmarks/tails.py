"""Fine-tuning the last layer: from the cache in front of it, against the whole network on the images."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.timing import Race, race
from mammo.data.splits.protocols import TRAIN, VALIDATION
from mammo.features.trunks.locate import locate
from mammo.features.trunks.networks import Trunk, build, split_tail
from mammo.heads.bank.bank import initial_weights
from mammo.heads.finetune import layers_of
from mammo.heads.tails.frozen_activations import FrozenActivations
from mammo.heads.tails.tail import train_tails
from mammo.specs import HeadSpec

IMAGES, VALIDATING, SIZE = 64, 16, 224
CPU = torch.device("cpu")
HEAD = HeadSpec(batch=16, epochs=1000, finetune="last-layer", tail_lr=1e-5)


def tuning(trunk: str) -> Callable[[int], Race]:
    """One epoch of a Flatten head and the last convolution, training and validation, in seconds.

    The peer runs the whole network, the frozen part without a graph, in the same float32 and channels last.
    """

    def measure(repeats: int) -> Race:
        source = torch.Generator().manual_seed(0)
        images = torch.randn(IMAGES, 3, SIZE, SIZE, generator=source).contiguous(memory_format=torch.channels_last)
        labels = torch.arange(IMAGES) % 2
        ours = _from_the_cache(_built(trunk), trunk, images, labels)
        return race(ours, _WholeNetwork(_built(trunk), trunk, images, labels).epoch, repeats)

    return measure


def _built(trunk: str) -> Trunk:
    return build(trunk, locate(trunk, "random-0"), "last-layer")


def _from_the_cache(cut: Trunk, trunk: str, images: Tensor, labels: Tensor) -> Callable[[], object]:
    first, tail = (
        part.to(memory_format=torch.channels_last) for part in split_tail(cut.tail, layers_of(trunk, "last-layer"))
    )
    body = cut.body.to(memory_format=torch.channels_last)
    with torch.inference_mode():
        maps = torch.cat([first(body(batch)) for batch in torch.split(images, HEAD.batch)])
    values = torch.from_numpy(maps.permute(0, 2, 3, 1).contiguous().numpy())
    parts = np.where(np.arange(IMAGES) < IMAGES - VALIDATING, TRAIN, VALIDATION)
    activations = FrozenActivations(IMAGES, lambda _: values, tail, CPU, "float32")
    training = train_tails(activations, labels.numpy(), parts, [HEAD])
    return lambda: next(training)


class _WholeNetwork:
    """The same training as anyone would write it."""

    def __init__(self, cut: Trunk, trunk: str, images: Tensor, labels: Tensor) -> None:
        split_tail(cut.tail, layers_of(trunk, "last-layer"))
        self.body = cut.body.to(memory_format=torch.channels_last)
        self.tail = cut.tail.to(memory_format=torch.channels_last)
        self.images, self.labels = images, labels.float()
        with torch.no_grad():
            length = self._maps(images[:1]).flatten(1).shape[1]
        self.last = nn.Linear(length, 1)
        self.last.load_state_dict(initial_weights(HEAD, length))
        layers = [value for value in self.tail.parameters() if value.requires_grad]
        groups: list[dict[str, Any]] = [{"params": self.last.parameters()}, {"params": layers, "lr": HEAD.tail_lr}]
        self.optimizer = torch.optim.Adam(groups, lr=HEAD.lr)

    def _maps(self, images: Tensor) -> Tensor:
        with torch.no_grad():
            maps = self.body(images)
        output: Tensor = self.tail(maps)
        return output

    def epoch(self) -> None:
        """Train on some of the images and score the rest."""
        rows = torch.randperm(IMAGES - VALIDATING)
        for batch in torch.split(rows, HEAD.batch):
            scores = self.last(self._maps(self.images[batch]).flatten(1))[:, 0]
            loss = nn.functional.binary_cross_entropy_with_logits(scores, self.labels[batch])
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
        with torch.no_grad():
            self.last(self._maps(self.images[IMAGES - VALIDATING :]).flatten(1))
