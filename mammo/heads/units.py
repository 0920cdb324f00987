"""The units of a sweep: the heads of one pool on one cache and split, trained together and kept in one file.

A head that is fine-tuned has a tail of its own to train, and is a unit of its own; so is a probe, which is solved.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mammo.features.weights import Weights
from mammo.files import whole_file
from mammo.heads.pools import POOLS
from mammo.heads.setting import Setting
from mammo.heads.source import Source, source_of
from mammo.progress import Progress, Work
from mammo.specs import PROBE, HeadSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mammo.heads.gram import Gram
    from mammo.heads.tail import Stacks
    from mammo.heads.train import Trained

    Inputs = Source | Stacks | Gram

UNITS = "units"
WATCHED = 240
"""The most heads whose curves are told while a sweep runs: the newest."""


@dataclass(frozen=True)
class Unit:
    """The smallest piece that a killed sweep keeps."""

    split: int
    cache: int
    heads: list[int]
    file: Path


@dataclass
class Curves:
    """The validation AUC by epoch of the heads trained so far, for those who watch."""

    names: list[str] = field(default_factory=list)
    history: list[list[float | None]] = field(default_factory=list)

    def begin(self, names: list[str]) -> None:
        """Take in the heads of the next unit."""
        self.names = [*self.names, *names][-WATCHED:]
        self.history = [*self.history, *([] for _ in names)][-WATCHED:]

    def step(self, areas: list[float | None], epochs: list[int]) -> None:
        """Add the newest AUC of each head of the unit that has ended another epoch."""
        shown = min(len(areas), WATCHED)
        newest = zip(self.history[-shown:], areas[-shown:], epochs[-shown:], strict=True)
        for curve, area, count in newest:
            if count > len(curve):
                curve.append(area)

    @property
    def live(self) -> dict[str, Any]:
        """The curves as plain JSON values."""
        return {"heads": self.names, "history": self.history}


def units_of(setting: Setting) -> list[Unit]:
    """The units of a sweep, those that share a cache and pool one after another."""
    pools: dict[str, list[int]] = {}
    for number, head in sorted(enumerate(setting.spec.heads), key=lambda pair: pair[1].finetune):
        alone = "" if head.finetune == "none" else f"-{number}"
        pools.setdefault(f"{_sight(head)}{alone}", []).append(number)
    folder = setting.folder / UNITS
    return [
        Unit(split, cache, heads, folder / f"{cache:04d}-{pool}-{split:04d}.safetensors")
        for cache in range(len(setting.caches))
        for pool, heads in pools.items()
        for split in range(len(setting.parts))
    ]


def train_units(setting: Setting, units: list[Unit], tails: Sequence[Weights | None], device: str | None) -> Work[None]:
    """Train the units that have no file yet and write their files; `tails` holds the weights of each cache's tail."""
    curves = Curves()
    done = 0
    loaded: tuple[int, str] | None = None
    inputs: Inputs | None = None
    for unit in units:
        if not unit.file.is_file():
            head = setting.spec.heads[unit.heads[0]]
            wanted = unit.cache, _sight(head)
            if loaded != wanted:
                inputs = None  # what was loaded before goes first
                loaded, inputs = wanted, _load(setting, unit, head, tails[unit.cache], device)
            assert inputs is not None
            trained = yield from _train(setting, unit, inputs, done, curves, device)
            _save(unit, trained)
        done += len(unit.heads)
        yield Progress("sweep", done, setting.spec.runs, "heads", curves.live)


def _sight(head: HeadSpec) -> str:
    """Which of a cache's inputs a head takes: heads of the same name share them."""
    if head.finetune != "none":
        return f"{head.pool}-{head.finetune}"
    return f"{head.pool}-{PROBE}" if head.solved else head.pool


def _load(setting: Setting, unit: Unit, head: HeadSpec, tail: Weights | None, device: str | None) -> Inputs:
    """What the heads of a unit see: pooled vectors, their products, or the stacks that a learning tail starts from."""
    cache = setting.caches[unit.cache]
    if tail is None and not head.solved:
        return source_of(cache, POOLS[head.pool])
    from mammo.heads.gram import Rows, gram
    from mammo.heads.tail import frozen_vectors, open_stacks
    from mammo.heads.train import training_device

    on = training_device(device)
    if tail is None:
        return gram(Rows.stored(cache, head.pool), on)
    if head.finetune != "none":
        return open_stacks(cache, tail, head.finetune, on, setting.folder)
    vectors = frozen_vectors(cache, tail, head.pool, on)
    return gram(Rows.held(vectors), on) if head.solved else Source.of(vectors)


def _train(
    setting: Setting, unit: Unit, inputs: Inputs, done: int, curves: Curves, device: str | None
) -> Work[Trained]:
    from mammo.heads.gram import Gram
    from mammo.heads.probe import train_probe
    from mammo.heads.tail import train_tails
    from mammo.heads.train import train_bank

    heads = [setting.spec.heads[number] for number in unit.heads]
    curves.begin([f"{setting.caches[unit.cache].spec.trunk} {label_of(head)}" for head in heads])
    labels, classes = setting.targets(unit.split)
    parts = setting.parts[unit.split]
    if isinstance(inputs, Source):
        training = train_bank(inputs, labels, parts, heads, device, classes)
    elif isinstance(inputs, Gram):
        training = train_probe(inputs, labels, parts, heads)
    else:
        training = train_tails(inputs, labels, parts, heads, classes)
    while True:
        try:
            step = next(training)
        except StopIteration as stop:
            trained: Trained = stop.value
            return trained
        curves.step(step.live["validation_auc"], step.live["epochs"])
        share = int(len(heads) * step.done / step.total)
        yield Progress("sweep", done + share, setting.spec.runs, "heads", curves.live)


def label_of(head: HeadSpec) -> str:
    """A head in a few words, such as `flatten adam 0.0001`."""
    if head.solved:
        return f"{head.pool} {PROBE}"
    hidden = f" {head.hidden} units" if head.hidden else ""
    tail = "" if head.finetune == "none" else f", {head.finetune} {head.tail_lr:g}"
    return f"{head.pool}{hidden} {head.optimizer} {head.lr:g}{tail}"


def _save(unit: Unit, trained: Trained) -> None:
    from safetensors.numpy import save

    tensors: dict[str, NDArray[Any]] = {"logits": trained.logits, "history": trained.history}
    tensors |= {"epochs": trained.epochs, "best_epoch": trained.best_epoch}
    tensors |= {f"head.{row}.{key}": value for row, head in enumerate(trained.weights) for key, value in head.items()}
    with whole_file(unit.file) as stream:
        stream.write(save({name: np.ascontiguousarray(value) for name, value in tensors.items()}))
