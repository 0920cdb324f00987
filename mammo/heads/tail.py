"""Tails: what lies behind a cache's tap, run as it is or trained with a head, from the cache instead of the images."""

from __future__ import annotations

import copy
import math
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from mammo.data.splits import TRAIN, VALIDATION
from mammo.features.networks import build, split_tail
from mammo.files import unwritable
from mammo.heads.bank import generator, initial_weights
from mammo.heads.finetune import layers_of
from mammo.heads.optimizers import BETA1, BETA2, EPSILON, OPTIMIZERS
from mammo.heads.outputs import fit, log_odds, loss
from mammo.heads.pools import POOLS
from mammo.heads.train import check_classes
from mammo.heads.trained import Trained
from mammo.progress import Progress, Work
from mammo.results.metrics import auc

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import ArrayLike, NDArray

    from mammo.features.cache import Cache
    from mammo.features.weights import Weights
    from mammo.specs import HeadSpec

SCORED = 64
"""How many images are scored at a time."""


@dataclass(frozen=True)
class Stacks:
    """What a learning tail sees of every image, computed once for all heads that train it.

    `values` (N, rows, columns, channels) stand as the cache stores them, in a file that is mapped into memory or on
    the device; `tail` goes from them to the trunk's last map, in the arithmetic of the cache's `precision`.
    """

    values: Tensor
    tail: nn.Module
    device: torch.device
    precision: str

    def take(self, rows: Tensor) -> Tensor:
        """The stacks (B, channels, rows, columns) of some images on the device, float32."""
        chosen = self.values.index_select(0, rows.to(self.values.device)).to(self.device)
        return chosen.permute(0, 3, 1, 2).float()


def open_stacks(cache: Cache, weights: Weights, finetune: str, device: torch.device, folder: Path) -> Stacks:
    """Run the frozen part of a cache's tail on all its images; `folder` is where the nameless mapped file lies.

    Raises MammoError where the trunk cannot be tuned so or the disk is full.
    """
    trunk, precision = build(cache.spec.trunk, weights, cache.spec.tap), cache.spec.precision
    first, tail = split_tail(trunk.tail, layers_of(cache.spec.trunk, finetune))
    first, tail = (part.to(device).to(memory_format=torch.channels_last) for part in (first, tail))
    values = _mapped(_run(first, cache, device, precision), folder)
    if device.type == "cuda" and values.nbytes < torch.cuda.mem_get_info(device)[0] // 2:
        values = values.to(device)
    return Stacks(values, tail, device, precision)


def frozen_vectors(cache: Cache, weights: Weights, pool: str, device: torch.device) -> NDArray[np.float32]:
    """The vectors (N, F) that a frozen head sees of a cache in front of the tail: the pooled maps of the tail as it is.

    They are those of the cache of the tap `features`.
    """
    tail = build(cache.spec.trunk, weights, cache.spec.tap).tail.to(device).to(memory_format=torch.channels_last)
    maps = _run(tail, cache, device, cache.spec.precision)
    return np.concatenate([POOLS[pool].of(part.float()).numpy() for part in maps])


@torch.inference_mode()
def _run(part: nn.Module, cache: Cache, device: torch.device, precision: str) -> Iterator[Tensor]:
    """What a part of the tail makes of the cache, chunk by chunk, in the type that the cache is stored in."""
    for chunk in cache.chunks():
        stored = torch.from_numpy(chunk)
        if isinstance(part, nn.Identity):
            yield stored
            continue
        maps = stored.to(device).float().contiguous(memory_format=torch.channels_last)
        with _arithmetic(device, precision):
            made = part(maps)
        yield made.to(stored.dtype).cpu()


def _mapped(parts: Iterator[Tensor], folder: Path) -> Tensor:
    """Maps (N, rows, columns, channels) in a file without a name, of which the system keeps in memory what it can."""
    count = 0
    with tempfile.TemporaryFile(dir=folder) as stream:
        try:
            for part in parts:
                values = part.permute(0, 2, 3, 1).contiguous().numpy()
                stream.write(values.data)
                count += len(values)
            stream.flush()
        except OSError as error:
            raise unwritable(folder, error) from error
        return torch.from_numpy(np.memmap(stream, values.dtype, "r+", shape=(count, *values.shape[1:])))


def _arithmetic(device: torch.device, precision: str) -> torch.autocast:
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")


def train_tails(
    stacks: Stacks, labels: ArrayLike, parts: ArrayLike, heads: Sequence[HeadSpec], classes: int = 2
) -> Work[Trained]:
    """Train heads, one after another, each with a tail of its own that starts as the trunk's.

    All else is as in `mammo.heads.train.train_bank`: labels, parts, order of batches, initial weights, dropout, early
    stopping, what is yielded and returned. Each head's `weights` hold what learnt of its tail too, as "tail." and the
    tensor's name.
    """
    truth, part = np.asarray(labels), np.asarray(parts)
    check_classes(truth[part == TRAIN], truth[part == VALIDATION], heads, classes)
    images = _Images.of(truth, part, stacks.device, classes)
    trained, before = Trained.begin(heads, len(truth)), 0
    for row, head in enumerate(heads):
        for epoch in _train(_Learner(stacks, head, classes, len(images.train)), images, row, trained):
            live = {"validation_auc": trained.latest(), "epochs": trained.epochs.tolist()}
            yield Progress("train", before + epoch, sum(one.epochs for one in heads), "epochs", live)
        before += head.epochs
    return trained


@dataclass(frozen=True)
class _Images:
    """Classes from 0 (N,), and the rows that train and validate."""

    labels: Tensor
    train: Tensor
    validation: Tensor
    classes: int

    @classmethod
    def of(cls, labels: NDArray[np.int64], parts: NDArray[np.int8], device: torch.device, classes: int) -> _Images:
        train, validation = (
            torch.from_numpy(np.flatnonzero(parts == which)).to(device) for which in (TRAIN, VALIDATION)
        )
        return cls(torch.from_numpy(labels.astype(np.int64)).to(device), train, validation, classes)


def _train(learner: _Learner, images: _Images, row: int, trained: Trained) -> Iterator[int]:
    """Train one head and its tail and fill in their row of `trained`; yields the number of each epoch."""
    head, best, kept = learner.head, -math.inf, learner.state()
    held_labels, malignant = images.labels[images.validation], images.classes - 1
    for epoch in range(1, head.epochs + 1):
        seen, seen_labels = learner.epoch(images, epoch)
        scores = learner.scores(images.validation)[None]
        area = float(auc((held_labels == malignant).cpu().numpy(), log_odds(scores).cpu().numpy())[0])
        fits = *fit(seen[None], seen_labels, images.classes), *fit(scores, held_labels, images.classes)
        trained.history[row, epoch - 1] = [*(float(figure) for figure in fits), area]
        trained.epochs[row] = epoch
        area = -1.0 if math.isnan(area) else area
        if area > best or not head.patience:
            best, kept, trained.best_epoch[row] = area, learner.state(), epoch
        yield epoch
        if head.patience and epoch - trained.best_epoch[row] >= head.patience:
            break
    learner.restore(kept)
    everything = torch.arange(len(images.labels), device=images.labels.device)
    trained.logits[row] = log_odds(learner.scores(everything)[None])[0].cpu().numpy()
    if images.classes == 2:
        kept |= {name: kept[name][0] for name in ("weight", "bias")}
    trained.weights[row].update({name: value.cpu().contiguous().numpy() for name, value in kept.items()})


class _Learner:
    """One head and its tail while they learn, by the update that all optimisers share."""

    def __init__(self, stacks: Stacks, head: HeadSpec, classes: int, images: int) -> None:
        self.stacks, self.head, self.steps = stacks, head, 0
        self.tail, self.pool = copy.deepcopy(stacks.tail), POOLS[head.pool]
        with torch.inference_mode():
            length = self._vectors(torch.zeros(1, dtype=torch.long)).shape[1]
        start = initial_weights(head, length, classes)
        self.weights = {name: value.to(stacks.device).requires_grad_() for name, value in start.items()}
        layers = {f"tail.{name}": value for name, value in self.tail.named_parameters() if value.requires_grad}
        self.rates = dict.fromkeys(self.weights, head.lr) | dict.fromkeys(layers, head.tail_lr)
        self.learning = {**self.weights, **layers}
        self.moments = {name: (torch.zeros_like(one), torch.zeros_like(one)) for name, one in self.learning.items()}
        self.coefficients = OPTIMIZERS[head.optimizer].coefficients(head.epochs * -(-images // head.batch))

    def state(self) -> dict[str, Tensor]:
        """A copy of all that learns."""
        return {name: value.detach().clone() for name, value in self.learning.items()}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Take back an earlier `state`."""
        for name, value in self.learning.items():
            value.detach().copy_(state[name])

    @torch.inference_mode()
    def scores(self, rows: Tensor) -> Tensor:
        """The outputs (C, N) for some images."""
        parts = [self._outputs(part) for part in torch.split(rows, SCORED)]
        return torch.cat(parts, dim=1) if len(rows) else self._outputs(rows.new_zeros(1))[:, :0]

    def epoch(self, images: _Images, number: int) -> tuple[Tensor, Tensor]:
        """Train one epoch, batches as a bank draws them.

        Returns the outputs (C, rows) that each batch had before its update, and the labels in that order.
        """
        source = generator(self.head.seed, "epoch", number)
        order = images.train[torch.randperm(len(images.train), generator=source).to(self.stacks.device)]
        seen = []
        for batch in torch.split(order, self.head.batch):
            scores = self._outputs(batch, source)
            loss(scores[None], images.labels[batch]).mean().backward()  # type: ignore[no-untyped-call]
            self._update()
            seen.append(scores.detach())
        return torch.cat(seen, dim=1), images.labels[order]

    def _vectors(self, rows: Tensor) -> Tensor:
        with _arithmetic(self.stacks.device, self.stacks.precision):
            maps = self.tail(self.stacks.take(rows))
        vectors: Tensor = self.pool.of(maps.float())
        return vectors

    def _outputs(self, rows: Tensor, source: torch.Generator | None = None) -> Tensor:
        """The outputs (C, B) for some images, with dropout where it has a source of chance."""
        inputs, weights, dropout = self._vectors(rows), self.weights, self.head.dropout
        if self.head.hidden:
            inputs = linear(inputs, weights["hidden.weight"], weights["hidden.bias"]).relu()
        if source is not None and dropout:
            shape = inputs.T.shape if self.head.hidden else inputs.shape
            keep = (torch.rand(shape, generator=source).to(inputs.device) >= dropout) / (1 - dropout)
            inputs = inputs * (keep.T if self.head.hidden else keep)
        return linear(inputs, weights["weight"], weights["bias"]).T

    @torch.no_grad()
    def _update(self) -> None:
        """One step of the formula of `optimizers.Optimizer`, numerator and divisor multiplied by sqrt(1-β2ᵗ)."""
        of_mean, of_gradient = self.coefficients[self.steps].tolist()
        self.steps += 1
        correction = math.sqrt(1 - BETA2**self.steps)
        for name, value in self.learning.items():
            (mean, square), gradient = self.moments[name], value.grad
            assert gradient is not None
            mean.lerp_(gradient, 1 - BETA1)
            square.mul_(BETA2).addcmul_(gradient, gradient, value=1 - BETA2)
            divisor = square.sqrt().add_(EPSILON * correction)
            direction = gradient.mul_(of_gradient).add_(mean, alpha=of_mean)
            value.addcdiv_(direction, divisor, value=-self.rates[name] * correction)
            value.grad = None
