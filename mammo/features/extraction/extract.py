"""The verb `extract`: read each mammogram once, run the trunks, write the caches."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from mammo.data.dataset.dataset import Dataset
from mammo.errors import MammoError, first_line
from mammo.features.cache.cache import ARRAYS, RECORDS, Cache
from mammo.features.cache.chunks import DEFAULT_STORAGE, STORAGES
from mammo.features.cache.copied import copy_rows, note_contents
from mammo.features.cache.identity import cache_name, identity_here
from mammo.features.cache.store import CacheWriter
from mammo.features.trunks.locate import locate
from mammo.features.trunks.weights import Weights
from mammo.images.prepare import Variant
from mammo.progress import Progress, Work
from mammo.specs import CacheSpec, Home, pick
from mammo.storage.locks import folder_lock

if TYPE_CHECKING:
    from mammo.features.extraction.fill import Plan
    from mammo.features.extraction.forward import Forward


@dataclass(frozen=True)
class Extracted:
    """What came of one spec: the cache, how many versions of images were computed and reused, how weights were read."""

    cache: Cache
    computed: int
    reused: int
    weights_read: tuple[str, ...] = ()


def extract(
    home: Home,
    specs: list[CacheSpec],
    weights_file: Path | None = None,
    device: str | None = None,
    workers: int | None = None,
    storage: str = DEFAULT_STORAGE,
) -> Work[list[Extracted]]:
    """Fill the caches of `specs`, all of one data set and image kind; chunks that are done are kept.

    What other caches of the home hold of the same images is copied instead of computed (`cache.copied`). Every
    image is read once for all of them. `storage` says how the chunks of new caches are kept, an entry of
    STORAGES: it changes no number and is no part of a cache's identity. Raises MammoError where a spec, the weights,
    a file or the disk does not allow it.
    """
    home.refuse_shared()
    pick(STORAGES, storage, "storage")
    dataset, table = _items(home, specs)
    wanted = {}
    for spec in specs:
        weights = locate(spec.trunk, spec.weights, weights_file)
        content = identity_here(home, spec, dataset.digest(spec.kind), weights)
        wanted[cache_name(content)] = (content, weights)
    with contextlib.ExitStack() as locks:
        for name in sorted(wanted):
            folder = home.cache(dataset.name, name)
            home.refuse_links(folder, *(folder / inside for inside in (ARRAYS, RECORDS)))
            locks.enter_context(folder_lock(folder, "extracting"))
        contents = dataset.contents(specs[0].kind)
        lacking = {name: wanted[name] for name in wanted if not _is_whole(home, dataset.name, name)}
        for name, (content, _) in lacking.items():
            copy_rows(home, name, content, contents, storage)
        lacking = {name: wanted[name] for name in lacking if not _is_whole(home, dataset.name, name)}
        plans = _plans(home, dataset.name, lacking, list(table["image"]), device, storage)
        if not plans:
            yield Progress("extract", len(table), len(table))
            _note_all(home, dataset, wanted, contents)
            return [_extracted(home, dataset, name, wanted[name][1], None) for name in wanted]
        from mammo.features.extraction.fill import fill

        yield from fill(dataset, table, list(plans.values()), workers)
        _note_all(home, dataset, wanted, contents)
    return [_extracted(home, dataset, name, wanted[name][1], plans.get(name)) for name in wanted]


def _note_all(home: Home, dataset: Dataset, names: Iterable[str], contents: dict[str, str]) -> None:
    for name in names:
        note_contents(home.cache(dataset.name, name), contents)


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
        raise MammoError(
            f"The data set {dataset.name!r} has no images of the kind {specs[0].kind!r}; name another --kind."
        )
    return dataset, table


def _is_whole(home: Home, dataset: str, name: str) -> bool:
    try:
        Cache.open(home, dataset, name)
    except MammoError:
        return False
    return True


def _plans(
    home: Home,
    dataset: str,
    lacking: dict[str, tuple[dict[str, Any], Weights]],
    ids: list[str],
    device: str | None,
    storage: str,
) -> dict[str, Plan]:
    """How to fill each cache that is not whole; its trunk is built once on every device."""
    if not lacking:
        return {}
    from mammo.features.extraction.fill import Plan
    from mammo.features.extraction.forward import Forward, devices_of, fitting_batch
    from mammo.features.trunks.networks import build

    devices = devices_of(device)
    plans = {}
    for name, (content, weights) in lacking.items():
        spec = CacheSpec.from_json(content["spec"])
        trunk = build(spec.trunk, weights, spec.tap).normalised(spec.mean, spec.std)
        forwards = [Forward(trunk, spec.precision, one) for one in devices]
        shape, picture_bytes = _try_one(forwards[0], spec)
        how = {"storage": storage, "batch": fitting_batch(forwards, picture_bytes)}
        writer = CacheWriter(home.cache(dataset, name), content, ids, shape, how, weights.notes)
        for forward in forwards:
            forward.batch = writer.batch
        plans[name] = Plan(Variant.of(spec), forwards, writer, frozenset(writer.todo))
    return plans


def _try_one(forward: Forward, spec: CacheSpec) -> tuple[tuple[int, int, int], int]:
    try:
        return forward.try_one(spec.size)
    except (RuntimeError, AssertionError) as error:  # models of timm refuse sizes they were not made for
        raise MammoError(
            f"{spec.trunk} does not take {spec.size} pixels on this machine: {first_line(error)}."
        ) from None


def _extracted(home: Home, dataset: Dataset, name: str, weights: Weights, plan: Plan | None) -> Extracted:
    cache = Cache.open(home, dataset.name, name)
    computed = plan.computed if plan else 0
    return Extracted(cache, computed, cache.shape[0] * cache.versions - computed, weights.notes)
