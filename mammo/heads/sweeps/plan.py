"""A sweep with everything it needs opened and checked, before any head is trained."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mammo.data.dataset.dataset import Dataset
from mammo.data.splits.labels import LABELS
from mammo.data.splits.protocols import Parts, draw
from mammo.errors import MammoError
from mammo.features.cache.cache import Cache
from mammo.features.trunks.weights import weights_note
from mammo.heads.finetune import FROZEN, TAILS
from mammo.heads.training.task import Task
from mammo.specs import Home, SweepSpec
from mammo.specs.cache_spec import CACHE_AXES
from mammo.specs.head_spec import HEAD_AXES
from mammo.storage.digests import digest_bytes, digest_json

TRAINING = 3
"""The version of training's arithmetic: rises when the same heads on the same numbers come to other scores."""

SHOWN = 2
"""The earliest version whose sweeps a report may still show: it differs from today's in how numbers are rounded."""

PROBES = 2
"""Rises when a probe gives other numbers from the same cache."""

LONGEST = 70
"""Letters of a sweep's name before its identity."""

NORMALISED = ("mean", "std")
"""Fields that a cache's description has only where they are not the trunk's own."""

OF_LABELS = ("columns", "classes", "labels_from_birads")
"""What a data set says of its labels, kept where it says so."""

TRUTH = ["image", "patient", "breast", "view", "film", "label", "pathology", "birads"]
"""What of the images' table can change a score or a figure."""


@dataclass(frozen=True)
class SweepPlan:
    """What a sweep trains on: its images, caches and splits; `about` is what will be told of it."""

    spec: SweepSpec
    folder: Path
    table: pd.DataFrame
    caches: list[Cache]
    parts: list[Parts]
    about: dict[str, Any]

    def task(self, split: int) -> Task:
        """What heads learn on the split in row `split`."""
        policy = LABELS[self.spec.splits[split].labels]
        return Task(policy.targets(self.table), self.parts[split], len(policy.classes))


def open_plan(home: Home, spec: SweepSpec) -> SweepPlan:
    """Open what a sweep needs; raises MammoError where a cache or split does not fit the data set."""
    dataset = Dataset.open(home, spec.dataset)
    caches = [Cache.open(home, spec.dataset, name) for name in spec.caches]
    kinds = {cache.spec.kind for cache in caches}
    if len(kinds) != 1:
        raise MammoError(f"A sweep takes caches of one image kind, not of {' and '.join(sorted(kinds))}.")
    table = dataset.table(kinds.pop())
    for cache in caches:
        _refuse_other_images(cache, dataset)
    parts = [draw(table, split) for split in spec.splits]
    about = _about(spec, dataset, caches, table, parts)
    name = f"{spec.dataset[:LONGEST]}-{digest_json(about['identity'])[:8]}"
    return SweepPlan(spec, home.sweep(name), table, caches, parts, {"id": name, **about})


def _refuse_other_images(cache: Cache, dataset: Dataset) -> None:
    if cache.manifest["identity"]["dataset_digest"] != dataset.digest(cache.spec.kind):
        raise MammoError(
            f"The cache {cache.name!r} was extracted from other images than the data set {dataset.name!r} now holds "
            "(field dataset_digest); extract it again."
        )


def truth_digest(table: pd.DataFrame) -> str:
    """SHA-256 of what a data set's table says of its images."""
    return digest_json(table[TRUTH].astype(str).fillna("").to_numpy().tolist())


def identifying(spec: SweepSpec) -> dict[str, Any]:
    """The spec as JSON in which heads lack the axes of later versions where they have the value of earlier ones."""
    content = spec.to_json()
    for head in content["heads"]:
        for name, axis in HEAD_AXES.items():
            if axis.since > 1 and head[name] == axis.absent:
                del head[name]
    return content


def _about(
    spec: SweepSpec, dataset: Dataset, caches: list[Cache], table: pd.DataFrame, parts: list[Parts]
) -> dict[str, Any]:
    identity = {
        "training": TRAINING,
        "spec": identifying(spec),
        "caches": [cache.manifest["digest"] for cache in caches],
        "truth": truth_digest(table),
        "parts": digest_bytes(np.stack(parts).tobytes()),
    }
    if any(cache.spec.tap != FROZEN for cache in caches):
        identity["tails"] = TAILS
    if any(head.solved for head in spec.heads):
        identity["probes"] = PROBES
    described = {cache.name: {name: getattr(cache.spec, name) for name in CACHE_AXES} for cache in caches}
    for cache in caches:
        described[cache.name] |= {name: values for name in NORMALISED if (values := list(getattr(cache.spec, name)))}
        note = weights_note(cache.spec.weights, cache.spec.trunk)
        described[cache.name] |= {"weights_note": note, "digest": cache.manifest["digest"]}
    facts = {"name": dataset.name, "synthetic": dataset.synthetic, "source": dataset.about["source"]}
    facts["notes"] = dataset.notes
    facts |= {name: dataset.about[name] for name in OF_LABELS if dataset.about.get(name)}
    facts["digest"] = dataset.digest(caches[0].spec.kind)
    return {"spec": spec.to_json(), "identity": identity, "dataset": facts, "caches": described}
