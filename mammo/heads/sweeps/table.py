"""The table of a sweep: its trained units brought together, and described."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammo.data.dataset.dataset import FILE
from mammo.data.splits.leakage import leakage
from mammo.data.splits.protocols import Parts, sizes
from mammo.features.cache.cache import Cache
from mammo.heads.sweeps.plan import SweepPlan
from mammo.heads.sweeps.units import TOLD, UNITS, Unit, is_finished
from mammo.runs.sweep_files import (
    ABOUT,
    FILES,
    HEADS,
    HISTORY,
    IMAGES,
    LOGITS,
    PARTS_FILE,
    RUNS,
    FileError,
    SweepFileFacts,
    read_about,
    with_digest,
)
from mammo.specs import PROBE, STRENGTHS, HeadSpec, SplitSpec
from mammo.specs.cache_spec import CACHE_AXES
from mammo.specs.split_spec import SPLIT_AXES
from mammo.storage.atomic_files import atomic_file
from mammo.storage.digests import digest_bytes, digest_stream
from mammo.storage.json_files import json_bytes


def assemble(plan: SweepPlan, units: list[Unit], seconds: float) -> None:
    """Bring all units together into one table and remove them; the last file written makes the sweep valid."""
    _tabulate(plan, units, {"seconds": round(seconds, 3)})
    shutil.rmtree(plan.folder / UNITS)


def assemble_finished(plan: SweepPlan, units: list[Unit]) -> None:
    """Bring the units that are trained together into a table of their runs alone.

    The units stay, so that training can go on; the sweep tells of itself that it was stopped.
    """
    finished = [unit for unit in units if is_finished(unit)]
    kept = sum(len(unit.heads) * len(unit.splits) for unit in finished)
    _tabulate(plan, finished, {"seconds": None, "stopped": {"runs": kept, "of": plan.spec.runs}})


def _tabulate(plan: SweepPlan, units: list[Unit], told: dict[str, Any]) -> None:
    """Write the table of the runs of some units; a table that was there stays until the new one takes its place."""
    from safetensors.numpy import load_file, save

    runs = run_table(plan)
    longest = max(head.epochs for head in plan.spec.heads)
    logits = np.empty((len(runs), len(plan.table)), dtype=np.float32)
    history = np.full((len(runs), longest, 5), np.nan, dtype=np.float32)
    epochs, best = np.zeros(len(runs), dtype=int), np.ones(len(runs), dtype=int)
    weights: dict[str, NDArray[np.float32]] = {}
    for unit in units:
        tensors = load_file(unit.file)
        for split in unit.splits:
            found = {name: tensors[f"{split}.{name}"] for name in TOLD}
            rows = [_run_of(plan, split, unit.cache, number) for number in unit.heads]
            logits[rows], epochs[rows], best[rows] = found["logits"], found["epochs"], found["best_epoch"]
            history[rows, : found["history"].shape[1]] = found["history"]
        for key, value in tensors.items():
            split_number, number, *name = key.split(".")
            if name:
                run = _run_of(plan, int(split_number), unit.cache, int(number))
                weights[".".join([str(run), *name])] = value
    there = np.flatnonzero(epochs)
    splits = [split_facts(plan, row) for row in range(len(plan.parts))]
    arrays: dict[str, NDArray[Any]] = {
        LOGITS: logits[there],
        HISTORY: history[there],
        PARTS_FILE: np.stack(plan.parts),
    }
    tables = {RUNS: with_training(runs, epochs, best).iloc[there], IMAGES: plan.table.drop(columns=FILE)}
    _replace(
        plan.folder,
        {
            **{file: partial(_write_table, table) for file, table in tables.items()},
            **{file: partial(_write_array, array) for file, array in arrays.items()},
            HEADS: lambda stream: stream.write(save(weights)),
        },
        {**plan.about, "splits": splits, **told},
    )


def _write_table(table: pd.DataFrame, stream: IO[bytes]) -> None:
    table.to_parquet(stream, index=False)


def _write_array(array: NDArray[Any], stream: IO[bytes]) -> None:
    np.save(stream, array, allow_pickle=False)


def _replace(folder: Path, files: Mapping[str, Callable[[IO[bytes]], object]], about: dict[str, Any]) -> None:
    """Write all files of a table beside their places, then move them there at once, what it tells of itself last.

    Whoever reads meanwhile finds the old table or the new one, whole: digests tell a mixture apart, and a table without
    digests, of an earlier version, goes first.
    """
    with contextlib.suppress(FileError):
        if FILES not in read_about(folder):
            (folder / ABOUT).unlink()
    facts: dict[str, SweepFileFacts] = {}
    with contextlib.ExitStack() as moves:
        last = moves.enter_context(atomic_file(folder / ABOUT))
        for file, write in files.items():
            stream = moves.enter_context(atomic_file(folder / file, "w+b"))
            write(stream)
            stream.flush()
            os.fsync(stream.fileno())
            stream.seek(0)
            facts[file] = {"bytes": os.fstat(stream.fileno()).st_size, "sha256": digest_stream(stream)}
        last.write(json_bytes(with_digest(about, facts)))


def split_facts(plan: SweepPlan, row: int) -> dict[str, Any]:
    """What is told of a split: its spec, the sizes of its parts and its leakage."""
    split, parts = plan.spec.splits[row], plan.parts[row]
    identity = plan.about["identity"]["truth"], plan.about["dataset"]["digest"], digest_bytes(parts.tobytes())
    leaks = _leakage(_Divided("-".join(identity), plan.table, parts))
    return {"spec": split.to_json(), "sizes": sizes(parts), "leakage": dict(leaks)}


@dataclass(frozen=True)
class _Divided:
    """A data set's table and the parts of its rows, told apart by a digest of both."""

    digest: str
    table: pd.DataFrame = field(compare=False)
    parts: Parts = field(compare=False)


@lru_cache(maxsize=32)
def _leakage(divided: _Divided) -> dict[str, int | None]:
    """The leakage of a split, counted once for all sweeps of one process: to compare all films takes time."""
    return leakage(divided.table, divided.parts)


def _run_of(plan: SweepPlan, split: int, cache: int, head: int) -> int:
    """The row of a run: splits outermost, then caches, then heads."""
    return (split * len(plan.caches) + cache) * len(plan.spec.heads) + head


def run_table(plan: SweepPlan) -> pd.DataFrame:
    """One row a run, as it will be stored, without what training finds."""
    return pd.DataFrame(_run_rows(plan))


def _run_rows(plan: SweepPlan) -> Iterator[dict[str, Any]]:
    number = 0
    for split, split_spec in enumerate(plan.spec.splits):
        for cache in plan.caches:
            for head in plan.spec.heads:
                yield {"run": f"{plan.folder.name}.{number}", **_row(split, split_spec, cache, head)}
                number += 1


def with_training(runs: pd.DataFrame, epochs: NDArray[Any], best: NDArray[Any]) -> pd.DataFrame:
    """The runs with what training found: epochs, the best of them, and the strength of that where they are a path's."""
    solved = (runs["optimizer"] == PROBE).to_numpy()
    strength = np.full(len(runs), np.nan)
    strength[solved] = np.take(STRENGTHS, best[solved] - 1)
    return runs.assign(trained_epochs=epochs, best_epoch=best, strength=strength)


def _row(split: int, split_spec: SplitSpec, cache: Cache, head: HeadSpec) -> dict[str, Any]:
    split_columns = {column: getattr(split_spec, axis.field) for column, axis in SPLIT_AXES.items()}
    cache_columns = {name: getattr(cache.spec, name) for name in CACHE_AXES} | {"weights": cache.spec.weights_words}
    return {"cache": cache.name, **cache_columns, **head.to_json(), "split": split, **split_columns}
