"""Training: epochs over banks of heads, early stopping, and the scores of what is kept."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from mammo.data.splits import TRAIN, VALIDATION
from mammo.errors import MammoError
from mammo.heads.bank import Bank, group_heads, outputs
from mammo.heads.grid import check_names
from mammo.heads.outputs import log_odds, loss
from mammo.heads.source import Source
from mammo.progress import Progress, Work
from mammo.results.metrics import auc

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mammo.specs import HeadSpec

Floats = NDArray[np.float32]

HISTORY = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy", "validation_auc")
"""What `Trained.history` holds of an epoch.

The train figures are running means during the epoch, over each batch before its update and with dropout, as Keras
reports them; the validation figures are taken after the epoch.
"""


@dataclass(frozen=True)
class Trained:
    """Trained heads, in the order in which they were asked for.

    `logits` float32 (heads, N) of all images from the weights kept: the log-odds of malignant against the rest.
    `history` float32 (heads, epochs, len(HISTORY)), NaN after a head stopped; `epochs` int (heads,) trained and
    `best_epoch` int (heads,) after which the kept weights were taken, both counted from 1. `weights` holds a head's
    "weight" (F,) and "bias" (); a hidden head's "hidden.weight" (hidden, F), "hidden.bias" (hidden,), "weight"
    (hidden,) and "bias" (). A head of K > 2 classes has K rows in "weight" and K numbers in "bias".
    """

    logits: Floats
    history: Floats
    best_epoch: NDArray[np.int64]
    epochs: NDArray[np.int64]
    weights: list[dict[str, Floats]]


@dataclass(frozen=True)
class _Images:
    """The images on the device: plain vectors (N, F), classes from 0 (N,), and the rows that train and validate."""

    source: Source
    vectors: Tensor
    labels: Tensor
    train: Tensor
    validation: Tensor
    classes: int

    def training(self, epoch: int, first: int) -> tuple[Tensor, Tensor, Tensor]:
        """Vectors, labels, and the rows of them that train in an epoch, of the `first` draws alone unless 0."""
        versions = self.source.training(epoch, first)
        if versions == range(1):
            return self.vectors, self.labels, self.train
        drawn = [_finite(self.source.read(version)[self.train.cpu()], self.vectors.device) for version in versions]
        labels = self.labels[self.train].repeat(len(versions))
        return torch.cat(drawn), labels, torch.arange(len(labels), device=labels.device)


def train_bank(
    vectors: Source | ArrayLike,
    labels: ArrayLike,
    parts: ArrayLike,
    heads: Sequence[HeadSpec],
    device: str | None = None,
    classes: int = 2,
) -> Work[Trained]:
    """Train heads on images of part TRAIN, stop them early on VALIDATION; the rest is only scored.

    `vectors` (N, F) finite or where to read them, `labels` from 0 to `classes` - 1 (N,), the last of them malignant,
    `parts` (N,) of `mammo.data.splits`; `device` is CUDA where there is one, unless named. Two classes are learnt by
    one logit, more by a softmax; accuracy and AUC are of malignant against the rest. Yields a `Progress` an epoch
    whose `live` holds each head's `epochs` so far and latest `validation_auc` (None before its first epoch or where
    undefined). Raises MammoError where the input cannot train these heads.
    """
    source = vectors if isinstance(vectors, Source) else Source.of(vectors)
    images = _images(source, labels, parts, heads, training_device(device), classes)
    groups = group_heads(heads, images.vectors.shape[1], classes)
    longest = [max(heads[row].epochs for row in rows) for rows in groups]
    trained = untrained(heads, len(images.vectors))
    for group, rows in enumerate(groups):
        for epoch in _train(images, heads, rows, trained):
            done = sum(longest[:group]) + epoch
            live = {"validation_auc": latest(trained), "epochs": trained.epochs.tolist()}
            yield Progress("train", done, sum(longest), "epochs", live)
    return trained


def _train(images: _Images, heads: Sequence[HeadSpec], rows: list[int], trained: Trained) -> Iterator[int]:
    """Train the bank of heads at `rows` and fill in their places in `trained`; yields the number of each epoch."""
    bank = Bank([heads[row] for row in rows], images.vectors.shape[1], images.vectors.device, images.classes)
    kept = {name: value.clone() for name, value in bank.weights.items()}
    held_out, held_labels = images.vectors[images.validation], images.labels[images.validation]
    running, best = np.asarray(rows), np.full(len(heads), -np.inf)
    patience, epochs = (np.array([getattr(head, name) for head in heads]) for name in ("patience", "epochs"))
    place = {row: number for number, row in enumerate(rows)}
    for epoch in itertools.count(1):
        seen, seen_labels = bank.epoch(*images.training(epoch, bank.heads[0].first_draws), epoch)
        scores = bank.scores(held_out)
        area = auc((held_labels == images.classes - 1).cpu().numpy(), log_odds(scores).cpu().numpy())
        fits = *fit(seen, seen_labels, images.classes), *fit(scores, held_labels, images.classes)
        figures = torch.stack(fits, dim=1).cpu().numpy()
        trained.history[running, epoch - 1] = np.column_stack([figures, area])
        trained.epochs[running] = epoch

        area = np.nan_to_num(area, nan=-1.0)
        better = (area > best[running]) | (patience[running] == 0)
        best[running[better]] = area[better]
        trained.best_epoch[running[better]] = epoch
        for name, value in kept.items():
            value[[place[row] for row in running[better]]] = bank.weights[name][: len(running)][better]
        yield epoch

        waited = epoch - trained.best_epoch[running]
        going = (epoch < epochs[running]) & ((waited < patience[running]) | (patience[running] == 0))
        if not going.any():
            break
        if not going.all():
            bank.keep(np.flatnonzero(going).tolist())
            running = running[going]
    trained.logits[rows] = log_odds(outputs(kept, images.vectors))[: len(rows)].cpu().numpy()
    if images.classes == 2:
        kept |= {name: kept[name][:, 0] for name in ("weight", "bias")}
    for row in rows:
        trained.weights[row].update({name: value[place[row]].cpu().numpy() for name, value in kept.items()})


def fit(scores: Tensor, labels: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    """Mean cross-entropy, and accuracy of malignant against the rest, (H,) of outputs (H, C, N) on labels (N,)."""
    right = (log_odds(scores) > 0) == (labels == classes - 1)
    return loss(scores, labels).mean(1), right.float().mean(1)


def untrained(heads: Sequence[HeadSpec], images: int) -> Trained:
    """The places of what training will tell of heads on so many images."""
    count = len(heads)
    return Trained(
        logits=np.full((count, images), np.nan, np.float32),
        history=np.full((count, max(head.epochs for head in heads), len(HISTORY)), np.nan, np.float32),
        best_epoch=np.zeros(count, np.int64),
        epochs=np.zeros(count, np.int64),
        weights=[{} for _ in heads],
    )


def latest(trained: Trained) -> list[float | None]:
    """Each head's validation AUC after its last epoch so far."""
    areas = [
        float(areas[epochs - 1]) if epochs else np.nan
        for areas, epochs in zip(trained.history[:, :, -1], trained.epochs, strict=True)
    ]
    return [None if np.isnan(area) else area for area in areas]


def training_device(name: str | None) -> torch.device:
    """The device `name`, or CUDA where there is one; raises MammoError where heads do not train on it."""
    cuda = torch.cuda.is_available()
    chosen = name or ("cuda" if cuda else "cpu")
    if not re.fullmatch(r"cpu|cuda(:\d+)?", chosen):
        raise MammoError(f"Heads do not train on a device {chosen!r}; choose cpu or cuda.")
    if chosen != "cpu" and not cuda:
        raise MammoError("There is no CUDA device that torch can use; choose the device cpu.")
    return torch.device(chosen)


def _images(
    source: Source,
    labels: ArrayLike,
    parts: ArrayLike,
    heads: Sequence[HeadSpec],
    device: torch.device,
    classes: int,
) -> _Images:
    """Check what was given and move it to the device; raises MammoError where it cannot train the heads."""
    truth, part = np.asarray(labels), np.asarray(parts)
    if not source.length or not truth.shape == part.shape == (source.images,):
        shapes = f"{(source.images, source.length)}, {truth.shape} and {part.shape}"
        raise MammoError(f"Heads need vectors (N, F), labels (N,) and parts (N,), not arrays of shapes {shapes}.")
    if not np.isin(truth, range(classes)).all():
        known = "0 (benign) or 1 (malignant)" if classes == 2 else f"0 to {classes - 1}, the last for malignant"
        raise MammoError(f"Labels must be {known}.")
    plain = _finite(source.read(0), device)
    check_classes(truth[part == TRAIN], truth[part == VALIDATION], heads, classes)
    train, validation = (torch.from_numpy(np.flatnonzero(part == which)).to(device) for which in (TRAIN, VALIDATION))
    return _Images(source, plain, torch.from_numpy(truth.astype(np.int64)).to(device), train, validation, classes)


def _finite(vectors: NDArray[Any], device: torch.device) -> Tensor:
    """Vectors as float32 on the device; raises MammoError where one is not finite."""
    values = torch.from_numpy(np.require(vectors, np.float32, ["C", "W"])).to(device)
    if not values.sum().isfinite():
        raise MammoError("The features hold numbers that are not finite; check the cache with `mammo verify`.")
    return values


def check_classes(train: NDArray[Any], validation: NDArray[Any], heads: Sequence[HeadSpec], classes: int) -> None:
    """Raise MammoError where labels of train and validation, or names of pools and the like, cannot train heads."""
    if not heads:
        raise MammoError("There are no heads to train; name at least one.")
    for head in heads:
        check_names(head)
    if len(np.unique(train)) < classes:
        which = "both" if classes == 2 else f"all {classes}"
        raise MammoError(
            f"The {len(train)} training images are not of {which} classes; choose another split or more images."
        )
    if len(np.unique(validation == classes - 1)) < 2 and any(head.patience for head in heads):
        raise MammoError(
            f"The {len(validation)} validation images are not of both classes, so there is no AUC to stop training by; "
            "choose another split or set patience to 0."
        )
