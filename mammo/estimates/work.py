"""How much work a sweep is, counted in things whose price can be measured on a machine."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mammo.data.splits.labels import LABELS
from mammo.estimates.prices import Prices, gpus
from mammo.features.precision import PRECISIONS
from mammo.features.trunks.table import find_trunk
from mammo.heads.bank.plan import SHORT_VECTOR, WIDE, BankPlan, plan_banks, waves
from mammo.heads.finetune import FROZEN, TUNED, layers_of
from mammo.heads.pools import POOLS
from mammo.heads.sweeps.units import UNIT_WEIGHTS
from mammo.images.augment import training_versions, versions
from mammo.processes.memory import SHARE, free_memory
from mammo.processes.parallel import cores
from mammo.specs import STRENGTHS, CacheSpec, HeadSpec, SweepSpec

if TYPE_CHECKING:
    from mammo.features.cache.cache import Cache

Amounts = dict[str, float]
"""How many of a thing a piece of work needs, by the names of `PRICES`."""

HEADS = "heads"
"""The kind of work that trains heads on vectors."""
SIZE_GRID = (15, 18, 20, 22)
"""Two to the power of these: sizes of a bank's first layer at which the price of updating a weight is measured.

In between it is interpolated by the logarithm. A small bank stays in the processor's cache, a large one does not.
"""
PRICES: Prices = {
    "bank": 5e-3,  # a bank that begins
    "epoch": 1e-3,  # an epoch of a bank
    "followed": 1e-5,  # an epoch of a head
    "step": 2e-4,  # a step of a bank, whatever its size
    "short step": 5e-5,  # the same of linear heads on short vectors, many of which are taken at once
    "hidden step": 5e-4,  # the same where heads have a hidden layer
    "taken": 1e-9,  # a number of the images' vectors, taken into memory and checked
    "gathered": 2e-9,  # a number of a batch's vectors, or of those that are scored, picked out from among all others
    "multiplied": 1.5e-11,  # a multiplication and addition of a product
    "short multiplied": 1.5e-11,  # the same in a short step
    "activated": 2e-9,  # an activation of a hidden layer, forward and back
    "answered": 1e-8,  # an image answered by a head that trains on it
    "scored": 2e-8,  # an image scored by a head, with its loss and its place in the AUC
    "crossed": 3e-11,  # a multiplication and addition of images' dot products
    "factored": 2e-11,  # a step of a probe's path, by the third power of its images
    "kept": 1e-9,  # a weight that is made or copied
    **{f"updated 2^{knot}": 3e-9 for knot in SIZE_GRID},  # a weight updated in a bank of so many
    "loaded": 1.5e-9,  # a number read from a cache
    "stored": 8e-9,  # a weight written
    "unit": 2e-2,  # a unit's file
}
"""Seconds that one of a thing takes on a machine of two cores: a guess until the machine itself is measured."""

GIGAFLOPS = 100.0
"""What a learning tail's passes are taken to do in a second before they are measured."""


@dataclass(frozen=True)
class Features:
    """What heads are trained on: a cache that is there or is still to be made; maps are (channels, rows, columns)."""

    spec: CacheSpec
    maps: tuple[int, int, int]
    last: tuple[int, int, int]
    """The trunk's last map, to which the tail behind the tap leads."""

    @classmethod
    def of(cls, cache: Cache) -> Features:
        """Those of a cache."""
        maps = cache.shape[1:]
        return cls(cache.spec, maps, maps if cache.spec.tap == FROZEN else _last(cache.spec))

    @classmethod
    def planned(cls, spec: CacheSpec) -> Features:
        """Those that an extraction will make."""
        return cls(spec, find_trunk(spec.trunk).map_shape(spec.tap, spec.size), _last(spec))

    def length(self, pool: str) -> int:
        """The numbers in a vector."""
        return POOLS[pool].length((1, *self.last))

    def numbers_read(self, pool: str) -> int:
        """The numbers of an image that a pool reads from the cache."""
        return POOLS[pool].numbers_read((1, *self.last))

    def tail(self, finetune: str = "none") -> str:
        """The kind of work that runs what lies behind the tap, or trains some of it."""
        return f"tail {self.spec.trunk} {finetune} {self.spec.precision} {self.spec.size}"


def _last(spec: CacheSpec) -> tuple[int, int, int]:
    return find_trunk(spec.trunk).map_shape(FROZEN, spec.size)


@dataclass(frozen=True)
class Counts:
    """How many images a split has to train and to validate on, and how many there are."""

    train: int
    validation: int
    images: int


@dataclass(frozen=True)
class Training:
    """Heads that see the same vectors of `length` numbers, on splits of so many outputs and images.

    `augment` and `draws` are those of the cache.
    """

    heads: Sequence[HeadSpec]
    length: int
    outputs: Sequence[int]
    counts: Sequence[Counts]
    augment: str = "none"
    draws: int = 0

    def amounts(self, threads: int | None = None) -> Amounts:
        """What it takes with so many threads, by default as many as train here; heads that stop early take less."""
        threads = threads or (None if gpus() else cores())
        total: Counter[str] = Counter()
        for banks in waves(plan_banks(self.heads, self.outputs, self.length, threads)):
            total["epoch"] += max(self._epochs(bank) for bank in banks)
            for bank, share in zip(banks, self._shares(banks, threads or 1), strict=True):
                total.update({name: share * amount for name, amount in self._bank(bank).items()})
        total["taken"] = max(count.images for count in self.counts) * self.length
        total["followed"] = sum(head.epochs for head in self.heads) * len(self.counts)
        return dict(total)

    def _epochs(self, bank: BankPlan) -> int:
        return max(self.heads[row].epochs for row in bank.heads)

    def _height(self, bank: BankPlan) -> int:
        return self.heads[bank.heads[0]].hidden or self.outputs[bank.splits[0]]

    def _shares(self, banks: Sequence[BankPlan], threads: int) -> list[float]:
        """How much of each bank's time passes on the clock: one a core, wide ones that are left over on all cores."""
        left = banks[len(banks) - len(banks) % threads :]
        wide = [bank for bank in left if bank.numbers >= WIDE and self._height(bank) > 1]
        alone = len(banks) - len(wide)
        return [1 / threads if bank in wide else math.ceil(alone / threads) / alone for bank in banks]

    def _bank(self, bank: BankPlan) -> Amounts:
        """What one bank takes of the core that trains it."""
        one, count, epochs = self.heads[bank.heads[0]], len(bank.heads), self._epochs(bank)
        versions = len(training_versions(self.augment, one.first_draws or self.draws, 1))
        trained = [self.counts[split].train * versions for split in bank.splits]
        rows = sum(trained) * epochs
        seen = sum(self.counts[split].validation * epochs + self.counts[split].images for split in bank.splits)
        steps = math.ceil(max(trained) / one.batch) * epochs
        kept = 5 + (epochs if any(self.heads[row].patience for row in bank.heads) else 0)
        outputs = self.outputs[bank.splits[0]]
        short = "short " * (self.length <= SHORT_VECTOR and outputs == 1 and not one.hidden and not one.dropout)
        kind = "hidden step" if one.hidden else f"{short}step"
        made: Amounts = {"bank": 1, kind: steps * (len(bank.splits) if short else 1), "kept": kept * bank.numbers}
        lines = count * outputs
        made |= {"gathered": (rows + seen) * self.length, "answered": rows * lines, "scored": seen * lines}
        made |= {"multiplied": seen * bank.numbers / len(bank.splits)}
        made[f"{short}multiplied"] = made.get(f"{short}multiplied", 0) + 2 * rows * bank.numbers / len(bank.splits)
        made |= {"activated": (rows + seen) * count * one.hidden}
        return made | {name: share * steps * bank.numbers for name, share in _updates(bank.numbers).items()}


def _updates(weights: int) -> Amounts:
    """The shares that the two knots next to a bank's size have in its price of an update."""
    place = min(max(math.log2(max(weights, 1)), SIZE_GRID[0]), SIZE_GRID[-1])
    high = next(knot for knot in SIZE_GRID[1:] if place <= knot)
    low = SIZE_GRID[SIZE_GRID.index(high) - 1]
    share = (place - low) / (high - low)
    return {f"updated 2^{low}": 1 - share, f"updated 2^{high}": share}


def sweep_work(
    spec: SweepSpec, features: Mapping[str, Features], counts: Mapping[tuple[str, str], Counts]
) -> dict[str, Amounts]:
    """What a sweep takes, by kind of work: `HEADS`, and `Features.tail` where a tail runs or learns.

    `features` are those of the caches by name, `counts` those of a split by its protocol and labels.
    """
    total: dict[str, Counter[str]] = {HEADS: Counter()}
    for name, pool in itertools.product(spec.caches, POOLS):
        alike = [head for head in spec.heads if head.pool == pool and head.finetune == "none"]
        if frozen := [head for head in alike if not head.solved]:
            _add(total, _frozen(features[name], frozen, spec, counts))
        if solved := [head for head in alike if head.solved]:
            _add(total, _solved(features[name], solved, spec, counts))
    for name, head in itertools.product(spec.caches, spec.heads):
        if head.finetune != "none":
            _add(total, _tuned(features[name], head, spec, counts))
    for name, finetune in itertools.product(spec.caches, {head.finetune for head in spec.heads} - {"none"}):
        _add(total, _stacked(features[name], finetune, _most(counts)))
    return {kind: dict(amounts) for kind, amounts in total.items()}


def _add(total: dict[str, Counter[str]], works: Iterable[tuple[str, Amounts]]) -> None:
    for kind, amounts in works:
        total.setdefault(kind, Counter()).update(amounts)


def _most(counts: Mapping[tuple[str, str], Counts]) -> int:
    return max(one.images for one in counts.values())


def _frozen(
    features: Features, heads: Sequence[HeadSpec], spec: SweepSpec, counts: Mapping[tuple[str, str], Counts]
) -> Iterator[tuple[str, Amounts]]:
    """The heads of one pool on one cache, trained on all splits at once."""
    length, images, made = features.length(heads[0].pool), _most(counts), features.spec
    places = [counts[split.protocol, split.labels] for split in spec.splits]
    outputs = [LABELS[split.labels].outputs for split in spec.splits]
    yield from _loaded(features, heads[0].pool, images)
    read = versions(made.augment, made.draws) - 1
    width = 2 if PRECISIONS[made.precision].stored == "float16" and length > SHORT_VECTOR else 4
    if (read + 1) * images * length * width > SHARE * free_memory():  # every epoch reads what it trains on again
        read = max(head.epochs for head in heads) * len(training_versions(made.augment, made.draws, 1))
    yield HEADS, {"loaded": read * images * features.numbers_read(heads[0].pool)}
    yield HEADS, Training(heads, length, outputs, places, made.augment, made.draws).amounts()
    weights = sum(head_weights(head, length, count) for head, count in itertools.product(heads, outputs))
    yield HEADS, {"unit": math.ceil(weights / UNIT_WEIGHTS), "stored": weights + len(heads) * len(places) * images}


def _loaded(features: Features, pool: str, images: int) -> Iterator[tuple[str, Amounts]]:
    """Reading what frozen heads see of the plain images, through the tail where one lies behind the tap."""
    if features.spec.tap == TUNED:
        yield features.tail(), {"scored": images}
    numbers = math.prod(features.maps) if features.spec.tap == TUNED else features.numbers_read(pool)
    yield HEADS, {"loaded": images * numbers}


def _solved(
    features: Features, heads: Sequence[HeadSpec], spec: SweepSpec, counts: Mapping[tuple[str, str], Counts]
) -> Iterator[tuple[str, Amounts]]:
    """Probes of one pool on one cache: every image times every other once, then a path on every split."""
    length, images = features.length(heads[0].pool), _most(counts)
    yield from _loaded(features, heads[0].pool, images)
    yield HEADS, {"crossed": images**2 * length}
    for split in spec.splits:
        factored = len(STRENGTHS) * counts[split.protocol, split.labels].train ** 3
        yield HEADS, {"factored": len(heads) * factored, "unit": 1, "stored": len(heads) * (length + images)}


def _tuned(
    features: Features, head: HeadSpec, spec: SweepSpec, counts: Mapping[tuple[str, str], Counts]
) -> Iterator[tuple[str, Amounts]]:
    """A head whose tail learns too, on every split."""
    length = features.length(head.pool)
    for split in spec.splits:
        place, outputs = counts[split.protocol, split.labels], LABELS[split.labels].outputs
        weights = head_weights(head, length, outputs)
        steps = math.ceil(place.train / head.batch) * head.epochs
        rows, seen = place.train * head.epochs, place.validation * head.epochs + place.images
        yield features.tail(head.finetune), {"trained": rows, "scored": seen}
        updated = {name: share * steps * weights for name, share in _updates(weights).items()}
        yield HEADS, {"multiplied": (2 * rows + seen) * weights, **updated}
        yield HEADS, {"unit": 1, "stored": weights + tail_weights(features.spec, head.finetune)}


def _stacked(features: Features, finetune: str, images: int) -> Iterator[tuple[str, Amounts]]:
    """What is frozen of a tail, run once for all heads that train the rest."""
    yield features.tail(finetune), {"prepared": images}
    yield HEADS, {"loaded": 2 * images * math.prod(features.maps)}


def guessed(kind: str) -> Prices:
    """What a kind of work is taken to cost before it was measured."""
    name, *words = kind.split()
    if name != "tail":
        return PRICES
    trunk, _, _, size = words
    pass_seconds = find_trunk(trunk).taps[TUNED].gigaflops * (int(size) / 224) ** 2 / GIGAFLOPS
    return {"trained": 2 * pass_seconds, "scored": pass_seconds, "prepared": pass_seconds}


def head_weights(head: HeadSpec, features: int, outputs: int) -> int:
    """The numbers in a head's weight matrices."""
    return head.hidden * (features + outputs) if head.hidden else features * outputs


def tail_weights(spec: CacheSpec, finetune: str) -> int:
    """The numbers that a head keeps of its tail, to within the biases."""
    if finetune == "none":
        return 0
    channels = find_trunk(spec.trunk).taps[TUNED].channels
    squares = {"28": 9.0, "conv1": 1 / 4, "conv2": 9 / 16, "conv3": 1 / 4}
    return int(sum(squares[name] for name in layers_of(spec.trunk, finetune)) * channels**2)
