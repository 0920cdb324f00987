"""The verb `sweep`: every head of a grid on every cache and split, kept as one table."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammo.data.dataset import Dataset
from mammo.data.leakage import leakage
from mammo.data.splits import TRAIN, Parts, draw, sizes
from mammo.errors import MammoError
from mammo.features.cache import Cache
from mammo.features.weights import weights_note
from mammo.files import digest_json, only_one, sweep_partials, whole_file, write_json
from mammo.heads.grid import check_names
from mammo.heads.pools import POOLS
from mammo.progress import Progress, Work
from mammo.rates import SWEEP, remember
from mammo.results.sweep import ABOUT, HEADS, HISTORY, IMAGES, LOGITS, PARTS_FILE, RUNS
from mammo.specs import HeadSpec, Home, SplitSpec, SweepSpec

STEP = 2e-4
"""Seconds that one step of a bank takes at the least, whatever its size."""
TRAINING = 1
"""Rises when training the same heads on the same numbers gives other scores."""

UNITS = "units"
DESCRIBED = ["image", "patient", "breast", "view", "film", "abnormality", "label", "pathology", "lesions", "birads"]
DESCRIBED += ["density", "subtlety"]
CACHE_FIELDS = ("trunk", "weights", "tap", "kind", "size", "preprocess", "resize", "augment", "draws", "precision")


@dataclass(frozen=True)
class _Unit:
    """The smallest piece that a killed sweep keeps: the heads of one pool on one cache and one split."""

    split: int
    cache: int
    heads: list[int]
    file: Path


@dataclass(frozen=True)
class _Setting:
    """A sweep with everything it needs opened."""

    spec: SweepSpec
    folder: Path
    table: pd.DataFrame
    caches: list[Cache]
    parts: list[Parts]
    about: dict[str, Any]


def sweep(home: Home, spec: SweepSpec, device: str | None = None) -> Work[str]:
    """Train a sweep and return its id; the same sweep on the same numbers is not trained twice.

    What a killed sweep had finished is kept. Raises MammoError where a cache, a head or a split does not
    fit the data set.
    """
    for head in spec.heads:
        check_names(head)
    setting = _open(home, spec)
    if not (setting.folder / ABOUT).is_file():
        with only_one(setting.folder, "sweeping"):
            sweep_partials(setting.folder)
            started = time.monotonic()
            units = _units(setting)
            fresh = not any(unit.file.is_file() for unit in units)
            yield from _train(setting, units, device)
            seconds = time.monotonic() - started
            _assemble(setting, units, seconds)
            if fresh:
                _remember_rate(home, setting, seconds)
    return setting.folder.name


def _remember_rate(home: Home, setting: _Setting, seconds: float) -> None:
    """Keep how many weights a second were updated, beyond what each step costs anyway."""
    train = int((setting.parts[0] == TRAIN).sum())
    updates, steps = sweep_work(setting.spec, vector_lengths(setting.caches), train)
    remember(home, SWEEP, updates / max(seconds - steps * STEP, seconds / 10))


def _open(home: Home, spec: SweepSpec) -> _Setting:
    dataset = Dataset.open(home, spec.dataset)
    caches = [Cache.open(home, spec.dataset, name) for name in spec.caches]
    kinds = {cache.spec.kind for cache in caches}
    if len(kinds) != 1:
        raise MammoError(f"A sweep takes caches of one image kind, not of {' and '.join(sorted(kinds))}.")
    table = dataset.table(kinds.pop())
    for cache in caches:
        _refuse_other_images(cache, dataset)
    about = _about(spec, dataset, caches, table)
    name = f"{spec.dataset}-{digest_json(about['identity'])[:8]}"
    parts = [draw(table, split) for split in spec.splits]
    return _Setting(spec, home.sweep(name), table, caches, parts, {"id": name, **about})


def _refuse_other_images(cache: Cache, dataset: Dataset) -> None:
    if cache.manifest["identity"]["dataset_digest"] != dataset.digest(cache.spec.kind):
        raise MammoError(
            f"The cache {cache.name!r} was extracted from other images than the data set {dataset.name!r} now holds "
            "(field dataset_digest); extract it again."
        )


def _about(spec: SweepSpec, dataset: Dataset, caches: list[Cache], table: pd.DataFrame) -> dict[str, Any]:
    truth = digest_json(table[["image", "patient", "breast", "film", "label"]].astype(str).to_numpy().tolist())
    identity = {
        "training": TRAINING,
        "spec": spec.to_json(),
        "caches": [cache.manifest["digest"] for cache in caches],
        "truth": truth,
    }
    described = {cache.name: {name: getattr(cache.spec, name) for name in CACHE_FIELDS} for cache in caches}
    for cache in caches:
        note = weights_note(cache.spec.weights)
        described[cache.name] |= {"weights_note": note, "digest": cache.manifest["digest"]}
    facts = {"name": dataset.name, "synthetic": dataset.synthetic, "source": dataset.about["source"]}
    return {"spec": spec.to_json(), "identity": identity, "dataset": facts, "caches": described}


def _units(setting: _Setting) -> list[_Unit]:
    pools: dict[str, list[int]] = {}
    for number, head in enumerate(setting.spec.heads):
        pools.setdefault(head.pool, []).append(number)
    folder = setting.folder / UNITS
    return [
        _Unit(split, cache, heads, folder / f"{cache:04d}-{pool}-{split:04d}.safetensors")
        for cache in range(len(setting.caches))
        for pool, heads in pools.items()
        for split in range(len(setting.parts))
    ]


def _train(setting: _Setting, units: list[_Unit], device: str | None) -> Work[None]:
    total = setting.spec.runs
    done = 0
    loaded: tuple[int, str] | None = None
    vectors = np.empty((0, 0), dtype=np.float32)
    for unit in units:
        if not unit.file.is_file():
            heads = [setting.spec.heads[number] for number in unit.heads]
            if loaded != (unit.cache, heads[0].pool):
                loaded = (unit.cache, heads[0].pool)
                vectors = POOLS[heads[0].pool].vectors(setting.caches[unit.cache], 0)
            yield from _train_unit(setting, unit, heads, vectors, done, device)
        done += len(unit.heads)
        yield Progress("sweep", done, total, "heads")


def _train_unit(
    setting: _Setting, unit: _Unit, heads: list[HeadSpec], vectors: NDArray[np.float32], done: int, device: str | None
) -> Work[None]:
    """Train one unit and write its file; while it trains, `live` holds each head's AUC curve so far."""
    from safetensors.numpy import save

    from mammo.heads.train import train_bank

    labels = (setting.table["label"] == "malignant").to_numpy(dtype=np.int8)
    names = [f"{setting.caches[unit.cache].spec.trunk} {label_of(head)}" for head in heads]
    curves: list[list[float | None]] = [[] for _ in heads]
    training = train_bank(vectors, labels, setting.parts[unit.split], heads, device)
    while True:
        try:
            step = next(training)
        except StopIteration as stop:
            trained = stop.value
            break
        for curve, area, epochs in zip(curves, step.live["validation_auc"], step.live["epochs"], strict=True):
            if epochs > len(curve):
                curve.append(area)
        share = int(len(heads) * step.done / step.total)
        yield Progress("sweep", done + share, setting.spec.runs, "heads", {"heads": names, "history": curves})
    tensors = {"logits": trained.logits, "history": trained.history}
    tensors |= {"epochs": trained.epochs, "best_epoch": trained.best_epoch}
    tensors |= {f"head.{row}.{key}": value for row, head in enumerate(trained.weights) for key, value in head.items()}
    with whole_file(unit.file) as stream:
        stream.write(save({name: np.ascontiguousarray(value) for name, value in tensors.items()}))


def vector_lengths(caches: list[Cache]) -> dict[tuple[str, str], int]:
    """The number of features that each pool makes of each cache, by the cache's and the pool's name."""
    return {(cache.name, pool): POOLS[pool].length(cache.shape) for cache in caches for pool in POOLS}


def sweep_work(spec: SweepSpec, features: dict[tuple[str, str], int], train_images: int) -> tuple[float, float]:
    """Weights to update and steps to take: `features` gives the vector's length of each cache and pool."""
    updates = steps = 0.0
    for cache in spec.caches:
        banks: dict[tuple[str, int, int, int], int] = {}
        for head in spec.heads:
            count = math.ceil(train_images / head.batch) * head.epochs
            updates += count * (features[cache, head.pool] * (head.hidden or 1) + head.hidden)
            banks[head.pool, head.hidden, head.batch, head.seed] = count
        steps += sum(banks.values())
    return updates * len(spec.splits), steps * len(spec.splits)


def label_of(head: HeadSpec) -> str:
    """A head in a few words, such as `flatten adam 0.0001`."""
    hidden = f" {head.hidden} units" if head.hidden else ""
    return f"{head.pool}{hidden} {head.optimizer} {head.lr:g}"


def _assemble(setting: _Setting, units: list[_Unit], seconds: float) -> None:
    """Bring the units together into one table and remove them; the last file written makes the sweep valid."""
    from safetensors.numpy import load_file, save

    runs = pd.DataFrame(_run_rows(setting))
    longest = max(head.epochs for head in setting.spec.heads)
    logits = np.empty((len(runs), len(setting.table)), dtype=np.float32)
    history = np.full((len(runs), longest, 5), np.nan, dtype=np.float32)
    epochs, best = np.zeros(len(runs), dtype=int), np.zeros(len(runs), dtype=int)
    weights: dict[str, NDArray[np.float32]] = {}
    for unit in units:
        tensors = load_file(unit.file)
        for row, run in enumerate(_runs_of(setting, unit)):
            logits[run] = tensors["logits"][row]
            history[run, : tensors["history"].shape[1]] = tensors["history"][row]
            epochs[run], best[run] = tensors["epochs"][row], tensors["best_epoch"][row]
            prefix = f"head.{row}."
            weights |= {
                f"{run}.{key[len(prefix) :]}": value for key, value in tensors.items() if key.startswith(prefix)
            }
    runs = runs.assign(trained_epochs=epochs, best_epoch=best)
    _write(setting, runs, {LOGITS: logits, HISTORY: history, PARTS_FILE: np.stack(setting.parts)})
    with whole_file(setting.folder / HEADS) as stream:
        stream.write(save(weights))
    splits = [_split_facts(setting, row) for row in range(len(setting.parts))]
    write_json(setting.folder / ABOUT, {**setting.about, "splits": splits, "seconds": round(seconds, 3)})
    shutil.rmtree(setting.folder / UNITS)


def _write(setting: _Setting, runs: pd.DataFrame, arrays: dict[str, NDArray[Any]]) -> None:
    for file, frame in ((RUNS, runs), (IMAGES, setting.table[DESCRIBED])):
        with whole_file(setting.folder / file) as stream:
            frame.to_parquet(stream, index=False)
    for file, array in arrays.items():
        with whole_file(setting.folder / file) as stream:
            np.save(stream, array, allow_pickle=False)


def _split_facts(setting: _Setting, row: int) -> dict[str, Any]:
    split, parts = setting.spec.splits[row], setting.parts[row]
    return {"spec": split.to_json(), "sizes": sizes(parts), "leakage": leakage(setting.table, parts)}


def _runs_of(setting: _Setting, unit: _Unit) -> Iterator[int]:
    """The rows of a unit's runs: splits outermost, then caches, then heads."""
    before = (unit.split * len(setting.caches) + unit.cache) * len(setting.spec.heads)
    return (before + number for number in unit.heads)


def _run_rows(setting: _Setting) -> Iterator[dict[str, Any]]:
    number = 0
    for split, split_spec in enumerate(setting.spec.splits):
        for cache in setting.caches:
            for head in setting.spec.heads:
                yield {"run": f"{setting.folder.name}.{number}", **_row(split, split_spec, cache, head)}
                number += 1


def _row(split: int, split_spec: SplitSpec, cache: Cache, head: HeadSpec) -> dict[str, Any]:
    drawn = {"protocol": split_spec.protocol, "split_seed": split_spec.seed, "redraw": split_spec.redraw}
    made = {name: getattr(cache.spec, name) for name in CACHE_FIELDS}
    return {"cache": cache.name, **made, **head.to_json(), "split": split, **drawn}
