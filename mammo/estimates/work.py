"""Count the work of a sweep in units whose price can be measured on a machine."""

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
"""How many units of each price a piece of work needs, by the names of `PRICES`."""

HEADS = "heads"
"""The kind of work in which heads are trained on vectors."""
SIZE_GRID = (15, 18, 20, 22)
"""Sizes of a bank's first layer, as exponents of two, at which the price of updating a weight is measured.

Prices in between are interpolated by the logarithm of the size. A small bank fits into the processor's cache, a large
one does not.
"""
PRICES: Prices = {
    "bank": 5e-3,  # the start of a bank
    "epoch": 1e-3,  # an epoch of a bank
    "followed": 1e-5,  # an epoch of a head
    "step": 2e-4,  # a step of a bank of any size
    "short step": 5e-5,  # the same for linear heads on short vectors, many of which are computed at once
    "hidden step": 5e-4,  # the same for heads with a hidden layer
    "taken": 1e-9,  # a number of the images' vectors, copied into memory and checked
    "gathered": 2e-9,  # a number of the vectors of a batch, or of scored images, gathered by index
    "multiplied": 1.5e-11,  # a multiplication and addition of a matrix product
    "short multiplied": 1.5e-11,  # the same in a short step
    "activated": 2e-9,  # an activation of a hidden layer, forward and backward
    "answered": 1e-8,  # an image in the forward pass of a head that trains on it
    "scored": 2e-8,  # an image scored by a head, including its loss and its rank in the AUC
    "crossed": 3e-11,  # a multiplication and addition of images' dot products
    "factored": 2e-11,  # a step of a probe's path, by the third power of its images
    "kept": 1e-9,  # a weight that is created or copied
    **{f"updated 2^{knot}": 3e-9 for knot in SIZE_GRID},  # a weight updated in a bank of so many
    "loaded": 1.5e-9,  # a number read from a cache
    "stored": 8e-9,  # a weight written
    "unit": 2e-2,  # a unit's file
}
"""Seconds per unit on a machine of two cores: a guess that is used until the machine itself is measured."""

GIGAFLOPS_OF_TAIL = 100.0
"""Assumed speed of the passes of a trained tail, per second, until they are measured."""


@dataclass(frozen=True)
class Features:
    """The input of heads: an existing or planned cache; `maps` and `last` are shapes (channels, rows, columns)."""

    spec: CacheSpec
    maps: tuple[int, int, int]
    last: tuple[int, int, int]
    """The shape of the trunk's last map, which is the output of the tail."""

    @classmethod
    def of(cls, cache: Cache) -> Features:
        """Return the features of an existing cache."""
        maps = cache.shape[1:]
        return cls(cache.spec, maps, maps if cache.spec.tap == FROZEN else _last_map_shape(cache.spec))

    @classmethod
    def planned(cls, spec: CacheSpec) -> Features:
        """Return the features that an extraction of `spec` will give."""
        return cls(spec, find_trunk(spec.trunk).map_shape(spec.tap, spec.size), _last_map_shape(spec))

    def length(self, pool: str) -> int:
        """Return the length of the vector of one image."""
        return POOLS[pool].length((1, *self.last))

    def numbers_read(self, pool: str) -> int:
        """Return how many numbers of one image a pool reads from the cache."""
        return POOLS[pool].numbers_read((1, *self.last))

    def tail(self, finetune: str = "none") -> str:
        """Return the name of the kind of work that runs the tail, or trains part of it."""
        return f"tail {self.spec.trunk} {finetune} {self.spec.precision} {self.spec.size}"


def _last_map_shape(spec: CacheSpec) -> tuple[int, int, int]:
    return find_trunk(spec.trunk).map_shape(FROZEN, spec.size)


@dataclass(frozen=True)
class SplitSizes:
    """The numbers of training and validation images of a split, and of all images of the data set."""

    train: int
    validation: int
    images: int


@dataclass(frozen=True)
class Training:
    """A training of heads on the same vectors of `length` numbers; each split has an entry in `outputs` and `counts`.

    `augment` and `draws` are those of the cache.
    """

    heads: Sequence[HeadSpec]
    length: int
    outputs: Sequence[int]
    counts: Sequence[SplitSizes]
    augment: str = "none"
    draws: int = 0

    def amounts(self, threads: int | None = None) -> Amounts:
        """Return the amounts with so many threads, by default those of this machine; early stopping takes less."""
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
        """Return the share of each bank's core time that passes on the clock.

        Each bank runs on one core; wide banks that are left over at the end run on all cores.
        """
        remaining = banks[len(banks) - len(banks) % threads :]
        wide = [bank for bank in remaining if bank.numbers >= WIDE and self._height(bank) > 1]
        single_core = len(banks) - len(wide)
        return [1 / threads if bank in wide else math.ceil(single_core / threads) / single_core for bank in banks]

    def _bank(self, bank: BankPlan) -> Amounts:
        """Return the amounts of one bank on the core that trains it."""
        head, count, epochs = self.heads[bank.heads[0]], len(bank.heads), self._epochs(bank)
        versions = len(training_versions(self.augment, head.first_draws or self.draws, 1))
        trained = [self.counts[split].train * versions for split in bank.splits]
        rows_trained = sum(trained) * epochs
        rows_scored = sum(self.counts[split].validation * epochs + self.counts[split].images for split in bank.splits)
        steps = math.ceil(max(trained) / head.batch) * epochs
        copies = 5 + (epochs if any(self.heads[row].patience for row in bank.heads) else 0)
        outputs = self.outputs[bank.splits[0]]
        short = "short " * (self.length <= SHORT_VECTOR and outputs == 1 and not head.hidden and not head.dropout)
        kind = "hidden step" if head.hidden else f"{short}step"
        amounts: Amounts = {"bank": 1, kind: steps * (len(bank.splits) if short else 1), "kept": copies * bank.numbers}
        outputs_of_bank = count * outputs
        amounts |= {
            "gathered": (rows_trained + rows_scored) * self.length,
            "answered": rows_trained * outputs_of_bank,
            "scored": rows_scored * outputs_of_bank,
        }
        amounts |= {"multiplied": rows_scored * bank.numbers / len(bank.splits)}
        training = 2 * rows_trained * bank.numbers / len(bank.splits)
        amounts[f"{short}multiplied"] = amounts.get(f"{short}multiplied", 0) + training
        amounts |= {"activated": (rows_trained + rows_scored) * count * head.hidden}
        return amounts | {name: share * steps * bank.numbers for name, share in _updates(bank.numbers).items()}


def _updates(weights: int) -> Amounts:
    """Return the shares of the two neighbouring sizes of `SIZE_GRID` in the price of an update in a bank."""
    exponent = min(max(math.log2(max(weights, 1)), SIZE_GRID[0]), SIZE_GRID[-1])
    high = next(knot for knot in SIZE_GRID[1:] if exponent <= knot)
    low = SIZE_GRID[SIZE_GRID.index(high) - 1]
    share = (exponent - low) / (high - low)
    return {f"updated 2^{low}": 1 - share, f"updated 2^{high}": share}


def sweep_work(
    spec: SweepSpec, features: Mapping[str, Features], counts: Mapping[tuple[str, str], SplitSizes]
) -> dict[str, Amounts]:
    """Return the amounts of a sweep by kind of work: `HEADS`, and `Features.tail` where a tail is run or trained.

    `features` describes the caches by name; `counts` has the sizes of a split by its protocol and label policy.
    """
    total: dict[str, Counter[str]] = {HEADS: Counter()}
    for name, pool in itertools.product(spec.caches, POOLS):
        pool_heads = [head for head in spec.heads if head.pool == pool and head.finetune == "none"]
        if frozen := [head for head in pool_heads if not head.solved]:
            _add(total, _frozen(features[name], frozen, spec, counts))
        if solved := [head for head in pool_heads if head.solved]:
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


def _most(counts: Mapping[tuple[str, str], SplitSizes]) -> int:
    return max(count.images for count in counts.values())


def _frozen(
    features: Features, heads: Sequence[HeadSpec], spec: SweepSpec, counts: Mapping[tuple[str, str], SplitSizes]
) -> Iterator[tuple[str, Amounts]]:
    """Yield the work of the heads of one pool on one cache, trained on all splits at once."""
    length, images, cache_spec = features.length(heads[0].pool), _most(counts), features.spec
    split_sizes = [counts[split.protocol, split.labels] for split in spec.splits]
    outputs = [LABELS[split.labels].outputs for split in spec.splits]
    yield from _loaded(features, heads[0].pool, images)
    versions_read = versions(cache_spec.augment, cache_spec.draws) - 1
    width = 2 if PRECISIONS[cache_spec.precision].stored == "float16" and length > SHORT_VECTOR else 4
    if (versions_read + 1) * images * length * width > SHARE * free_memory():  # every epoch reads its images again
        trained = training_versions(cache_spec.augment, cache_spec.draws, 1)
        versions_read = max(head.epochs for head in heads) * len(trained)
    yield HEADS, {"loaded": versions_read * images * features.numbers_read(heads[0].pool)}
    yield HEADS, Training(heads, length, outputs, split_sizes, cache_spec.augment, cache_spec.draws).amounts()
    weights = sum(head_weights(head, length, count) for head, count in itertools.product(heads, outputs))
    yield HEADS, {"unit": math.ceil(weights / UNIT_WEIGHTS), "stored": weights + len(heads) * len(split_sizes) * images}


def _loaded(features: Features, pool: str, images: int) -> Iterator[tuple[str, Amounts]]:
    """Yield the work of reading the plain images for frozen heads, including the tail where the tap has one."""
    if features.spec.tap == TUNED:
        yield features.tail(), {"scored": images}
    numbers = math.prod(features.maps) if features.spec.tap == TUNED else features.numbers_read(pool)
    yield HEADS, {"loaded": images * numbers}


def _solved(
    features: Features, heads: Sequence[HeadSpec], spec: SweepSpec, counts: Mapping[tuple[str, str], SplitSizes]
) -> Iterator[tuple[str, Amounts]]:
    """Yield the work of probes of one pool on one cache: one product of all pairs of images, then a path per split."""
    length, images = features.length(heads[0].pool), _most(counts)
    yield from _loaded(features, heads[0].pool, images)
    yield HEADS, {"crossed": images**2 * length}
    for split in spec.splits:
        factored = len(STRENGTHS) * counts[split.protocol, split.labels].train ** 3
        yield HEADS, {"factored": len(heads) * factored, "unit": 1, "stored": len(heads) * (length + images)}


def _tuned(
    features: Features, head: HeadSpec, spec: SweepSpec, counts: Mapping[tuple[str, str], SplitSizes]
) -> Iterator[tuple[str, Amounts]]:
    """Yield the work of a head whose tail is trained with it, on every split."""
    length = features.length(head.pool)
    for split in spec.splits:
        sizes, outputs = counts[split.protocol, split.labels], LABELS[split.labels].outputs
        weights = head_weights(head, length, outputs)
        steps = math.ceil(sizes.train / head.batch) * head.epochs
        rows_trained, rows_scored = sizes.train * head.epochs, sizes.validation * head.epochs + sizes.images
        yield features.tail(head.finetune), {"trained": rows_trained, "scored": rows_scored}
        updated = {name: share * steps * weights for name, share in _updates(weights).items()}
        yield HEADS, {"multiplied": (2 * rows_trained + rows_scored) * weights, **updated}
        yield HEADS, {"unit": 1, "stored": weights + tail_weights(features.spec, head.finetune)}


def _stacked(features: Features, finetune: str, images: int) -> Iterator[tuple[str, Amounts]]:
    """Yield the work of the frozen part of a tail, which runs once for all heads that train the other part."""
    yield features.tail(finetune), {"prepared": images}
    yield HEADS, {"loaded": 2 * images * math.prod(features.maps)}


def guess_prices(kind: str) -> Prices:
    """Return the assumed prices of a kind of work that is not measured yet."""
    name, *words = kind.split()
    if name != "tail":
        return PRICES
    trunk, _, _, size = words
    pass_seconds = find_trunk(trunk).taps[TUNED].gigaflops * (int(size) / 224) ** 2 / GIGAFLOPS_OF_TAIL
    return {"trained": 2 * pass_seconds, "scored": pass_seconds, "prepared": pass_seconds}


def head_weights(head: HeadSpec, features: int, outputs: int) -> int:
    """Return the number of weights in a head's matrices."""
    return head.hidden * (features + outputs) if head.hidden else features * outputs


def tail_weights(spec: CacheSpec, finetune: str) -> int:
    """Return the number of weights that a head stores of its tail, biases not counted."""
    if finetune == "none":
        return 0
    channels = find_trunk(spec.trunk).taps[TUNED].channels
    squares = {"28": 9.0, "conv1": 1 / 4, "conv2": 9 / 16, "conv3": 1 / 4}
    return int(sum(squares[name] for name in layers_of(spec.trunk, finetune)) * channels**2)
