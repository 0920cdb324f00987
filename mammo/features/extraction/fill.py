"""Fill caches: worker processes read images ahead while the trunks run and threads write the results."""

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

MAX_WRITERS = 16
"""The most threads that compress and write, one per core; up to twice as many chunks wait for them."""
FILES_PER_TASK = 4
"""Files that a worker reads in one task: to send single small files between processes costs as much as reading them."""
READ_AHEAD = 512 * 2**20
"""The most bytes of prepared pictures that wait for the trunks, besides the chunk being computed."""
THREADS_PER_DEVICE = {"cuda": 2}
"""Threads for each device, by type, one by default: one thread copies data while the other computes."""


@dataclass
class FillPlan:
    """One cache to fill: `todo` has the (version, chunk) pairs that are missing at the start.

    `forwards` has the trunk on each device, in the same order for all plans.
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
        """The number of versions of images that are missing at the start."""
        return sum(rows_of(chunk, len(self.writer.ids)) for _, chunk in self.todo)


@dataclass(frozen=True)
class _Task:
    """One version of one chunk of images, to be computed for every plan that lacks it."""

    version: int
    chunk: int
    ids: list[str]
    pictures: dict[Variant, NDArray[np.float32]]
    plans: list[FillPlan]


def rows_of(chunk: int, images: int) -> int:
    """Return the number of images in a chunk, of `images` in all."""
    return min(CHUNK, images - chunk * CHUNK)


def fill(dataset: Dataset, table: pd.DataFrame, plans: list[FillPlan], workers: int | None) -> Work[None]:
    """Compute and write the chunks that `plans` lack; every file is read once, and the devices share the work.

    Raises MammoError where a file cannot be read, an activation is not finite, or the disk is full.
    """
    images, versions = len(table), max(plan.writer.versions for plan in plans)
    missing = {pair for plan in plans for pair in plan.todo}
    done, total = images * versions - sum(rows_of(chunk, images) for _, chunk in missing), images * versions
    unit = "images" if versions == 1 else "pictures"
    yield Progress("extract", done, total, unit)
    with _DevicePool([forward.device for forward in plans[0].forwards]) as pool:
        for task in _tasks(dataset, table, plans, workers):
            for finished in pool.run(task):
                done += len(finished.ids)
                yield Progress("extract", done, total, unit)
        for finished in pool.remaining():
            done += len(finished.ids)
            yield Progress("extract", done, total, unit)
    for plan in plans:
        plan.writer.finish()


class _DevicePool:
    """Threads that run tasks on the devices, and threads that write the results; neither runs far ahead."""

    def __init__(self, devices: Sequence[torch.device]) -> None:
        threads = [
            _DeviceThread(number, device)
            for number, device in enumerate(devices)
            for _ in range(THREADS_PER_DEVICE.get(device.type, 1))
        ]
        self.free: SimpleQueue[_DeviceThread] = SimpleQueue()
        for thread in threads:
            self.free.put(thread)
        self.max_waiting = len(threads)
        self.running = ThreadPoolExecutor(len(threads))
        self.writers = min(MAX_WRITERS, cores())
        self.writing = ThreadPoolExecutor(self.writers)
        self.tasks_running: deque[Future[tuple[_Task, list[Future[None]]]]] = deque()
        self.writes: deque[Future[None]] = deque()

    def __enter__(self) -> _DevicePool:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Wait for the running tasks; cancel waiting tasks, except after a MammoError: its earlier images are kept."""
        with self.writing, self.running:
            if kind and not issubclass(kind, MammoError):
                for future in self.tasks_running:
                    future.cancel()

    def run(self, task: _Task) -> Iterator[_Task]:
        """Submit a task; yield the tasks that had to finish first to make room for it."""
        while len(self.tasks_running) > self.max_waiting:
            yield self._next()
        self.tasks_running.append(self.running.submit(self._run, task))

    def remaining(self) -> Iterator[_Task]:
        """Yield the remaining tasks as they finish; after that, everything is written."""
        while self.tasks_running:
            yield self._next()
        self._await_writes(0)

    def _next(self) -> _Task:
        task, writes = self.tasks_running.popleft().result()
        self.writes.extend(writes)
        self._await_writes(2 * self.writers)
        return task

    def _await_writes(self, most: int) -> None:
        while len(self.writes) > most:
            self.writes.popleft().result()

    def _run(self, task: _Task) -> tuple[_Task, list[Future[None]]]:
        thread = self.free.get()
        try:
            activations = list(thread.run(task))
        finally:
            self.free.put(thread)
        return task, [
            self.writing.submit(plan.writer.write, task.version, task.chunk, maps, pooled)
            for plan, maps, pooled in activations
        ]


class _DeviceThread:
    """One thread's access to a device: the device's number, and on a GPU a stream of its own."""

    def __init__(self, number: int, device: torch.device) -> None:
        self.number = number
        self.device = device
        streams: Any = torch.cuda
        self.stream = streams.Stream(device) if device.type == "cuda" else None

    def run(self, task: _Task) -> Iterator[tuple[FillPlan, NDArray[np.floating], NDArray[np.float32]]]:
        """Yield maps and means of a task for each of its plans; plans with the same pictures share the warping."""
        groups: defaultdict[tuple[Variant, str], list[FillPlan]] = defaultdict(list)
        for plan in task.plans:
            groups[plan.variant, plan.augment].append(plan)
        with torch.cuda.stream(self.stream) if self.stream else contextlib.nullcontext(), torch.inference_mode():
            for (variant, augment), plans in groups.items():
                pictures = on_device(task.pictures[variant], self.device)
                if task.version:
                    draw = AUGMENTATIONS[augment].draw
                    pictures = warp_pictures(pictures, [draw(image, task.version) for image in task.ids])
                for plan in plans:
                    yield plan, *plan.forwards[self.number](pictures)


def _tasks(dataset: Dataset, table: pd.DataFrame, plans: list[FillPlan], workers: int | None) -> Iterator[_Task]:
    """Yield a task for every (version, chunk) that some plan lacks, chunk by chunk."""
    ids = list(table["image"])
    for chunk, pictures in _pictures(dataset, table, plans, workers):
        for version in range(max(plan.writer.versions for plan in plans)):
            lacking = [plan for plan in plans if (version, chunk) in plan.todo]
            if lacking:
                yield _Task(version, chunk, ids[chunk * CHUNK : (chunk + 1) * CHUNK], pictures, lacking)


def _pictures(
    dataset: Dataset, table: pd.DataFrame, plans: list[FillPlan], workers: int | None
) -> Iterator[tuple[int, dict[Variant, NDArray[np.float32]]]]:
    """Yield, for each chunk to compute, the pictures (images, size, size) of every variant that a plan needs."""
    sources, workers = dataset.sources(table), workers or cores()
    needed: defaultdict[int, dict[Variant, None]] = defaultdict(dict)
    for plan in plans:
        for _, chunk in sorted(plan.todo):
            needed[chunk][plan.variant] = None
    variants = {chunk: tuple(needed[chunk]) for chunk in sorted(needed)}
    requests = (
        (group, chunk_variants) for chunk, chunk_variants in variants.items() for group in _groups(sources, chunk)
    )
    prepared = ordered_map(prepare_stacks, requests, workers, _images_ahead(plans) // (workers * FILES_PER_TASK) + 1)
    for chunk, chunk_variants in variants.items():
        groups = [next(prepared) for _ in _groups(sources, chunk)]
        stacked = (np.concatenate(column) for column in zip(*groups, strict=True))
        yield chunk, dict(zip(chunk_variants, stacked, strict=True))


def _groups(sources: list[IndexedFile], chunk: int) -> list[tuple[IndexedFile, ...]]:
    """Return the files of a chunk, divided into the tasks of the workers."""
    files = sources[chunk * CHUNK : (chunk + 1) * CHUNK]
    return [tuple(files[start : start + FILES_PER_TASK]) for start in range(0, len(files), FILES_PER_TASK)]


def _images_ahead(plans: list[FillPlan]) -> int:
    """Return how many images are read ahead: two chunks, or fewer where that is more than `READ_AHEAD` bytes."""
    image_bytes = sum(4 * variant.size**2 for variant in {plan.variant for plan in plans})
    return min(2 * CHUNK, READ_AHEAD // max(1, image_bytes))
