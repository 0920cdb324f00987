"""Measure what training costs on this machine: time short trainings of many shapes, and fit prices to the times."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from mammo.data.splits.protocols import TEST, TRAIN, VALIDATION
from mammo.estimates.prices import Prices
from mammo.estimates.trunk_prices import run_seconds, store
from mammo.estimates.work import PRICES, Amounts, SplitSizes, Training
from mammo.features.trunks.locate import locate
from mammo.features.trunks.networks import build, split_tail
from mammo.features.trunks.table import find_trunk
from mammo.heads.bank.plan import SHORT_VECTOR
from mammo.heads.finetune import TUNED, layers_of
from mammo.heads.pools import POOLS
from mammo.heads.probes.gram import Rows, gram
from mammo.heads.probes.probe import train_probe
from mammo.heads.tails.frozen_activations import FrozenActivations
from mammo.heads.tails.tail import train_tails
from mammo.heads.training.task import Task
from mammo.heads.training.train import train_splits, training_device
from mammo.heads.training.vectors import Source
from mammo.progress import finish
from mammo.specs import PROBE, STRENGTHS, CacheSpec, HeadSpec, Home
from mammo.storage.atomic_files import atomic_file

REPEATS = 3
"""How often everything is timed; the median is used."""


def _training(
    heads: int,
    hidden: int,
    length: int,
    counts: SplitSizes,
    batch: int = 32,
    epochs: int = 1,
    splits: int = 1,
    dropout: float = 0.0,
) -> Training:
    """Return a training of heads, half with Adam and half with NAdam, that all train to the last epoch."""
    template = HeadSpec("gap", hidden, dropout, batch=batch, epochs=epochs)
    optimizers = [("adam", "nadam")[number % 2] for number in range(heads)]
    head_specs = [replace(template, optimizer=name, lr=1e-5 * (1 + number)) for number, name in enumerate(optimizers)]
    return Training(head_specs, length, [1] * splits, [counts] * splits)


TRAININGS = (
    _training(8, 0, 256, SplitSizes(32, 16, 48), epochs=60),
    _training(1, 0, 512, SplitSizes(3200, 16, 3216), epochs=2),
    _training(8, 0, 512, SplitSizes(3200, 16, 3216), epochs=2),
    _training(64, 0, 512, SplitSizes(3200, 16, 3216), epochs=2),
    _training(64, 0, 512, SplitSizes(64, 512, 800), epochs=20),
    _training(256, 0, 512, SplitSizes(640, 128, 1000), epochs=2),
    _training(64, 0, 512, SplitSizes(640, 64, 900), splits=5),
    _training(64, 0, 512, SplitSizes(1600, 16, 1616), dropout=0.5),
    _training(64, 0, 2048, SplitSizes(1600, 200, 2000), epochs=2),
    _training(64, 0, 2048, SplitSizes(1600, 16, 1616), batch=128),
    _training(1, 0, 25088, SplitSizes(960, 64, 1100)),
    _training(16, 0, 25088, SplitSizes(480, 64, 600), epochs=2),
    _training(64, 0, 25088, SplitSizes(480, 16, 512), epochs=2),
    _training(24, 0, 100352, SplitSizes(160, 16, 192)),
    _training(80, 0, 100352, SplitSizes(160, 16, 192), epochs=2),
    _training(4, 128, 512, SplitSizes(1600, 64, 2000)),
    _training(1, 32, 2048, SplitSizes(1600, 64, 2000), epochs=2),
    _training(16, 128, 512, SplitSizes(640, 64, 1000)),
    _training(1, 128, 25088, SplitSizes(320, 64, 512)),
    _training(2, 128, 25088, SplitSizes(320, 64, 512)),
)
"""The trainings that are timed: every price is a large part of the time of some of them."""
BATCH = 32
"""Images in a batch of a trained tail."""
PROBE_IMAGES, PROBE_LENGTH = 400, 4096
"""The number of images that a probe is solved on, and the length of their vectors."""
IMAGES_READ = 256
"""The number of images that are read from a cache to time reading."""
NUMBERS_STORED = 4 * 2**20
"""The number of weights that are written to time storing."""


def head_prices(folder: Path, device: str | None = None) -> Prices:
    """Measure the prices of `mammo.estimates.work.PRICES` on this machine; `folder` is on the disk that is timed."""
    numbers = _numbers(max(training.counts[0].images * training.length for training in TRAININGS))
    halves = numbers.astype(np.float16)
    times = [
        [run_seconds(partial(_train, training, numbers, halves, device)) for training in TRAININGS]
        for _ in range(REPEATS)
    ]
    prices = fit_prices([training.amounts() for training in TRAININGS], np.median(times, axis=0))
    return {**prices, **_probe_prices(numbers, device), **_disk_prices(folder)}


def fit_prices(amounts: Sequence[Amounts], seconds: NDArray[np.float64]) -> Prices:
    """Return the prices that explain the times of trainings best: non-negative least squares of the relative errors."""
    from scipy.optimize import nnls

    names = [name for name in PRICES if any(work.get(name) for work in amounts)]
    table = np.array([[work.get(name, 0) for name in names] for work in amounts]) / seconds[:, None]
    scale = table.max(axis=0)
    prices, _ = nnls(table / scale, np.ones(len(amounts)))
    return {name: float(price) for name, price in zip(names, prices / scale, strict=True)}


def _train(training: Training, numbers: NDArray[np.float32], halves: NDArray[np.float16], device: str | None) -> None:
    count, length = training.counts[0], training.length
    vectors = (halves if length > SHORT_VECTOR else numbers)[: count.images * length].reshape(count.images, length)
    parts = np.full(count.images, TEST, np.int8)
    parts[: count.train] = TRAIN
    parts[count.train : count.train + count.validation] = VALIDATION
    tasks = [Task(np.arange(count.images) % 2, parts)] * len(training.counts)
    finish(train_splits(Source.of(vectors), tasks, training.heads, device))


def _probe_prices(numbers: NDArray[np.float32], device: str | None) -> Prices:
    """Measure the prices of the dot products of images, and of the path of a probe over them."""
    rows = Rows.held(numbers[: PROBE_IMAGES * PROBE_LENGTH].reshape(PROBE_IMAGES, PROBE_LENGTH))
    products = gram(rows, training_device(device))
    crossed = _median(lambda: gram(rows, training_device(device)))
    labels, parts = np.arange(PROBE_IMAGES) % 2, np.full(PROBE_IMAGES, TRAIN, np.int8)
    parts[-2:] = VALIDATION
    path = _median(lambda: finish(train_probe(products, labels, parts, [HeadSpec(optimizer=PROBE)])))
    return {"crossed": crossed / PROBE_IMAGES**2 / PROBE_LENGTH, "factored": path / len(STRENGTHS) / PROBE_IMAGES**3}


def _numbers(count: int) -> NDArray[np.float32]:
    """Return `count` random numbers that look like the output of a ReLU."""
    numbers = np.random.default_rng(0).standard_normal(count, np.float32)
    return np.maximum(numbers, 0, out=numbers)


def _median(work: Callable[[], object]) -> float:
    return float(np.median([run_seconds(work) for _ in range(REPEATS)]))


def _disk_prices(folder: Path) -> Prices:
    """Measure the prices of writing a unit's file, of writing a number in it, and of reading a number of a cache."""
    numbers = np.ones(NUMBERS_STORED, np.float32)
    maps = _numbers(IMAGES_READ * 512 * 7 * 7).reshape(IMAGES_READ, 512, 7, 7).astype(np.float16)
    with tempfile.TemporaryDirectory(dir=folder) as name:
        scratch = Path(name)

        def write(count: int) -> None:
            with atomic_file(scratch / "unit") as stream:
                stream.write(numbers[:count].tobytes())

        small, large = (_median(partial(write, count)) for count in (1, NUMBERS_STORED))
        cache = store(
            Home(scratch), CacheSpec("any", "vgg16", "random-0", precision="bfloat16"), maps, maps.mean((2, 3))
        )
        reading = _median(lambda: POOLS["flatten"].vectors(cache, 0))
    written = 2 * max(large - small, 0) / NUMBERS_STORED  # a unit's file, and the sweep's own
    return {"unit": 2 * small, "stored": written, "loaded": reading / maps.size}


def tail_prices(trunk: str, finetune: str, precision: str, size: int, device: str | None = None) -> Prices:
    """Measure the prices of one image in a trunk's tail on this machine.

    "prepared" is the frozen part, run once; "scored" the forward pass of the trained part; "trained" its forward and
    backward pass and update, in batches of `BATCH`. Where nothing is trained, "scored" is the whole tail.
    """
    target_device = training_device(device)
    tail = build(trunk, locate(trunk, "random-0"), TUNED).tail
    learning = layers_of(trunk, finetune) if finetune != "none" else ()
    frozen, trainable = (
        part.to(target_device).to(memory_format=torch.channels_last) for part in split_tail(tail, learning)
    )
    maps = torch.rand(BATCH, *find_trunk(trunk).map_shape(TUNED, size)).to(target_device)
    maps = maps.contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        stack = frozen(maps)
        prepared = _forward_seconds(frozen, maps, precision) / BATCH
    if not learning:
        with torch.inference_mode():
            return {"scored": _forward_seconds(trainable, stack, precision) / BATCH}
    values = stack.permute(0, 2, 3, 1).contiguous().cpu()
    activations = FrozenActivations(len(values), lambda _: values, trainable, target_device, precision)
    train_mostly, score_mostly = _epoch_seconds(activations, 2 * BATCH, 2), _epoch_seconds(activations, 2, 2 * BATCH)
    trained, scored = np.linalg.solve([[2 * BATCH, 2], [2, 2 * BATCH]], [train_mostly, score_mostly])
    return {"prepared": prepared, "trained": max(trained, 0.0), "scored": max(scored, 0.0)}


def _forward_seconds(part: torch.nn.Module, maps: torch.Tensor, precision: str) -> float:
    """Return the seconds that a part of a network takes for some maps, after a first run."""

    def run() -> None:
        with torch.autocast(maps.device.type, torch.bfloat16, enabled=precision == "bfloat16"):
            part(maps).sum().item()

    run()
    return _median(run)


def _epoch_seconds(activations: FrozenActivations, train: int, validation: int) -> float:
    """Return the seconds of an epoch of one head and its tail on so many images, after a first epoch."""
    rows = torch.arange(train + validation) % activations.images
    parts = np.repeat(np.array([TRAIN, VALIDATION], np.int8), [train, validation])
    several = replace(activations, images=len(rows), make=lambda version: activations.make(version)[rows], made={})
    head = HeadSpec("gap", batch=BATCH, epochs=REPEATS + 1, finetune="last-layer")
    training = train_tails(several, np.arange(len(rows)) % 2, parts, [head])
    next(training)
    return _median(lambda: next(training))
