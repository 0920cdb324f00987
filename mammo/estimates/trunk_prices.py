"""What extraction costs on this machine: a few files of the data set, and a batch or two through the trunk."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path

import numpy as np
import psutil
from numpy.typing import NDArray

from mammo.data.dataset.dataset import Dataset
from mammo.estimates.prices import Prices
from mammo.features.cache.cache import CHUNK, Cache
from mammo.features.cache.identity import cache_name, identity
from mammo.features.trunks.locate import locate
from mammo.images.augment import AUGMENTATIONS
from mammo.images.prepare import Variant, prepare
from mammo.processes.parallel import cores, ordered_map
from mammo.specs import CacheSpec, Home

FILES = 24
"""The most files of a data set that are read."""
ENOUGH = 1.5
"""Seconds of reading, or of a trunk's passes, after which no more is needed."""

LOADED = {
    "heads": ("mammo.heads.sweeps.sweep", "mammo.heads.training.train", "zarr", "pyarrow.parquet", "safetensors.numpy"),
    "trunks": ("mammo.features.extraction.fill", "timm"),
}
"""What a process imports to train heads on features, and beyond it to run trunks."""


def start_prices() -> Prices:
    """What a process takes from its beginning until it can train "heads", or run "trunks" too.

    To be asked first in a process: what is loaded already would count as nothing.
    """
    begun, ready = psutil.Process().create_time(), {}
    for name, modules in LOADED.items():
        for module in modules:
            import_module(module)
        ready[name] = time.time() - begun
    return ready


def picture_prices(home: Home, dataset: str, kind: str, variants: tuple[Variant, ...]) -> Prices:
    """What an image of a data set costs to read and prepare in these variants, with all cores at it.

    "readers" is what the processes that do it take to start.
    """
    opened = Dataset.open(home, dataset)
    sources = opened.sources(opened.table(kind))
    readers = _seconds(lambda: list(ordered_map(prepare, [(sources[0], variants)] * cores())))
    prepare((sources[0], variants))  # loads what is needed
    seconds: list[float] = []
    for number in np.linspace(0, len(sources) - 1, min(FILES, len(sources))).round().astype(int):
        seconds.append(_seconds(partial(prepare, (sources[number], variants))))
        if sum(seconds) > ENOUGH:
            break
    return {"readers": readers, "image": float(np.mean(seconds)) / cores()}


def trunk_prices(trunk: str, tap: str, precision: str, size: int, device: str | None = None) -> Prices:
    """What a picture costs from the trunk to the disk: "built" once, then "warped", "forward" and "written".

    All GPUs share the work. Pictures are noise and weights random, which take as long as others.
    """
    from mammo.features.extraction.forward import Forward, devices_of, on_device
    from mammo.features.trunks.networks import build
    from mammo.images.warp import warp_pictures

    devices = devices_of(device)
    begun = time.perf_counter()
    forward = Forward(build(trunk, locate(trunk, "random-0"), tap), precision, devices[0])
    forward.map_shape(size)
    built = time.perf_counter() - begun
    batch = min(forward.batch, CHUNK)
    pictures = np.random.default_rng(0).random((batch, size, size)).astype(np.float32)
    draws = [AUGMENTATIONS["generator"].draw(str(number), 1) for number in range(batch)]
    passing = _usual(lambda: forward(pictures))
    bending = _usual(lambda: warp_pictures(on_device(pictures, devices[0]), draws).sum().item())
    maps, pooled = (np.concatenate([made] * (CHUNK // batch)) for made in forward(pictures))
    with tempfile.TemporaryDirectory() as folder:
        spec = CacheSpec("any", trunk, "random-0", tap, size=size, precision=precision)
        writing = _seconds(lambda: store(Home(Path(folder)), spec, maps, pooled))
    shared = {"warped": bending / batch / len(devices), "forward": passing / batch / len(devices)}
    return {"built": built, **shared, "written": writing / len(maps) / cores()}


def store(
    home: Home,
    spec: CacheSpec,
    maps: NDArray[np.floating],
    pooled: NDArray[np.float32],
    digest: str = "",
    ids: Sequence[str] = (),
) -> Cache:
    """A whole cache of maps (images, channels, rows, columns) and their means that came from anywhere.

    `digest` and `ids` are those of the data set where there is one.
    """
    from mammo.features.cache.store import CacheWriter

    content = identity(spec, digest, locate(spec.trunk, spec.weights))
    names = list(ids) or [str(number) for number in range(len(maps))]
    writer = CacheWriter(home.cache(spec.dataset, cache_name(content)), content, names, maps.shape[1:])
    for _, chunk in writer.todo:
        rows = slice(chunk * CHUNK, (chunk + 1) * CHUNK)
        writer.write(0, chunk, maps[rows], pooled[rows])
    writer.finish()
    return Cache.open(home, spec.dataset, cache_name(content))


def _usual(work: Callable[[], object]) -> float:
    """The median time of as many repeats as fit into `ENOUGH` seconds; what takes longer runs once."""
    times = [_seconds(work)]
    while sum(times) < ENOUGH and len(times) < 20:
        times.append(_seconds(work))
    return float(np.median(times))


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun
