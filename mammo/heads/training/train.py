"""Training: every head on every split at once, epoch by epoch, and the scores of what is kept."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from operator import methodcaller
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from mammo.data.splits.protocols import ANOTHER_SPLIT, TRAIN, VALIDATION
from mammo.errors import MammoError
from mammo.heads.bank.plan import WIDE, plan_banks, waves
from mammo.heads.bank.threads import ThreadPool
from mammo.heads.grid import check_names
from mammo.heads.outputs import outputs_for
from mammo.heads.training.bank_trainer import BankTrainer, Images
from mammo.heads.training.batches import WINDOW, Block, blocks
from mammo.heads.training.loader import Loader, open_loader
from mammo.heads.training.task import Task
from mammo.heads.training.trained import Trained
from mammo.heads.training.vectors import Source
from mammo.processes.parallel import cores
from mammo.progress import Progress, Work

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mammo.specs import HeadSpec


@dataclass(frozen=True)
class Resources:
    """What training may use: bytes for features (None: half of what is free), threads, images shuffled together."""

    memory: int | None = None
    threads: int | None = None
    window: int = WINDOW


def train_bank(
    vectors: Source | ArrayLike,
    labels: ArrayLike,
    parts: ArrayLike,
    heads: Sequence[HeadSpec],
    device: str | None = None,
    classes: int = 2,
) -> Work[Trained]:
    """As `train_splits`, on one split; `vectors` (N, F) or where to read them."""
    source = vectors if isinstance(vectors, Source) else Source.of(vectors)
    task = Task(np.asarray(labels), np.asarray(parts), classes)
    (trained,) = yield from train_splits(source, [task], heads, device)
    return trained


def train_splits(
    source: Source,
    tasks: Sequence[Task],
    heads: Sequence[HeadSpec],
    device: str | None = None,
    resources: Resources = Resources(),
) -> Work[list[Trained]]:
    """Train every head on the images of part TRAIN of every task, stop it early on VALIDATION; the rest is only scored.

    `device` is CUDA where there is one, unless named. Yields a `Progress` an epoch whose `live` holds, task by task and
    head by head, the `epochs` so far and latest `validation_auc` (None before the first epoch or where undefined).
    Raises MammoError where the input cannot train these heads.
    """
    chosen = training_device(device)
    images = [_images(source, task, heads, chosen) for task in tasks]
    held_out = np.unique(np.concatenate([result.validation for result in images]))
    loader = open_loader(source, chosen, resources.memory, held_out, resources.window)
    trained = [Trained.begin(heads, source.images) for _ in tasks]
    threads = resources.threads or min(cores(), torch.get_num_threads())
    thread_pool = ThreadPool(threads if chosen.type == "cpu" else 1)
    outputs = [outputs_for(task.classes) for task in tasks]
    planned = waves(plan_banks(heads, outputs, source.length, threads if chosen.type == "cpu" else None))
    lengths = [max(heads[row].epochs for bank in banks for row in bank.heads) for banks in planned]
    try:
        for number, banks in enumerate(planned):
            trainers = [
                BankTrainer(heads, bank.heads, [(images[split], trained[split]) for split in bank.splits], source)
                for bank in banks
            ]
            for epoch in _run(trainers, source, loader, thread_pool, held_out, resources.window):
                live: dict[str, Any] = {"validation_auc": [area for result in trained for area in result.latest()]}
                live["epochs"] = [count for result in trained for count in result.epochs.tolist()]
                yield Progress("train", sum(lengths[:number]) + epoch, sum(lengths), "epochs", live)
    finally:
        loader.close()
        thread_pool.close()
    return trained


def _run(
    trainers: Sequence[BankTrainer],
    source: Source,
    loader: Loader,
    thread_pool: ThreadPool,
    held_out: NDArray[np.int64],
    window: int,
) -> Iterator[int]:
    """Take courses to their ends; yields the number of each epoch."""
    for epoch in itertools.count(1):
        going = [trainer for trainer in trainers if trainer.goes_on]
        if not going:
            break
        with thread_pool.single_threaded_torch():
            for trainer in going:
                trainer.begin(epoch)
            for first in sorted({trainer.first_draws for trainer in going}):
                alike = [trainer for trainer in going if trainer.first_draws == first]
                planned = _blocks(source, epoch, first, window)
                for block, vectors, rows in loader.blocks(planned):
                    _together(thread_pool, methodcaller("learn", block, vectors, rows), alike)
            loader.expect(_blocks(source, epoch + 1, going[0].first_draws, window)[0])
            for images, vectors in loader.images(0, held_out):
                thread_pool.each(methodcaller("look", images, vectors), going)
            thread_pool.each(methodcaller("end", epoch), going)
        yield epoch
    everything = np.arange(source.images)
    with thread_pool.single_threaded_torch():
        for version in range(max(trainer.versions.max() for trainer in trainers)):
            scored = [trainer for trainer in trainers if trainer.versions.max() > version]
            for images, vectors in loader.images(version, everything):
                thread_pool.each(methodcaller("score", images, vectors, version), scored)
    for trainer in trainers:
        trainer.hand_over()


def _blocks(source: Source, epoch: int, first_draws: int, window: int) -> list[Block]:
    return blocks(source.images, source.training(epoch, first_draws), epoch, window)


def _together(thread_pool: ThreadPool, work: Callable[[BankTrainer], None], trainers: Sequence[BankTrainer]) -> None:
    """One course a core; the last, where they are fewer than cores and long, one after another on all cores."""
    count = len(trainers) - len(trainers) % thread_pool.threads
    wide = [trainer for trainer in trainers[count:] if trainer.bank.numbers >= WIDE and trainer.bank.height > 1]
    thread_pool.each(work, [trainer for trainer in trainers if trainer not in wide])
    for trainer in wide:
        trainer.bank.thread_pool = thread_pool
        work(trainer)
        trainer.bank.thread_pool = None


def training_device(name: str | None) -> torch.device:
    """The device `name`, or CUDA where there is one; raises MammoError where heads do not train on it."""
    cuda = torch.cuda.is_available()
    chosen = name or ("cuda" if cuda else "cpu")
    if not re.fullmatch(r"cpu|cuda(:\d+)?", chosen):
        raise MammoError(f"Heads do not train on a device {chosen!r}; choose cpu or cuda.")
    if chosen != "cpu" and not cuda:
        raise MammoError("There is no CUDA device that torch can use; choose the device cpu.")
    return torch.device(chosen)


def _images(source: Source, task: Task, heads: Sequence[HeadSpec], device: torch.device) -> Images:
    """Check what was given and move it to the device; raises MammoError where it cannot train the heads."""
    labels, parts, classes = task.labels, task.parts, task.classes
    if not source.length or not labels.shape == parts.shape == (source.images,):
        shapes = f"{(source.images, source.length)}, {labels.shape} and {parts.shape}"
        raise MammoError(f"Heads need vectors (N, F), labels (N,) and parts (N,), not arrays of shapes {shapes}.")
    if not np.isin(labels, range(classes)).all():
        labels_words = "0 (benign) or 1 (malignant)" if classes == 2 else f"0 to {classes - 1}, the last for malignant"
        raise MammoError(f"Labels must be {labels_words}.")
    check_classes(labels[parts == TRAIN], labels[parts == VALIDATION], heads, classes)
    stacked = torch.from_numpy(labels.astype(np.int64)).to(device)
    return Images(stacked, parts == TRAIN, np.flatnonzero(parts == VALIDATION), classes)


def check_classes(train: NDArray[Any], validation: NDArray[Any], heads: Sequence[HeadSpec], classes: int) -> None:
    """Raise MammoError where labels of train and validation, or names of pools and the like, cannot train heads."""
    if not heads:
        raise MammoError("There are no heads to train; name at least one.")
    for head in heads:
        check_names(head)
    if len(np.unique(train)) < classes:
        which = "both" if classes == 2 else f"all {classes}"
        raise MammoError(f"The {len(train)} training images are not of {which} classes; {ANOTHER_SPLIT}.")
    if len(np.unique(validation == classes - 1)) < 2 and any(head.patience for head in heads):
        raise MammoError(
            f"The {len(validation)} validation images are not of both classes, so there is no AUC to stop training by; "
            f"{ANOTHER_SPLIT}, or set patience to 0."
        )
