"""Tails: what lies behind a cache's tap, trained with a head from the cache instead of the images."""

from __future__ import annotations

import copy
import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import linear

from mammo.data.splits.protocols import TRAIN, VALIDATION
from mammo.heads.bank.bank import initial_weights
from mammo.heads.bank.randomness import generator
from mammo.heads.bank.update import FusedUpdate, update_coefficients
from mammo.heads.outputs import log_odds, loss_and_accuracy, mean_loss
from mammo.heads.pools import POOLS
from mammo.heads.scoring import scored_versions
from mammo.heads.tails.frozen_activations import FrozenActivations, arithmetic
from mammo.heads.training.batches import blocks, shuffled
from mammo.heads.training.train import check_classes
from mammo.heads.training.trained import Trained
from mammo.progress import Progress, Work
from mammo.statistics.metrics import auc

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import ArrayLike, NDArray

    from mammo.specs import HeadSpec

SCORED = 64
"""How many images are scored at a time."""


def train_tails(
    activations: FrozenActivations, labels: ArrayLike, parts: ArrayLike, heads: Sequence[HeadSpec], classes: int = 2
) -> Work[Trained]:
    """Train heads, one after another, each with a tail of its own that starts as the trunk's.

    All else is as in `train_bank`: labels, parts, order of batches, initial weights, dropout, early
    stopping, what is yielded and returned. Each head's `weights` hold what learnt of its tail too, as "tail." and the
    tensor's name.
    """
    truth, part = np.asarray(labels), np.asarray(parts)
    check_classes(truth[part == TRAIN], truth[part == VALIDATION], heads, classes)
    images = _Images.of(truth, part, activations.device, classes)
    trained, before = Trained.begin(heads, len(truth)), 0
    for row, head in enumerate(heads):
        for epoch in _train(_Learner(activations, head, classes), images, row, trained):
            live = {"validation_auc": trained.latest(), "epochs": trained.epochs.tolist()}
            yield Progress("train", before + epoch, sum(spec.epochs for spec in heads), "epochs", live)
        before += head.epochs
    return trained


@dataclass(frozen=True)
class _Images:
    """Classes from 0 (N,), whether each image trains, and the rows that validate."""

    labels: Tensor
    training: NDArray[np.bool_]
    validation: Tensor
    classes: int

    @classmethod
    def of(cls, labels: NDArray[np.int64], parts: NDArray[np.int8], device: torch.device, classes: int) -> _Images:
        validation = torch.from_numpy(np.flatnonzero(parts == VALIDATION))
        return cls(torch.from_numpy(labels.astype(np.int64)).to(device), parts == TRAIN, validation, classes)


def _train(learner: _Learner, images: _Images, row: int, trained: Trained) -> Iterator[int]:
    """Train one head and its tail and fill in their row of `trained`; yields the number of each epoch."""
    head, best, best_state = learner.head, -math.inf, learner.state()
    held_labels, malignant = images.labels[images.validation.to(images.labels.device)], images.classes - 1
    for epoch in range(1, head.epochs + 1):
        train_scores, seen_labels = learner.epoch(images, epoch)
        scores = learner.scores(images.validation)[None]
        area = float(auc((held_labels == malignant).cpu().numpy(), log_odds(scores).cpu().numpy())[0])
        fits = (
            *loss_and_accuracy(train_scores[None], seen_labels, images.classes, head),
            *loss_and_accuracy(scores, held_labels, images.classes, head),
        )
        trained.history[row, epoch - 1] = [*(float(figure) for figure in fits), area]
        trained.epochs[row] = epoch
        area = -1.0 if math.isnan(area) else area
        if area > best or not head.patience:
            best, best_state, trained.best_epoch[row] = area, learner.state(), epoch
        yield epoch
        if head.patience and epoch - trained.best_epoch[row] >= head.patience:
            break
    learner.restore(best_state)
    everything = torch.arange(len(images.labels))
    count, other_rows = scored_versions(head, learner.activations.versions), np.flatnonzero(~images.training)
    trained.logits[row] = log_odds(learner.scores(everything)[None])[0].cpu().numpy()
    for version in range(1, count):
        trained.logits[row, other_rows] += (
            log_odds(learner.scores(everything[other_rows], version)[None])[0].cpu().numpy()
        )
    trained.logits[row, other_rows] /= count
    if images.classes == 2:
        best_state |= {name: best_state[name][0] for name in ("weight", "bias")}
    trained.weights[row].update({name: value.cpu().contiguous().numpy() for name, value in best_state.items()})


class _Learner:
    """One head and its tail while they learn, by the update that all optimisers share."""

    def __init__(self, activations: FrozenActivations, head: HeadSpec, classes: int) -> None:
        self.activations, self.head, self.steps = activations, head, 0
        self.tail, self.pool = copy.deepcopy(activations.tail), POOLS[head.pool]
        activations.begin(range(1))
        with torch.inference_mode():
            length = self._vectors(*torch.zeros(2, 1, dtype=torch.long)).shape[1]
        start = initial_weights(head, length, classes)
        self.weights = {name: value.to(activations.device).requires_grad_() for name, value in start.items()}
        layers = {f"tail.{name}": value for name, value in self.tail.named_parameters() if value.requires_grad}
        self.learning = {**self.weights, **layers}
        self.updates = [(name in layers, _descent(value)) for name, value in self.learning.items()]
        self.slow = dataclasses.replace(head, lr=head.tail_lr, finetune="none")

    def state(self) -> dict[str, Tensor]:
        """A copy of all that learns."""
        return {name: value.detach().clone() for name, value in self.learning.items()}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Take back an earlier `state`."""
        for name, value in self.learning.items():
            value.detach().copy_(state[name])

    @torch.inference_mode()
    def scores(self, rows: Tensor, version: int = 0) -> Tensor:
        """The outputs (C, N) for a version of some images."""
        self.activations.begin(range(version, version + 1))
        parts = [self._outputs(torch.full_like(part, version), part) for part in torch.split(rows, SCORED)]
        return torch.cat(parts, dim=1) if len(rows) else self._outputs(*torch.zeros(2, 1, dtype=torch.long))[:, :0]

    def epoch(self, images: _Images, number: int) -> tuple[Tensor, Tensor]:
        """Train one epoch, batches as a bank draws them.

        Returns the outputs (C, rows) that each batch had before its update, and the labels in that order.
        """
        source = generator(self.head.seed, "epoch", number)
        versions = self.activations.training(number, self.head.first_draws)
        self.activations.begin(versions)
        train_scores, labels = [], []
        for block in blocks(self.activations.images, versions, number):
            order = shuffled(block, images.training, source)
            chosen = (torch.from_numpy(which[order]) for which in (block.versions, block.images))
            batches = (torch.split(which, self.head.batch) for which in chosen)
            for version, image in zip(*batches, strict=True):
                truth = images.labels[image.to(images.labels.device)]
                scores = self._outputs(version, image, source)
                wrong = mean_loss(scores[None].double(), truth, images.classes, self.head)
                wrong.sum().backward()  # type: ignore[no-untyped-call]
                self._update()
                train_scores.append(scores.detach())
                labels.append(truth)
        return torch.cat(train_scores, dim=1), torch.cat(labels)

    def _vectors(self, versions: Tensor, images: Tensor) -> Tensor:
        with arithmetic(self.activations.device, self.activations.precision):
            maps = self.tail(self.activations.take(versions, images))
        vectors: Tensor = self.pool.of(maps.float())
        return vectors

    def _outputs(self, versions: Tensor, images: Tensor, source: torch.Generator | None = None) -> Tensor:
        """The outputs (C, B) for versions (B,) of images (B,), with dropout where it has a source of chance."""
        inputs, weights, dropout = self._vectors(versions, images), self.weights, self.head.dropout
        if self.head.hidden:
            inputs = linear(inputs, weights["hidden.weight"], weights["hidden.bias"]).relu()
        if source is not None and dropout:
            field = torch.rand(self._field(inputs.shape[1]), generator=source)
            keep = (field.T if self.head.hidden else field)[: len(inputs)].to(inputs.device) >= dropout
            inputs = inputs * keep / (1 - dropout)
        return linear(inputs, weights["weight"], weights["bias"]).T

    def _field(self, length: int) -> tuple[int, int]:
        """The shape of dropout's field for a whole batch, as a bank draws it."""
        return (length, self.head.batch) if self.head.hidden else (self.head.batch, length)

    @torch.no_grad()
    def _update(self) -> None:
        """One step of all that learns, the tail at its own rate."""
        coefficients = torch.from_numpy(update_coefficients([self.head, self.slow], self.steps, 1)[0]).to(
            self.activations.device
        )
        self.steps += 1
        for slow, update in self.updates:
            update(coefficients[:, int(slow), None].contiguous())
            update.gradient.zero_()


def _descent(value: Tensor) -> FusedUpdate:
    """The update of a parameter as one row of numbers, from a gradient that has its place from now on."""
    value.grad = torch.zeros_like(value)
    mean, square = torch.zeros_like(value.grad), torch.zeros_like(value.grad)
    return FusedUpdate(_row(value.detach()), _row(mean), _row(square), _row(value.grad), slots=1)


def _row(value: Tensor) -> Tensor:
    """All numbers of a tensor as they lie in memory, (1, numbers)."""
    return value.as_strided((1, value.numel()), (value.numel(), 1))
