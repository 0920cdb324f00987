"""What training costs on this machine: short trainings of every shape, and the prices that explain their times."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from mammo.data.splits.protocols import TEST, TRAIN, VALIDATION
from mammo.estimates.prices import Prices
from mammo.estimates.trunk_prices import store
from mammo.estimates.work import PRICES, Amounts, Counts, Training
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

ROUNDS = 3
"""How often everything is timed; the median counts."""


def _training(
    heads: int,
    hidden: int,
    length: int,
    counts: Counts,
    batch: int = 32,
    epochs: int = 1,
    splits: int = 1,
    dropout: float = 0.0,
) -> Training:
    """Heads of half Adam, half NAdam, that all train to the last epoch."""
    one = HeadSpec("gap", hidden, dropout, batch=batch, epochs=epochs)
    optimizers = [("adam", "nadam")[number % 2] for number in range(heads)]
    made = [replace(one, optimizer=name, lr=1e-5 * (1 + number)) for number, name in enumerate(optimizers)]
    return Training(made, length, [1] * splits, [counts] * splits)


TRAININGS = (
    _training(8, 0, 256, Counts(32, 16, 48), epochs=60),
    _training(1, 0, 512, Counts(3200, 16, 3216), epochs=2),
    _training(8, 0, 512, Counts(3200, 16, 3216), epochs=2),
    _training(64, 0, 512, Counts(3200, 16, 3216), epochs=2),
    _training(64, 0, 512, Counts(64, 512, 800), epochs=20),
    _training(256, 0, 512, Counts(640, 128, 1000), epochs=2),
    _training(64, 0, 512, Counts(640, 64, 900), splits=5),
    _training(64, 0, 512, Counts(1600, 16, 1616), dropout=0.5),
    _training(64, 0, 2048, Counts(1600, 200, 2000), epochs=2),
    _training(64, 0, 2048, Counts(1600, 16, 1616), batch=128),
    _training(1, 0, 25088, Counts(960, 64, 1100)),
    _training(16, 0, 25088, Counts(480, 64, 600), epochs=2),
    _training(64, 0, 25088, Counts(480, 16, 512), epochs=2),
    _training(24, 0, 100352, Counts(160, 16, 192)),
    _training(80, 0, 100352, Counts(160, 16, 192), epochs=2),
    _training(4, 128, 512, Counts(1600, 64, 2000)),
    _training(1, 32, 2048, Counts(1600, 64, 2000), epochs=2),
    _training(16, 128, 512, Counts(640, 64, 1000)),
    _training(1, 128, 25088, Counts(320, 64, 512)),
    _training(2, 128, 25088, Counts(320, 64, 512)),
)
"""The trainings that are timed: every price weighs heavily in some of them."""
BATCH = 32
"""Images in a batch of a learning tail."""
PROBED, PROBED_LENGTH = 400, 4096
"""Images of so many numbers that a probe is solved on."""
READ = 256
"""Images that are read from a cache to time reading."""
STORED = 4 * 2**20
"""Numbers that are written to time storing."""


def head_prices(folder: Path, device: str | None = None) -> Prices:
    """The prices of `mammo.estimates.work.PRICES` on this machine; `folder` is on the disk that is timed."""
    numbers = _numbers(max(one.counts[0].images * one.length for one in TRAININGS))
    halves = numbers.astype(np.float16)
    rounds = [[_seconds(partial(_train, one, numbers, halves, device)) for one in TRAININGS] for _ in range(ROUNDS)]
    prices = explained([one.amounts() for one in TRAININGS], np.median(rounds, axis=0))
    return {**prices, **_probe_prices(numbers, device), **_disk_prices(folder)}


def explained(amounts: Sequence[Amounts], seconds: NDArray[np.float64]) -> Prices:
    """The prices, none below zero, that explain the times of trainings best: least squares of the relative errors."""
    from scipy.optimize import nnls

    names = [name for name in PRICES if any(one.get(name) for one in amounts)]
    table = np.array([[one.get(name, 0) for name in names] for one in amounts]) / seconds[:, None]
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
    """What dot products of images cost, and the path of a probe over them."""
    rows = Rows.held(numbers[: PROBED * PROBED_LENGTH].reshape(PROBED, PROBED_LENGTH))
    made = gram(rows, training_device(device))
    crossed = _median(lambda: gram(rows, training_device(device)))
    labels, parts = np.arange(PROBED) % 2, np.full(PROBED, TRAIN, np.int8)
    parts[-2:] = VALIDATION
    path = _median(lambda: finish(train_probe(made, labels, parts, [HeadSpec(optimizer=PROBE)])))
    return {"crossed": crossed / PROBED**2 / PROBED_LENGTH, "factored": path / len(STRENGTHS) / PROBED**3}


def _numbers(count: int) -> NDArray[np.float32]:
    """Numbers as a ReLU leaves them."""
    numbers = np.random.default_rng(0).standard_normal(count, np.float32)
    return np.maximum(numbers, 0, out=numbers)


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _median(work: Callable[[], object]) -> float:
    return float(np.median([_seconds(work) for _ in range(ROUNDS)]))


def _disk_prices(folder: Path) -> Prices:
    """What a unit's file and a number in it cost to write, and a number of a cache to read."""
    numbers = np.ones(STORED, np.float32)
    maps = _numbers(READ * 512 * 7 * 7).reshape(READ, 512, 7, 7).astype(np.float16)
    with tempfile.TemporaryDirectory(dir=folder) as name:
        place = Path(name)

        def write(count: int) -> None:
            with atomic_file(place / "unit") as stream:
                stream.write(numbers[:count].tobytes())

        small, large = (_median(partial(write, count)) for count in (1, STORED))
        cache = store(Home(place), CacheSpec("any", "vgg16", "random-0", precision="bfloat16"), maps, maps.mean((2, 3)))
        reading = _median(lambda: POOLS["flatten"].vectors(cache, 0))
    written = 2 * max(large - small, 0) / STORED  # a unit's file, and the sweep's own
    return {"unit": 2 * small, "stored": written, "loaded": reading / maps.size}


def tail_prices(trunk: str, finetune: str, precision: str, size: int, device: str | None = None) -> Prices:
    """What an image costs in a trunk's tail on this machine.

    "prepared": the part that is frozen, run once; "scored": the part that learns, forward; "trained": forward, back
    and its update in batches of `BATCH`. Where nothing learns, the whole tail is "scored".
    """
    place = training_device(device)
    tail = build(trunk, locate(trunk, "random-0"), TUNED).tail
    learning = layers_of(trunk, finetune) if finetune != "none" else ()
    first, rest = (part.to(place).to(memory_format=torch.channels_last) for part in split_tail(tail, learning))
    maps = torch.rand(BATCH, *find_trunk(trunk).map_shape(TUNED, size)).to(place)
    maps = maps.contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        stack = first(maps)
        prepared = _forward_seconds(first, maps, precision) / BATCH
    if not learning:
        with torch.inference_mode():
            return {"scored": _forward_seconds(rest, stack, precision) / BATCH}
    values = stack.permute(0, 2, 3, 1).contiguous().cpu()
    activations = FrozenActivations(len(values), lambda _: values, rest, place, precision)
    many, few = _epoch_seconds(activations, 2 * BATCH, 2), _epoch_seconds(activations, 2, 2 * BATCH)
    trained, scored = np.linalg.solve([[2 * BATCH, 2], [2, 2 * BATCH]], [many, few])
    return {"prepared": prepared, "trained": max(trained, 0.0), "scored": max(scored, 0.0)}


def _forward_seconds(part: torch.nn.Module, maps: torch.Tensor, precision: str) -> float:
    """How long a part of a network takes for some maps, once it is warm."""

    def run() -> None:
        with torch.autocast(maps.device.type, torch.bfloat16, enabled=precision == "bfloat16"):
            part(maps).sum().item()

    run()
    return _median(run)


def _epoch_seconds(activations: FrozenActivations, train: int, validation: int) -> float:
    """How long an epoch takes of one head and its tail on so many images, once both are warm."""
    rows = torch.arange(train + validation) % activations.images
    parts = np.repeat(np.array([TRAIN, VALIDATION], np.int8), [train, validation])
    several = replace(activations, images=len(rows), make=lambda version: activations.make(version)[rows], made={})
    head = HeadSpec("gap", batch=BATCH, epochs=ROUNDS + 1, finetune="last-layer")
    training = train_tails(several, np.arange(len(rows)) % 2, parts, [head])
    next(training)
    return _median(lambda: next(training))
