"""The verb `sweep`: every head of a grid on every cache and split, kept as one table."""

from __future__ import annotations

import time
from importlib import import_module
from pathlib import Path

from mammo.errors import MammoError
from mammo.heads.finetune import check_finetunes, tail_weights
from mammo.heads.grid import check_names, check_probes
from mammo.heads.sweeps.plan import open_plan
from mammo.heads.sweeps.table import assemble, assemble_finished
from mammo.heads.sweeps.units import UNITS, is_finished, train_units, units_of
from mammo.heads.training.vectors import check_draws
from mammo.progress import Work
from mammo.runs.sweep import is_complete
from mammo.specs import Home, SweepSpec
from mammo.storage.atomic_files import remove_partial_files
from mammo.storage.locks import folder_lock


def sweep(
    home: Home,
    spec: SweepSpec,
    device: str | None = None,
    weights_file: Path | None = None,
    memory: int | None = None,
) -> Work[str]:
    """Train a sweep and return its id; the same sweep on the same numbers is not trained twice.

    What a killed sweep had finished is kept. `memory` is how many bytes features may take: half of what is free, unless
    named; it changes no score. `weights_file` holds the trunk's weights where a cache in front of the
    trunk's last layer was made with weights from a file. Raises MammoError where a cache, a head or a split does not
    fit the data set, or the weights of a trunk's last layer are not there.
    """
    for head in spec.heads:
        check_names(head)
    plan = open_plan(home, spec)
    if any(head.solved for head in spec.heads):
        check_probes(spec.splits)
    check_finetunes(plan.caches, spec.heads)
    check_draws(plan.caches, spec.heads)
    if not is_complete(home, plan.folder.name):
        home.refuse_shared()
        home.refuse_links(plan.folder / UNITS)
        tails = [tail_weights(cache, weights_file) for cache in plan.caches]
        with folder_lock(plan.folder, "sweeping"):
            remove_partial_files(plan.folder)
            units = units_of(plan)
            import_module("mammo.heads.training.train")  # torch's seconds of import are no training
            started = time.monotonic()
            yield from train_units(plan, units, tails, device, memory)
            assemble(plan, units, time.monotonic() - started)
    return plan.folder.name


def keep_finished(home: Home, spec: SweepSpec) -> str:
    """Make a sweep of what a stopped one had finished and return its id; training it again does the rest.

    Raises MammoError where the sweep still trains, or where nothing of it is finished.
    """
    plan = open_plan(home, spec)
    if not is_complete(home, plan.folder.name):
        home.refuse_shared()
        home.refuse_links(plan.folder / UNITS)
        with folder_lock(plan.folder, "sweeping"):
            units = units_of(plan)
            if not any(map(is_finished, units)):
                raise MammoError(
                    "Nothing of this sweep is finished yet: heads are kept a unit at a time, those of one pool on one "
                    "cache. Train it to its end, or choose fewer heads or splits."
                )
            assemble_finished(plan, units)
    return plan.folder.name
