"""Heads on pooled features, trained at once in the caller's own process; nothing is written."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mammo.data.dataset.dataset import FILE
from mammo.errors import MammoError
from mammo.heads.grid import check_names
from mammo.heads.pools import POOLS
from mammo.heads.sweeps.plan import SweepPlan, open_plan
from mammo.heads.sweeps.table import run_table, split_facts, with_training
from mammo.heads.training.vectors import Source, source_of
from mammo.progress import finish
from mammo.runs.sweep import Sweep
from mammo.specs import HeadSpec, Home, SweepSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

NAME = "instant"
"""The name of a sweep that is in memory only."""
POOL = "gap"
"""The pool whose vectors are small enough to train on while one waits."""
TAP = "features"
"""The tap whose caches hold what a head sees; others still have layers to pass."""


@dataclass(frozen=True)
class Workbench:
    """What heads are trained on at once: the setting, each cache's vectors, and what is told of each split."""

    plan: SweepPlan
    sources: list[Source]
    splits: list[dict[str, Any]]


def instant_part(spec: SweepSpec) -> SweepSpec | None:
    """The heads on pooled features among those of a sweep that train epoch by epoch; None where there are none."""
    frozen = (head for head in spec.heads if head.pool == POOL and head.finetune == "none")
    heads = tuple(head for head in frozen if not head.solved)
    return dataclasses.replace(spec, heads=heads) if heads else None


def open_workbench(home: Home, spec: SweepSpec) -> Workbench:
    """Open and check the caches and splits of a sweep, whatever its heads.

    Raises MammoError where one does not fit the data set, or a cache was cut before the trunk's last map.
    """
    plan = open_plan(home, spec)
    for cache in plan.caches:
        if cache.spec.tap != TAP:
            raise MammoError(f"The cache {cache.name!r} is cut at {cache.spec.tap}; heads train at once on {TAP} only.")
    return Workbench(
        plan,
        [source_of(cache, POOLS[POOL]).held() for cache in plan.caches],
        [split_facts(plan, row) for row in range(len(plan.parts))],
    )


def train_at_once(bench: Workbench, heads: Sequence[HeadSpec], device: str | None = None) -> Sweep:
    """Train heads on every cache and split of a workbench: the scores that the sweep of the same spec would store.

    The sweep is in memory only, and its `folder` is not there. Raises MammoError where a head is not on pooled
    features, or the images cannot train it.
    """
    from mammo.heads.training.train import Resources, train_splits

    if any(head.pool != POOL or head.solved for head in heads):
        raise MammoError(f"Only heads on {POOL} train at once; train the others as a sweep.")
    for head in heads:
        check_names(head)
    started = time.monotonic()
    tasks = [bench.plan.task(split) for split in range(len(bench.splits))]
    results = [finish(train_splits(source, tasks, heads, device, Resources(threads=1))) for source in bench.sources]
    trained = [of_cache[split] for split in range(len(tasks)) for of_cache in results]
    spec = dataclasses.replace(bench.plan.spec, heads=tuple(heads))
    plan = dataclasses.replace(bench.plan, spec=spec, folder=bench.plan.folder.with_name(NAME))
    epochs, best = (np.concatenate([getattr(result, name) for result in trained]) for name in ("epochs", "best_epoch"))
    runs = with_training(run_table(plan), epochs, best)
    about = {**plan.about, "id": NAME, "spec": spec.to_json(), "splits": bench.splits}
    return Sweep(
        NAME,
        plan.folder,
        {**about, "seconds": round(time.monotonic() - started, 3)},
        runs,
        plan.table.drop(columns=FILE),
        np.concatenate([result.logits for result in trained]),
        np.stack(plan.parts),
        np.concatenate([result.history for result in trained]),
    )
