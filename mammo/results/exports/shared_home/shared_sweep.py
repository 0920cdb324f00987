"""Sweeps in a shared home: the same numbers, with names and an order of images that identify nobody."""

from __future__ import annotations

import dataclasses
import os
import secrets
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from mammo.results.exports.shared_home.pseudonyms import shuffled
from mammo.runs.sweep import Sweep, write_about
from mammo.runs.sweep_files import ABOUT, HISTORY, IMAGES, LOGITS, PARTS_FILE, RUNS
from mammo.specs import CacheSpec, Home
from mammo.storage.atomic_files import atomic_file

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd
    from numpy.typing import NDArray

    from mammo.results.exports.shared_home.shared_dataset import SharedDataset

FILE_WEIGHTS = "file-"
"""The first letters of a weights' label that is made of the name of a file."""
VERSIONS = ("training", "probes", "tails")
"""The fields of a sweep's identity that are shared: the versions of the arithmetic that trained it."""
FACTS = ("spec", "sizes", "leakage")
"""The fields of a split that are shared."""


@dataclass
class NeutralCaches:
    """Neutral names for weights that came from files and for their caches, and random digests for all caches."""

    weights: dict[str, str]
    caches: dict[str, str] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, sweeps: Iterable[Sweep]) -> NeutralCaches:
        """Names for the weights and caches of some sweeps, the same name in each sweep."""
        records = [record for sweep in sweeps for record in sweep.about["caches"].values()]
        weights = (str(record["weights"]) for record in records)
        labels = shuffled(label for label in weights if label.startswith(FILE_WEIGHTS))
        return cls({label: f"{FILE_WEIGHTS}{number}" for number, label in enumerate(labels, start=1)})

    def label(self, weights: str) -> str:
        """The neutral label of weights; a normalisation after a comma stays."""
        label, comma, normalisation = weights.partition(",")
        return self.weights.get(label, label) + comma + normalisation

    def record(self, record: dict[str, Any]) -> dict[str, Any]:
        """What a sweep stores on a cache, with neutral weights and a random digest."""
        neutral = {**record, "weights": self.label(str(record["weights"]))}
        if "digest" in record:
            neutral["digest"] = self.digests.setdefault(record["digest"], secrets.token_hex(32))
        return neutral

    def name(self, cache: str, dataset: str, record: dict[str, Any]) -> str:
        """The name of a cache; a neutral one where it holds the name of a file."""
        if str(record["weights"]) not in self.weights:
            return cache
        fields = {field.name for field in dataclasses.fields(CacheSpec)}
        spec = CacheSpec(dataset, **{name: value for name, value in self.record(record).items() if name in fields})
        return self.caches.setdefault(cache, f"{spec.readable_name()}-{secrets.token_hex(4)}")


def share_sweep(home: Home, sweep: Sweep, dataset: SharedDataset, caches: NeutralCaches) -> None:
    """Write a sweep into a home to share; where the true names stay, its files are copied as they are."""
    folder = home.sweep(sweep.id)
    folder.mkdir(parents=True)
    kind = str(sweep.runs["kind"].iloc[0])
    about = {"dataset": dataset.about(sweep.about["dataset"], kind)}
    if dataset.pseudonyms is None:
        for file in (RUNS, IMAGES, LOGITS, PARTS_FILE, HISTORY):
            shutil.copyfile(sweep.folder / file, folder / file)
        write_about(folder, {**sweep.about, **about})
        return
    images = dataset.pseudonyms.over(sweep.images)
    rows = {name: row for row, name in enumerate(dataset.shared.table(kind)["image"])}
    order = np.argsort(images["image"].map(rows).to_numpy())
    records = sweep.about["caches"].items()
    names = {name: caches.name(name, dataset.shared.name, record) for name, record in records}
    runs = sweep.runs.assign(cache=sweep.runs["cache"].map(names), weights=sweep.runs["weights"].map(caches.label))
    _write_tables(home, sweep.id, {RUNS: runs, IMAGES: images.iloc[order]})
    arrays = {LOGITS: sweep.logits[:, order], PARTS_FILE: sweep.parts[:, order], HISTORY: sweep.history}
    _write_arrays(home, sweep.id, arrays)
    write_about(folder, {**_about(sweep, names, caches), **about})


def date_sweeps(home: Home, oldest_first: Iterable[str], now: float) -> None:
    """Set the sweeps' times one second apart: they are listed by age, but their true age is not shared."""
    names = list(oldest_first)
    for number, name in enumerate(names):
        time = int(now) - len(names) + number
        os.utime(home.sweep(name) / ABOUT, (time, time))


def _about(sweep: Sweep, names: dict[str, str], caches: NeutralCaches) -> dict[str, Any]:
    own = sweep.about
    spec = {**own["spec"], "caches": [names[name] for name in own["spec"]["caches"]]} if "spec" in own else None
    stopped = {"stopped": {name: int(own["stopped"][name]) for name in ("runs", "of")}} if own.get("stopped") else {}
    return {
        "id": sweep.id,
        **({"spec": spec} if spec else {}),
        "identity": {name: own.get("identity", {})[name] for name in VERSIONS if name in own.get("identity", {})},
        "caches": {names[name]: caches.record(record) for name, record in own["caches"].items()},
        "splits": [{name: facts[name] for name in FACTS if name in facts} for facts in own["splits"]],
        "seconds": None,
        **stopped,
    }


def _write_tables(home: Home, name: str, tables: dict[str, pd.DataFrame]) -> None:
    for file, table in tables.items():
        with atomic_file(home.sweep(name) / file) as stream:
            table.to_parquet(stream, index=False)


def _write_arrays(home: Home, name: str, arrays: dict[str, NDArray[Any]]) -> None:
    for file, array in arrays.items():
        with atomic_file(home.sweep(name) / file) as stream:
            np.save(stream, np.asarray(array), allow_pickle=False)
