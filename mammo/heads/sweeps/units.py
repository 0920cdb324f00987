"""The units of a sweep: heads of one pool on one cache and all splits, trained together and kept in one file.

A head that is fine-tuned has a tail of its own to train, and is a unit of its own on each split; so is a probe, which
is solved.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mammo.data.splits.labels import LABELS
from mammo.features.trunks.weights import Weights
from mammo.heads.bank.plan import group_heads
from mammo.heads.finetune import map_shape
from mammo.heads.optimizers import OPTIMIZERS
from mammo.heads.pools import POOLS
from mammo.heads.sweeps.plan import SweepPlan
from mammo.heads.training.vectors import Source, source_of
from mammo.progress import Progress, Work
from mammo.specs import PROBE, HeadSpec
from mammo.storage.atomic_files import atomic_file
from mammo.storage.digests import digest_bytes, digest_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mammo.heads.probes.gram import Gram
    from mammo.heads.tails.frozen_activations import FrozenActivations
    from mammo.heads.training.trained import Trained

    Inputs = Source | FrozenActivations | Gram

UNITS = "units"
DIGEST = "digest"
"""Where a unit's file tells the digest of its tensors."""
WATCHED = 240
"""The most heads whose curves are told while a sweep runs: the newest."""


UNIT_WEIGHTS = 2**23
"""The most weights that the heads of a unit have together: about a minute's training on two cores."""


TOLD = ("logits", "history", "epochs", "best_epoch")
"""What of `Trained` a unit's file holds, beside the weights."""


@dataclass(frozen=True)
class Unit:
    """The smallest piece that a killed sweep keeps: every one of its heads on every one of its splits."""

    splits: list[int]
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


def units_of(plan: SweepPlan) -> list[Unit]:
    """The units of a sweep, those that share a cache and pool one after another."""
    inputs_by_key: dict[str, list[int]] = {}
    for number, head in sorted(enumerate(plan.spec.heads), key=lambda pair: pair[1].finetune):
        inputs_by_key.setdefault(_input_key(head), []).append(number)
    return [
        unit
        for cache in range(len(plan.caches))
        for input_key, heads in inputs_by_key.items()
        for unit in _units(plan, cache, input_key, heads)
    ]


def _units(plan: SweepPlan, cache: int, input_key: str, heads: list[int]) -> Iterator[Unit]:
    """The units of heads that see the same of one cache."""
    first, splits = plan.spec.heads[heads[0]], range(len(plan.parts))
    if first.method != "bank":
        pieces = [([split], [head]) for head in heads for split in splits]
    else:
        pieces = [(list(splits), together) for together in _blocks(plan, cache, heads)]
    for number, (own, together) in enumerate(pieces):
        yield Unit(own, cache, together, plan.folder / UNITS / f"{cache:04d}-{input_key}-{number:04d}.safetensors")


def _blocks(plan: SweepPlan, cache: int, heads: list[int]) -> Iterator[list[int]]:
    """Heads that train together, those that can share a bank side by side."""
    outputs = sum(LABELS[split.labels].outputs for split in plan.spec.splits)
    block: list[int] = []
    room = UNIT_WEIGHTS
    for group in group_heads([plan.spec.heads[number] for number in heads]):
        for row in group:
            head = plan.spec.heads[heads[row]]
            length = POOLS[head.pool].length(map_shape(plan.caches[cache]))
            weights = length * (head.hidden * len(plan.parts) or outputs)
            if block and weights > room:
                yield block
                block, room = [], UNIT_WEIGHTS
            block.append(heads[row])
            room -= weights
    yield block


def train_units(
    plan: SweepPlan,
    units: list[Unit],
    tails: Sequence[Weights | None],
    device: str | None = None,
    memory: int | None = None,
) -> Work[None]:
    """Train the units that have no file yet and write their files; `tails` holds the weights of each cache's tail.

    `memory` is how many bytes the features may take.
    """
    curves = Curves()
    done = 0
    loaded: tuple[int, str] | None = None
    inputs: Inputs | None = None
    for unit in units:
        if not is_finished(unit):
            head = plan.spec.heads[unit.heads[0]]
            key = unit.cache, _input_key(head)
            if loaded != key:
                inputs = None  # what was loaded before goes first
                loaded, inputs = key, _load(plan, unit, head, tails[unit.cache], device)
            assert inputs is not None
            training = _training(plan, unit, inputs, device, memory)
            trained = yield from _watched(plan, unit, training, done, curves)
            _save(unit, trained)
        done += len(unit.heads) * len(unit.splits)
        yield Progress("sweep", done, plan.spec.runs, "heads", curves.live)


def _input_key(head: HeadSpec) -> str:
    """Which of a cache's inputs a head takes: heads of the same name share them."""
    if head.finetune != "none":
        return f"{head.pool}-{head.finetune}"
    return f"{head.pool}-{PROBE}" if head.solved else head.pool


def _load(plan: SweepPlan, unit: Unit, head: HeadSpec, tail: Weights | None, device: str | None) -> Inputs:
    """What the heads of a unit see: pooled vectors, their products, or the stacks that a learning tail starts from."""
    cache = plan.caches[unit.cache]
    if tail is None and not head.solved:
        return source_of(cache, POOLS[head.pool])
    from mammo.heads.probes.gram import Rows, gram
    from mammo.heads.tails.frozen_activations import frozen_source, open_frozen_activations
    from mammo.heads.training.train import training_device

    on = training_device(device)
    if tail is not None and head.finetune != "none":
        return open_frozen_activations(cache, tail, head.finetune, on, plan.folder)
    plain = source_of(cache, POOLS[head.pool])
    source = plain if tail is None else frozen_source(cache, tail, head.pool, on, plan.folder)
    return gram(Rows.of(source), on) if head.solved else source


def _watched(
    plan: SweepPlan, unit: Unit, training: Work[list[Trained]], done: int, curves: Curves
) -> Work[list[Trained]]:
    """Train a unit and tell how it goes; what is found of its heads on each of its splits."""
    curves.begin(_names(plan, unit))
    while True:
        try:
            step = next(training)
        except StopIteration as stop:
            trained: list[Trained] = stop.value
            return trained
        curves.step(step.live["validation_auc"], step.live["epochs"])
        share = int(len(unit.heads) * len(unit.splits) * step.done / step.total)
        yield Progress("sweep", done + share, plan.spec.runs, "heads", curves.live)


def _training(
    plan: SweepPlan, unit: Unit, inputs: Inputs, device: str | None, memory: int | None
) -> Work[list[Trained]]:
    from mammo.heads.probes.gram import Gram
    from mammo.heads.probes.probe import train_probe
    from mammo.heads.tails.tail import train_tails
    from mammo.heads.training.train import Resources, train_splits

    heads = [plan.spec.heads[number] for number in unit.heads]
    tasks = [plan.task(split) for split in unit.splits]
    if isinstance(inputs, Source):
        return (yield from train_splits(inputs, tasks, heads, device, Resources(memory)))
    (task,) = tasks
    if isinstance(inputs, Gram):
        return [(yield from train_probe(inputs, task.labels, task.parts, heads))]
    return [(yield from train_tails(inputs, task.labels, task.parts, heads, task.classes))]


def _names(plan: SweepPlan, unit: Unit) -> list[str]:
    """What the curves of a unit's heads are called, split by split."""
    trunk, several = plan.caches[unit.cache].spec.trunk, len(plan.parts) > 1
    return [
        f"{trunk} {label_of(plan.spec.heads[number])}{f', split {split + 1}' if several else ''}"
        for split in unit.splits
        for number in unit.heads
    ]


def label_of(head: HeadSpec) -> str:
    """A head in a few words, such as `Flatten Adam 0.0001`."""
    if head.solved:
        return f"{POOLS[head.pool].label} {PROBE}"
    hidden = f" {head.hidden} units" if head.hidden else ""
    tail = "" if head.finetune == "none" else f", {head.finetune} {head.tail_lr:g}"
    return f"{POOLS[head.pool].label}{hidden} {OPTIMIZERS[head.optimizer].label} {head.lr:g}{tail}"


def _save(unit: Unit, trained: Sequence[Trained]) -> None:
    from safetensors.numpy import save

    tensors: dict[str, NDArray[Any]] = {}
    for split, result in zip(unit.splits, trained, strict=True):
        tensors |= {f"{split}.{name}": getattr(result, name) for name in TOLD}
        for number, weights in zip(unit.heads, result.weights, strict=True):
            tensors |= {f"{split}.{number}.{name}": value for name, value in weights.items()}
    plain = {name: np.ascontiguousarray(value) for name, value in tensors.items()}
    with atomic_file(unit.file) as stream:
        stream.write(save(plain, {DIGEST: _digest_of(plain)}))


def _digest_of(tensors: Mapping[str, NDArray[Any]]) -> str:
    return digest_json({name: digest_bytes(np.ascontiguousarray(value).tobytes()) for name, value in tensors.items()})


def is_finished(unit: Unit) -> bool:
    """Whether a unit was trained and its file is what was written; one that is damaged is trained again."""
    from safetensors import safe_open

    if not unit.file.is_file():
        return False
    try:
        with safe_open(unit.file, framework="numpy") as stored:
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
            digest = (stored.metadata() or {}).get(DIGEST)
    except Exception:  # a damaged file raises whatever its library raises
        return False
    needed = {f"{split}.{name}" for split in unit.splits for name in TOLD}
    return needed <= set(tensors) and digest in (None, _digest_of(tensors))
