"""Untrusted work, such as reading files of unknown origin: in separate processes, and within limits.

Whether an item fails depends on the item alone: its limits are computing time and memory, an item that exceeds one is
tried again alone, and an interruption by the machine is distinguished from a fault of the item.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Generic, TypeVar

from mammo.processes.limits import Limits
from mammo.processes.parallel import cores
from mammo.processes.workers import IDLE_WORKERS, LOOK_SECONDS, Done, Failure, Fault, Interrupted, Outcome, Worker

__all__ = ["USUAL", "Failure", "Fault", "GuardedWork", "Interrupted", "Limits", "guarded_map"]

Item = TypeVar("Item")
Result = TypeVar("Result")

USUAL = Limits(seconds=30, memory=1280 * 2**20)
"""Limits of an item about which nothing is known."""
STALLED_SECONDS = 60.0
"""A worker that neither computes nor reads for so long is ended."""


def no_preparation() -> None:
    """Load nothing before a worker's first item."""


@dataclass(frozen=True)
class GuardedWork(Generic[Item, Result]):
    """A `function` of a module that is applied to each item in a worker process.

    `limits` gives the limits of an item. `warm` is called once in each worker before its first item, without limits.
    An item that neither computes nor reads for `stalled_seconds` is ended.
    """

    function: Callable[[Item], Result]
    limits: Callable[[Item], Limits] = lambda _: USUAL
    warm: Callable[[], None] = no_preparation
    stalled_seconds: float = STALLED_SECONDS


def guarded_map(
    work: GuardedWork[Item, Result],
    items: Iterable[Item],
    on_failure: Callable[[Item, Failure], Result],
    workers: int | None = None,
) -> Iterator[tuple[Item, Result]]:
    """Apply `work` to untrusted items on all cores; yield items and results in the order in which they end.

    An item that exceeds its limits, ends its worker or stalls is tried again after all others, alone and in a new
    process. If that fails too, its result is `on_failure(item, failure)`; no other item is affected. Exceptions of the
    function itself are raised.
    """
    to_retry = []
    for item, outcome in _outcomes(work, items, workers or cores()):
        if isinstance(outcome, Done):
            yield item, outcome.result
        else:
            to_retry.append(item)
    for item in to_retry:
        IDLE_WORKERS.dismiss()
        for _, outcome in _outcomes(work, [item], 1):
            yield item, outcome.result if isinstance(outcome, Done) else on_failure(item, outcome)


def _outcomes(work: GuardedWork[Item, Result], items: Iterable[Item], workers: int) -> Iterator[tuple[Item, Outcome]]:
    """Try each item once; yield it with its outcome."""
    waiting = iter(items)
    busy: dict[Connection, tuple[Worker, Item]] = {}
    try:
        while True:
            for _, item in zip(range(workers - len(busy)), waiting, strict=False):
                worker = IDLE_WORKERS.take()
                busy[worker.calls] = worker, item
                worker.begin(work.function, item, work.limits(item), work.warm)
            if not busy:
                return
            yield from _ended(busy)
            yield from _stalled(busy, work.stalled_seconds)
    finally:
        for worker, _ in busy.values():
            worker.end()


def _ended(busy: dict[Connection, tuple[Worker, Item]]) -> Iterator[tuple[Item, Outcome]]:
    """Yield the items that end within `LOOK_SECONDS`, with their outcomes; their workers become idle."""
    for calls in wait(list(busy), LOOK_SECONDS):
        worker, item = busy[calls]  # type: ignore[index]
        outcome = worker.outcome()
        del busy[worker.calls]
        IDLE_WORKERS.keep(worker)
        yield item, outcome


def _stalled(busy: dict[Connection, tuple[Worker, Item]], seconds: float) -> Iterator[tuple[Item, Interrupted]]:
    """Yield the items whose workers have neither computed nor read for so many seconds; end these workers."""
    for worker, item in list(busy.values()):
        if worker.seconds_idle() >= seconds and not worker.calls.poll():
            del busy[worker.calls]
            worker.end()
            yield item, Interrupted(f"its reader neither computed nor read for {seconds:.0f} seconds")
