"""Estimate the time and disk space of an extraction or a sweep before it starts."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mammo.data.dataset.dataset import Dataset
from mammo.data.splits.labels import LABELS
from mammo.data.splits.protocols import TRAIN, VALIDATION, draw
from mammo.estimates.prices import Prices, gpus, measured, measuring_conditions, stale
from mammo.estimates.work import (
    HEADS,
    Amounts,
    Features,
    SplitSizes,
    guess_prices,
    head_weights,
    sweep_work,
    tail_weights,
)
from mammo.features.cache.cache import Cache
from mammo.features.cache.chunks import DEFAULT_STORAGE, STORAGES
from mammo.features.precision import PRECISIONS
from mammo.features.trunks.table import find_trunk
from mammo.heads.finetune import check_finetunes
from mammo.images.augment import versions
from mammo.processes.load import load_now
from mammo.processes.parallel import cores
from mammo.progress import duration
from mammo.specs import CacheSpec, Home, SweepSpec

GIGAFLOPS_PER_CORE = 60.0
"""Assumed speed of one processor core in a trunk's forward pass, per second, until it is measured."""
IMAGES_PER_CORE = 25.0
"""Assumed number of images that one core reads and resizes per second, until it is measured."""

BUSY = "from a short measurement of this machine while other work kept it busy"
MEASURED = "from a short measurement of this machine"
ROUGH = "a rough guess: this machine has not been measured yet"
AT_MOST = "at most, for heads that stop early take less"

START = "start"
PART_OF_PRICE = {
    "heads": "start",
    "trunks": "start",
    "built": "start",
    "readers": "start",
    "loaded": "read",
    "image": "read",
    "stored": "write",
    "unit": "write",
    "written": "write",
}
"""The part of an estimate to which a price belongs; all prices not listed belong to the work itself, `RUN`."""
RUN = "run"


@dataclass(frozen=True)
class Estimate:
    """Bytes on disk, seconds by part (start, read, run, write), and the kinds of work that are not measured yet.

    With `at_most`, heads may stop early and take less time. `busy` means that some prices were measured while the
    machine was busy with other work. `stale` has the kinds of work whose prices should be measured again.
    """

    bytes: int
    parts: dict[str, float]
    missing: tuple[str, ...] = ()
    at_most: bool = False
    busy: bool = False
    stale: tuple[str, ...] = ()

    @property
    def unmeasured(self) -> tuple[str, ...]:
        """The kinds of work that should be measured, for the first time or again."""
        return self.missing + self.stale

    @property
    def seconds(self) -> float:
        """The total in seconds, from the start of a process to its end."""
        return sum(self.parts.values())

    @property
    def note(self) -> str:
        """The largest parts of the time, and the source of the prices, in words."""
        shares = [
            f"{_seconds_in_words(seconds)} to {part}"
            for part, seconds in self.parts.items()
            if seconds > self.seconds / 20
        ]
        source = ROUGH if self.missing else BUSY if self.busy else MEASURED
        remarks = [", ".join(shares), AT_MOST if self.at_most else "", source]
        return "; ".join(part for part in remarks if part)

    @property
    def sentence(self) -> str:
        """The complete estimate in words."""
        return f"about {duration(self.seconds)} and {self.bytes / 1e6:.3g} MB ({self.note})"

    def to_json(self) -> dict[str, Any]:
        """Return the estimate as plain JSON values."""
        parts = {name: round(seconds, 3) for name, seconds in self.parts.items()}
        times = {"seconds": round(self.seconds, 3), "parts": parts, "at_most": self.at_most}
        return {**times, "bytes": self.bytes, "measured": not self.missing, "busy": self.busy, "note": self.note}

    def __add__(self, other: Estimate) -> Estimate:
        """Return the estimate of both pieces of work, one after the other."""
        parts = {name: self.parts.get(name, 0) + other.parts.get(name, 0) for name in {**self.parts, **other.parts}}
        missing = tuple(dict.fromkeys(self.missing + other.missing))
        stale = tuple(dict.fromkeys(self.stale + other.stale))
        busy = self.busy or other.busy
        return Estimate(self.bytes + other.bytes, parts, missing, self.at_most or other.at_most, busy, stale)


def _seconds_in_words(seconds: float) -> str:
    """Return seconds in words; two digits below 10 s."""
    return f"{seconds:.2g} s" if seconds < 10 else duration(seconds)


def extraction_estimate(home: Home, specs: Sequence[CacheSpec], storage: str = DEFAULT_STORAGE) -> Estimate:
    """Estimate an extraction of several caches together; `storage` is the encoding of their chunks.

    The size on disk of a timm trunk's cache is unknown and counts as 0. Raises MammoError where there is no such data
    set.
    """
    dataset = Dataset.open(home, specs[0].dataset)
    images = len(dataset.table(specs[0].kind))
    work = extraction_work(specs, dataset.digest(specs[0].kind), images)
    estimate = _price_work(home, int(sum(_raw_bytes(spec, images) for spec in specs) * STORAGES[storage].share), work)
    if gpus():  # the GPU computes while the processor reads
        parts = estimate.parts | {"read": max(estimate.parts["read"] - estimate.parts[RUN], 0)}
        return replace(estimate, parts=parts)
    return estimate


def _raw_bytes(spec: CacheSpec, images: int) -> int:
    shape = find_trunk(spec.trunk).map_shape(spec.tap, spec.size)
    width = 2 if PRECISIONS[spec.precision].stored == "float16" else 4
    return int(images * versions(spec.augment, spec.draws) * math.prod(shape) * width)


def extraction_work(specs: Sequence[CacheSpec], digest: str, images: int) -> dict[str, Amounts]:
    """Return the amounts of an extraction by kind of work; `digest` is the data set's. Files are read once for all."""
    first, variants = specs[0], dict.fromkeys(f"{spec.preprocess}/{spec.resize}/{spec.size}" for spec in specs)
    read = f"pictures {first.dataset} {digest[:8]} {first.kind} {','.join(variants)}"
    work: dict[str, Amounts] = {START: {"trunks": 1}, read: {"readers": 1, "image": images}}
    for spec in specs:
        pictures = images * versions(spec.augment, spec.draws)
        passes = {"built": 1, "warped": pictures - images, "forward": pictures, "written": pictures}
        trunk = work.setdefault(f"trunk {spec.trunk} {spec.tap} {spec.precision} {spec.size}", {})
        trunk.update({name: trunk.get(name, 0) + amount for name, amount in passes.items()})
    return work


def sweep_estimate(home: Home, spec: SweepSpec) -> Estimate:
    """Estimate a sweep over complete caches; raises MammoError where they cannot be opened or do not suit the heads."""
    caches = [Cache.open(home, spec.dataset, name) for name in spec.caches]
    check_finetunes(caches, spec.heads)
    return planned_estimate(home, spec, {cache.name: Features.of(cache) for cache in caches})


def planned_estimate(home: Home, spec: SweepSpec, features: Mapping[str, Features]) -> Estimate:
    """Estimate a sweep over caches that may not exist yet; `features` describes each cache by its name.

    Raises MammoError where there is no such data set or it cannot be split in this way.
    """
    counts = split_counts(home, spec, next(iter(features.values())).spec.kind)
    training = sweep_work(spec, features, counts)
    work = {START: {"heads" if set(training) == {HEADS} else "trunks": 1.0}, **training}
    stops = any(head.patience and head.patience < head.epochs for head in spec.heads)
    return _price_work(home, _sweep_bytes(spec, features, max(count.images for count in counts.values())), work, stops)


def split_counts(home: Home, spec: SweepSpec, kind: str) -> dict[tuple[str, str], SplitSizes]:
    """Return the sizes of the first split of each pair of protocol and label policy."""
    table = Dataset.open(home, spec.dataset).table(kind)
    counts: dict[tuple[str, str], SplitSizes] = {}
    for split in spec.splits:
        if (split.protocol, split.labels) not in counts:
            parts = draw(table, split)
            train, validation = (int((parts == part).sum()) for part in (TRAIN, VALIDATION))
            counts[split.protocol, split.labels] = SplitSizes(train, validation, len(table))
    return counts


def _sweep_bytes(spec: SweepSpec, features: Mapping[str, Features], images: int) -> int:
    outputs = [LABELS[split.labels].outputs for split in spec.splits]
    numbers = 0
    for name, head, count in itertools.product(spec.caches, spec.heads, outputs):
        cache_features = features[name]
        numbers += (
            head_weights(head, cache_features.length(head.pool), count)
            + tail_weights(cache_features.spec, head.finetune)
            + images
        )
    return 4 * numbers


def _price_work(home: Home, size: int, work: Mapping[str, Amounts], at_most: bool = False) -> Estimate:
    """Return the estimate of all work at its prices, measured or guessed."""
    prices = measured(home)
    missing = tuple(kind for kind in work if kind not in prices)
    costs = [
        (PART_OF_PRICE.get(item, RUN), amount * prices.get(kind, {}).get(item, _guess_prices(kind).get(item, 0.0)))
        for kind, amounts in work.items()
        for item, amount in amounts.items()
    ]
    conditions = measuring_conditions(home)
    busy = any(conditions[kind].busy for kind in work if kind in conditions)
    return Estimate(size, _sum_by_part(costs), missing, at_most, busy, stale(home, work, load_now))


def _sum_by_part(costs: Iterable[tuple[str, float]]) -> dict[str, float]:
    parts = dict.fromkeys(("start", "read", RUN, "write"), 0.0)
    for part, seconds in costs:
        parts[part] += seconds
    return parts


def _guess_prices(kind: str) -> Prices:
    """Return the assumed prices of a kind of work that is not measured yet."""
    name, *words = kind.split()
    if name == START:
        return {"heads": 3.0, "trunks": 6.0}
    if name == "pictures":
        return {"readers": 2.0, "image": 1 / IMAGES_PER_CORE / cores()}
    if name == "trunk":
        trunk, _, _, size = words
        flops = find_trunk(trunk).gigaflops * (int(size) / 224) ** 2
        return {"built": 1.0, "warped": 2e-3, "forward": flops / GIGAFLOPS_PER_CORE / cores(), "written": 2e-3}
    return guess_prices(kind)
