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
    from mammo.features.extraction.fill import FillPlan
    from mammo.features.extraction.forward import Forward


@dataclass(frozen=True)
class Extraction:
    """The result for one spec: the cache, how many versions of images were computed and reused, and weights' notes."""

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
) -> Work[list[Extraction]]:
    """Fill the caches of `specs`, which share the data set and the image kind; finished chunks are not computed again.

    Rows that other caches of the home have for the same images are copied instead of computed (`cache.copied`). Every
    image is read once for all caches. `storage` is the encoding of the chunks of new caches, a key of STORAGES: it
    changes no number and is not part of a cache's identity. Returns one `Extraction` for each cache. Raises MammoError
    where a spec, the weights or a file is not usable, or the disk is full.
    """
    home.refuse_shared()
    pick(STORAGES, storage, "storage")
    dataset, table = _images_to_extract(home, specs)
    requests = {}
    for spec in specs:
        weights = locate(spec.trunk, spec.weights, weights_file)
        content = identity_here(home, spec, dataset.digest(spec.kind), weights)
        requests[cache_name(content)] = (content, weights)
    with contextlib.ExitStack() as locks:
        for name in sorted(requests):
            folder = home.cache(dataset.name, name)
            home.refuse_links(folder, *(folder / subfolder for subfolder in (ARRAYS, RECORDS)))
            locks.enter_context(folder_lock(folder, "extracting"))
        contents = dataset.contents(specs[0].kind)
        incomplete = {name: requests[name] for name in requests if not _is_complete(home, dataset.name, name)}
        for name, (content, _) in incomplete.items():
            copy_rows(home, name, content, contents, storage)
        incomplete = {name: requests[name] for name in incomplete if not _is_complete(home, dataset.name, name)}
        plans = _plans(home, dataset.name, incomplete, list(table["image"]), device, storage)
        if not plans:
            yield Progress("extract", len(table), len(table))
            _record_contents(home, dataset, requests, contents)
            return [_extraction(home, dataset, name, requests[name][1], None) for name in requests]
        from mammo.features.extraction.fill import fill

        yield from fill(dataset, table, list(plans.values()), workers)
        _record_contents(home, dataset, requests, contents)
    return [_extraction(home, dataset, name, requests[name][1], plans.get(name)) for name in requests]


def _record_contents(home: Home, dataset: Dataset, names: Iterable[str], contents: dict[str, str]) -> None:
    for name in names:
        note_contents(home.cache(dataset.name, name), contents)


def _images_to_extract(home: Home, specs: list[CacheSpec]) -> tuple[Dataset, pd.DataFrame]:
    """Return the data set of the specs and the table of the images to extract."""
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


def _is_complete(home: Home, dataset: str, name: str) -> bool:
    try:
        Cache.open(home, dataset, name)
    except MammoError:
        return False
    return True


def _plans(
    home: Home,
    dataset: str,
    incomplete: dict[str, tuple[dict[str, Any], Weights]],
    ids: list[str],
    device: str | None,
    storage: str,
) -> dict[str, FillPlan]:
    """Return the plan for each incomplete cache; its trunk is built once on every device."""
    if not incomplete:
        return {}
    from mammo.features.extraction.fill import FillPlan
    from mammo.features.extraction.forward import Forward, devices_of, fitting_batch
    from mammo.features.trunks.networks import build

    devices = devices_of(device)
    plans = {}
    for name, (content, weights) in incomplete.items():
        spec = CacheSpec.from_json(content["spec"])
        trunk = build(spec.trunk, weights, spec.tap).normalised(spec.mean, spec.std)
        forwards = [Forward(trunk, spec.precision, torch_device) for torch_device in devices]
        shape, picture_bytes = _measure_pass(forwards[0], spec)
        settings = {"storage": storage, "batch": fitting_batch(forwards, picture_bytes)}
        writer = CacheWriter(home.cache(dataset, name), content, ids, shape, settings, weights.notes)
        for forward in forwards:
            forward.batch = writer.batch
        plans[name] = FillPlan(Variant.of(spec), forwards, writer, frozenset(writer.todo))
    return plans


def _measure_pass(forward: Forward, spec: CacheSpec) -> tuple[tuple[int, int, int], int]:
    try:
        return forward.measure_pass(spec.size)
    except (RuntimeError, AssertionError) as error:  # models of timm refuse image sizes that they do not support
        raise MammoError(
            f"{spec.trunk} does not take {spec.size} pixels on this machine: {first_line(error)}."
        ) from None


def _extraction(home: Home, dataset: Dataset, name: str, weights: Weights, plan: FillPlan | None) -> Extraction:
    cache = Cache.open(home, dataset.name, name)
    computed = plan.computed if plan else 0
    return Extraction(cache, computed, cache.shape[0] * cache.versions - computed, weights.notes)
