"""Filling caches: worker processes read ahead while the trunks run and threads write."""

from __future__ import annotations

import contextlib
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from mammo.data.dataset.dataset import Dataset
from mammo.data.files.indexed_file import IndexedFile
from mammo.errors import MammoError
from mammo.features.cache.cache import CHUNK
from mammo.features.cache.store import CacheWriter
from mammo.features.extraction.forward import Forward, on_device
from mammo.images.augment import AUGMENTATIONS
from mammo.images.prepare import Variant, prepare_stacks
from mammo.images.warp import warp_pictures
from mammo.processes.parallel import cores, ordered_map
from mammo.progress import Progress, Work

WRITERS = 16
"""The most threads that compress and write, one a core; twice as many chunks may wait for them."""
TOGETHER = 4
"""Files that a worker reads at once: handing over one by one would cost as much as reading a small file."""
READ_AHEAD = 512 * 2**20
"""Bytes of prepared pictures that may wait for the trunks beside the chunk they work on."""
LANES = {"cuda": 2}
"""Threads that feed one device of a type, one where none is named: the copies of one hide behind the other's work."""


@dataclass
class Plan:
    """One cache to fill: `todo` holds the (version, chunk) pairs that were missing at first.

    `forwards` holds the trunk on each device, in one order for all plans.
    """

    variant: Variant
    forwards: list[Forward]
    writer: CacheWriter
    todo: frozenset[tuple[int, int]]

    @property
    def augment(self) -> str:
        """The augmentation."""
        return self.writer.spec.augment

    @property
    def computed(self) -> int:
        """How many versions of images were missing at first."""
        return sum(rows_of(chunk, len(self.writer.ids)) for _, chunk in self.todo)


@dataclass(frozen=True)
class _Task:
    """One version of one chunk of images, for every plan that lacks it."""

    version: int
    chunk: int
    ids: list[str]
    pictures: dict[Variant, NDArray[np.float32]]
    plans: list[Plan]


def rows_of(chunk: int, images: int) -> int:
    """The number of images in a chunk."""
    return min(CHUNK, images - chunk * CHUNK)


def fill(dataset: Dataset, table: pd.DataFrame, plans: list[Plan], workers: int | None) -> Work[None]:
    """Compute and write what `plans` lack, every file read once for all; the devices share the work.

    Raises MammoError where a file cannot be read, an activation is not finite, or the disk is full.
    """
    images, most = len(table), max(plan.writer.versions for plan in plans)
    missing = {pair for plan in plans for pair in plan.todo}
    done, total = images * most - sum(rows_of(chunk, images) for _, chunk in missing), images * most
    unit = "images" if most == 1 else "pictures"
    yield Progress("extract", done, total, unit)
    with _Floor([forward.device for forward in plans[0].forwards]) as floor:
        for task in _tasks(dataset, table, plans, workers):
            for finished in floor.run(task):
                done += len(finished.ids)
                yield Progress("extract", done, total, unit)
        for finished in floor.rest():
            done += len(finished.ids)
            yield Progress("extract", done, total, unit)
    for plan in plans:
        plan.writer.finish()


class _Floor:
    """Threads that run tasks on the devices and write what comes out; neither gets far ahead of the other."""

    def __init__(self, devices: Sequence[torch.device]) -> None:
        lanes = [
            _Lane(number, device) for number, device in enumerate(devices) for _ in range(LANES.get(device.type, 1))
        ]
        self.free: SimpleQueue[_Lane] = SimpleQueue()
        for lane in lanes:
            self.free.put(lane)
        self.ahead = len(lanes)
        self.running = ThreadPoolExecutor(len(lanes))
        self.writers = min(WRITERS, cores())
        self.writing = ThreadPoolExecutor(self.writers)
        self.under_way: deque[Future[tuple[_Task, list[Future[None]]]]] = deque()
        self.writes: deque[Future[None]] = deque()

    def __enter__(self) -> _Floor:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Wait for what runs; unless an error ended the work, which leaves what was read before it, begin no more."""
        with self.writing, self.running:
            if kind and not issubclass(kind, MammoError):
                for future in self.under_way:
                    future.cancel()

    def run(self, task: _Task) -> Iterator[_Task]:
        """Take a task on; yield those that had to end before there was room for it."""
        while len(self.under_way) > self.ahead:
            yield self._next()
        self.under_way.append(self.running.submit(self._run, task))

    def rest(self) -> Iterator[_Task]:
        """Yield the tasks that are left as they end; all is written afterwards."""
        while self.under_way:
            yield self._next()
        self._await_writes(0)

    def _next(self) -> _Task:
        task, writes = self.under_way.popleft().result()
        self.writes.extend(writes)
        self._await_writes(2 * self.writers)
        return task

    def _await_writes(self, most: int) -> None:
        while len(self.writes) > most:
            self.writes.popleft().result()

    def _run(self, task: _Task) -> tuple[_Task, list[Future[None]]]:
        lane = self.free.get()
        try:
            made = list(lane.run(task))
        finally:
            self.free.put(lane)
        return task, [
            self.writing.submit(plan.writer.write, task.version, task.chunk, maps, pooled)
            for plan, maps, pooled in made
        ]


class _Lane:
    """A device by its number, and on a GPU a stream of its own there."""

    def __init__(self, number: int, device: torch.device) -> None:
        self.number = number
        self.device = device
        streams: Any = torch.cuda
        self.stream = streams.Stream(device) if device.type == "cuda" else None

    def run(self, task: _Task) -> Iterator[tuple[Plan, NDArray[np.floating], NDArray[np.float32]]]:
        """Maps and their means of a task for each of its plans; pictures are warped once for all that want the same."""
        alike: defaultdict[tuple[Variant, str], list[Plan]] = defaultdict(list)
        for plan in task.plans:
            alike[plan.variant, plan.augment].append(plan)
        with torch.cuda.stream(self.stream) if self.stream else contextlib.nullcontext(), torch.inference_mode():
            for (variant, augment), plans in alike.items():
                pictures = on_device(task.pictures[variant], self.device)
                if task.version:
                    draw = AUGMENTATIONS[augment].draw
                    pictures = warp_pictures(pictures, [draw(image, task.version) for image in task.ids])
                for plan in plans:
                    yield plan, *plan.forwards[self.number](pictures)


def _tasks(dataset: Dataset, table: pd.DataFrame, plans: list[Plan], workers: int | None) -> Iterator[_Task]:
    """Every (version, chunk) that is missing somewhere, chunk by chunk."""
    ids = list(table["image"])
    for chunk, pictures in _pictures(dataset, table, plans, workers):
        for version in range(max(plan.writer.versions for plan in plans)):
            lacking = [plan for plan in plans if (version, chunk) in plan.todo]
            if lacking:
                yield _Task(version, chunk, ids[chunk * CHUNK : (chunk + 1) * CHUNK], pictures, lacking)


def _pictures(
    dataset: Dataset, table: pd.DataFrame, plans: list[Plan], workers: int | None
) -> Iterator[tuple[int, dict[Variant, NDArray[np.float32]]]]:
    """For each chunk to do, the pictures (images, size, size) of every variant that a plan lacks there."""
    sources, workers = dataset.sources(table), workers or cores()
    needed: defaultdict[int, dict[Variant, None]] = defaultdict(dict)
    for plan in plans:
        for _, chunk in sorted(plan.todo):
            needed[chunk][plan.variant] = None
    variants = {chunk: tuple(needed[chunk]) for chunk in sorted(needed)}
    requests = ((group, wanted) for chunk, wanted in variants.items() for group in _groups(sources, chunk))
    prepared = ordered_map(prepare_stacks, requests, workers, _ahead(plans) // (workers * TOGETHER) + 1)
    for chunk, wanted in variants.items():
        groups = [next(prepared) for _ in _groups(sources, chunk)]
        stacked = (np.concatenate(column) for column in zip(*groups, strict=True))
        yield chunk, dict(zip(wanted, stacked, strict=True))


def _groups(sources: list[IndexedFile], chunk: int) -> list[tuple[IndexedFile, ...]]:
    """The files of a chunk, divided into what a worker reads at once."""
    mine = sources[chunk * CHUNK : (chunk + 1) * CHUNK]
    return [tuple(mine[start : start + TOGETHER]) for start in range(0, len(mine), TOGETHER)]


def _ahead(plans: list[Plan]) -> int:
    """How many images are read ahead: two chunks, where they are not too large."""
    each = sum(4 * variant.size**2 for variant in {plan.variant for plan in plans})
    return min(2 * CHUNK, READ_AHEAD // max(1, each))
