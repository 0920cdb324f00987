"""Measure what extraction costs on this machine, with a few files of the data set and a few batches of a trunk."""

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
"""Seconds of reading, or of a trunk's passes, after which the measurement stops."""

MODULES = {
    "heads": ("mammo.heads.sweeps.sweep", "mammo.heads.training.train", "zarr", "pyarrow.parquet", "safetensors.numpy"),
    "trunks": ("mammo.features.extraction.fill", "timm"),
}
"""The modules that a process imports to train heads, and those it imports in addition to run trunks."""


def start_prices() -> Prices:
    """Measure the seconds from the start of this process until it can train "heads", or also run "trunks".

    Call this first in a process: modules that are already imported would take no time.
    """
    start, ready = psutil.Process().create_time(), {}
    for name, modules in MODULES.items():
        for module in modules:
            import_module(module)
        ready[name] = time.time() - start
    return ready


def picture_prices(home: Home, dataset: str, kind: str, variants: tuple[Variant, ...]) -> Prices:
    """Measure the seconds to read and prepare one image of a data set in these variants, with all cores.

    "readers" is the time that the reading processes take to start.
    """
    opened = Dataset.open(home, dataset)
    sources = opened.sources(opened.table(kind))
    readers = run_seconds(lambda: list(ordered_map(prepare, [(sources[0], variants)] * cores())))
    prepare((sources[0], variants))  # imports happen here, before the timing
    seconds: list[float] = []
    for number in np.linspace(0, len(sources) - 1, min(FILES, len(sources))).round().astype(int):
        seconds.append(run_seconds(partial(prepare, (sources[number], variants))))
        if sum(seconds) > ENOUGH:
            break
    return {"readers": readers, "image": float(np.mean(seconds)) / cores()}


def trunk_prices(trunk: str, tap: str, precision: str, size: int, device: str | None = None) -> Prices:
    """Measure the seconds to build a trunk ("built"), and per picture those of "warped", "forward" and "written".

    All GPUs share the work. Pictures are noise and weights are random: real ones take the same time.
    """
    from mammo.features.extraction.forward import Forward, devices_of, on_device
    from mammo.features.trunks.networks import build
    from mammo.images.warp import warp_pictures

    devices = devices_of(device)
    start = time.perf_counter()
    forward = Forward(build(trunk, locate(trunk, "random-0"), tap), precision, devices[0])
    forward.map_shape(size)
    built = time.perf_counter() - start
    batch = min(forward.batch, CHUNK)
    pictures = np.random.default_rng(0).random((batch, size, size)).astype(np.float32)
    draws = [AUGMENTATIONS["generator"].draw(str(number), 1) for number in range(batch)]
    forward_seconds = _median_seconds(lambda: forward(pictures))
    warp_seconds = _median_seconds(lambda: warp_pictures(on_device(pictures, devices[0]), draws).sum().item())
    maps, pooled = (np.concatenate([activation] * (CHUNK // batch)) for activation in forward(pictures))
    with tempfile.TemporaryDirectory() as folder:
        spec = CacheSpec("any", trunk, "random-0", tap, size=size, precision=precision)
        write_seconds = run_seconds(lambda: store(Home(Path(folder)), spec, maps, pooled))
    shared_prices = {"warped": warp_seconds / batch / len(devices), "forward": forward_seconds / batch / len(devices)}
    return {"built": built, **shared_prices, "written": write_seconds / len(maps) / cores()}


def store(
    home: Home,
    spec: CacheSpec,
    maps: NDArray[np.floating],
    pooled: NDArray[np.float32],
    digest: str = "",
    ids: Sequence[str] = (),
) -> Cache:
    """Write a complete cache of any maps (images, channels, rows, columns) and their means, and open it.

    `digest` and `ids` are those of the data set, if there is one.
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


def _median_seconds(work: Callable[[], object]) -> float:
    """Return the median time of as many repeats as fit into `ENOUGH` seconds; work that takes longer runs once."""
    times = [run_seconds(work)]
    while sum(times) < ENOUGH and len(times) < 20:
        times.append(run_seconds(work))
    return float(np.median(times))


def run_seconds(work: Callable[[], object]) -> float:
    """Return the seconds that one run of `work` takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
