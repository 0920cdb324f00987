"""The verb `extract`: read each mammogram once, run the trunks, write the caches."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammo.data.dataset import Dataset
from mammo.errors import MammoError, first_line
from mammo.features.cache import CHUNK, Cache
from mammo.features.identity import cache_name, identity
from mammo.features.store import CacheWriter
from mammo.features.weights import Weights, locate
from mammo.files import only_one
from mammo.images.prepare import Variant, prepare
from mammo.parallel import ordered_map
from mammo.progress import Progress, Work
from mammo.rates import extraction_key, remember
from mammo.specs import CacheSpec, Home

if TYPE_CHECKING:
    from mammo.features.forward import Forward

WRITES_AHEAD = 4


@dataclass(frozen=True)
class Extracted:
    """What came of one spec: the cache, and how many images were computed and reused."""

    cache: Cache
    computed: int
    reused: int


@dataclass
class _Plan:
    """One cache to fill: `todo` holds the chunks that were missing at first, `spent` the trunk's seconds."""

    variant: Variant
    forward: Forward
    writer: CacheWriter
    todo: set[int]
    spent: float = 0.0


def extract(
    home: Home,
    specs: list[CacheSpec],
    weights_file: Path | None = None,
    device: str | None = None,
    workers: int | None = None,
) -> Work[list[Extracted]]:
    """Fill the caches of `specs`, all of one data set and image kind; chunks that are done are kept.

    Every image is read once for all of them. Raises MammoError where a spec, the weights, a file or the
    disk does not allow it.
    """
    dataset, table = _items(home, specs)
    wanted = {}
    for spec in specs:
        weights = locate(spec.trunk, spec.weights, weights_file)
        content = identity(spec, dataset.digest(spec.kind), weights)
        wanted[cache_name(content)] = (content, weights)
    with contextlib.ExitStack() as locks:
        for name in sorted(wanted):
            locks.enter_context(only_one(home.cache(dataset.name, name), "extracting"))
        plans = {
            name: _plan(home.cache(dataset.name, name), content, weights, list(table["image"]), device)
            for name, (content, weights) in wanted.items()
            if not _is_whole(home, dataset.name, name)
        }
        started = time.monotonic()
        yield from _fill(dataset, table, list(plans.values()), workers)
        _remember_rate(home, list(plans.values()), len(table), time.monotonic() - started)
    return [_extracted(home, dataset, name, plans.get(name)) for name in wanted]


def _remember_rate(home: Home, plans: list[_Plan], images: int, seconds: float) -> None:
    """Keep how many images a second each trunk would have taken alone, where it ran for more than a few chunks."""
    together = sum(plan.spent for plan in plans)
    for plan in plans:
        if len(plan.todo) > 2:
            computed = sum(_rows(chunk, images) for chunk in plan.todo)
            remember(home, extraction_key(plan.writer.spec), computed / (seconds - together + plan.spent))


def _items(home: Home, specs: list[CacheSpec]) -> tuple[Dataset, pd.DataFrame]:
    """The data set and the rows to extract, the same for all specs."""
    if not specs:
        raise MammoError("There is nothing to extract; name at least one trunk.")
    if len({(spec.dataset, spec.kind) for spec in specs}) != 1:
        raise MammoError("Caches are extracted together only when they share the data set and the image kind.")
    dataset = Dataset.open(home, specs[0].dataset)
    table = dataset.table(specs[0].kind)
    if dataset.metadata_only:
        raise MammoError(
            f"The data set {dataset.name!r} was indexed with --metadata-only and has no images; "
            "index it again with the folder of its images."
        )
    if table.empty:
        raise MammoError(f"The data set {dataset.name!r} has no images of the kind {specs[0].kind!r}.")
    return dataset, table


def _is_whole(home: Home, dataset: str, name: str) -> bool:
    try:
        Cache.open(home, dataset, name)
    except MammoError:
        return False
    return True


def _plan(folder: Path, content: dict[str, Any], weights: Weights, ids: list[str], device: str | None) -> _Plan:
    from mammo.features.forward import Forward, device_of
    from mammo.features.networks import build

    spec = CacheSpec.from_json(content["spec"])
    forward = Forward(build(spec.trunk, weights, spec.tap), spec.precision, device_of(device))
    writer = CacheWriter(folder, content, ids, _map_shape(forward, spec))
    return _Plan(Variant.of(spec), forward, writer, {chunk for _, chunk in writer.todo})


def _map_shape(forward: Forward, spec: CacheSpec) -> tuple[int, int, int]:
    try:
        return forward.map_shape(spec.size)
    except (RuntimeError, AssertionError) as error:  # models of timm refuse sizes they were not made for
        raise MammoError(
            f"{spec.trunk} does not take {spec.size} pixels on this machine: {first_line(error)}."
        ) from None


def _fill(dataset: Dataset, table: pd.DataFrame, plans: list[_Plan], workers: int | None) -> Work[None]:
    """Read, run and write at the same time: workers read ahead while the trunks run and a thread writes."""
    todo = sorted({chunk for plan in plans for chunk in plan.todo})
    images = len(table)
    done = images - sum(_rows(chunk, images) for chunk in todo)
    yield Progress("extract", done, images)
    with ThreadPoolExecutor(1) as writing:
        writes: deque[Future[None]] = deque()
        for chunk, pictures in _pictures(dataset, table, plans, todo, workers):
            for plan in plans:
                if chunk in plan.todo:
                    begun = time.monotonic()
                    maps, pooled = plan.forward(pictures[plan.variant])
                    plan.spent += time.monotonic() - begun
                    writes.append(writing.submit(plan.writer.write, 0, chunk, maps, pooled))
            while len(writes) > WRITES_AHEAD:
                writes.popleft().result()
            done += _rows(chunk, images)
            yield Progress("extract", done, images)
        while writes:
            writes.popleft().result()
    for plan in plans:
        plan.writer.finish()


def _rows(chunk: int, images: int) -> int:
    return min(CHUNK, images - chunk * CHUNK)


def _pictures(
    dataset: Dataset, table: pd.DataFrame, plans: list[_Plan], todo: list[int], workers: int | None
) -> Iterator[tuple[int, dict[Variant, NDArray[np.float32]]]]:
    """For each chunk to do, the pictures (images, size, size) of every variant that a plan lacks there."""
    sources = dataset.sources(table)
    variants = {chunk: tuple({plan.variant: None for plan in plans if chunk in plan.todo}) for chunk in todo}
    requests = ((source, variants[chunk]) for chunk in todo for source in sources[chunk * CHUNK : (chunk + 1) * CHUNK])
    prepared = ordered_map(prepare, requests, workers)
    for chunk in todo:
        rows = [next(prepared) for _ in range(_rows(chunk, len(sources)))]
        stacked = (np.stack(column) for column in zip(*rows, strict=True))
        yield chunk, dict(zip(variants[chunk], stacked, strict=True))


def _extracted(home: Home, dataset: Dataset, name: str, plan: _Plan | None) -> Extracted:
    cache = Cache.open(home, dataset.name, name)
    images = cache.shape[0]
    computed = sum(_rows(chunk, images) for chunk in plan.todo) if plan else 0
    return Extracted(cache, computed, images - computed)
