"""Threads that each keep a processor core busy with work of its own."""

from __future__ import annotations

import contextlib
import itertools
from concurrent.futures import ThreadPoolExecutor, wait
from queue import Empty, SimpleQueue
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Item = TypeVar("Item")


class _AtWork:
    """How many crews of this process are at work: the first that begins and the last that ends set torch's threads."""

    def __init__(self) -> None:
        self.lock, self.count, self.before = Lock(), 0, 1

    def begin(self) -> None:
        with self.lock:
            if not self.count:
                self.before = torch.get_num_threads()
            self.count += 1
            torch.set_num_threads(1)

    def end(self) -> None:
        with self.lock:
            self.count -= 1
            torch.set_num_threads(1 if self.count else self.before)


_AT_WORK = _AtWork()


class ThreadPool:
    """So many threads, the caller's among them. At work, torch keeps to one core in each.

    Its own threads would wait for one another at every operation, and stall as soon as a core has other work.
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._pool = None
        if threads > 1:
            self._pool = ThreadPoolExecutor(threads - 1, "mammo-heads", torch.set_num_threads, (1,))

    def close(self) -> None:
        """Let the threads go."""
        if self._pool:
            self._pool.shutdown()

    @contextlib.contextmanager
    def single_threaded_torch(self) -> Iterator[None]:
        """While this lasts, torch leaves the other cores to the crew."""
        _AT_WORK.begin()
        try:
            yield
        finally:
            _AT_WORK.end()

    def each(self, work: Callable[[Item], None], items: Sequence[Item]) -> None:
        """Do `work` on every item, as many at once as there are threads; raises what one of them raised."""
        if self._pool is None or len(items) < 2:
            for item in items:
                work(item)
            return
        todo: SimpleQueue[Item] = SimpleQueue()
        for item in items:
            todo.put(item)
        helpers = [self._pool.submit(_work_off, work, todo) for _ in range(min(self.threads, len(items)) - 1)]
        try:
            _work_off(work, todo)
        finally:
            wait(helpers)
        for helper in helpers:
            helper.result()

    def shares(self, rows: int, strip: int) -> list[slice]:
        """Slices that cover `rows` in whole strips, one a thread where there are so many strips."""
        strips = rows // strip
        threads = max(1, min(self.threads, strips))
        edges = [strip * (strips * number // threads) for number in range(threads)] + [rows]
        return [slice(*pair) for pair in itertools.pairwise(edges)]


def _work_off(work: Callable[[Item], None], todo: SimpleQueue[Item]) -> None:
    while True:
        try:
            item = todo.get_nowait()
        except Empty:
            return
        work(item)
