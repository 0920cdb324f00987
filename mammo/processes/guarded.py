"""Work that nobody vouches for, such as reading strangers' files: in processes of its own, and within limits.

Whether an item is lost hangs on the item alone: its limits are computing time and memory, what ran out of one is tried
again alone, and what the machine kept from ending is told apart from what ended badly.
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
"""What an item may take of which nothing is known."""
STALLED_SECONDS = 60.0
"""A worker that neither computes nor reads for so long is stopped."""


def no_preparation() -> None:
    """What a worker does before its first item, where nothing is to be loaded."""


@dataclass(frozen=True)
class GuardedWork(Generic[Item, Result]):
    """What is done with each item, in a worker process: `function`, which stands in a module.

    `limits` says what an item may take. `warm` is called once in each worker before its first item and counts for
    none. An item that neither computes nor reads for `stalled_seconds` is stopped.
    """

    function: Callable[[Item], Result]
    limits: Callable[[Item], Limits] = lambda _: USUAL
    warm: Callable[[], None] = no_preparation
    stalled_seconds: float = STALLED_SECONDS


def guarded_map(
    work: GuardedWork[Item, Result],
    items: Iterable[Item],
    lost: Callable[[Item, Failure], Result],
    workers: int | None = None,
) -> Iterator[tuple[Item, Result]]:
    """Do `work` with items nobody vouches for, on all cores; items and results in the order in which they end.

    An item that takes more than its limits, ends its worker or stalls is tried again after all others, alone and in a
    new process. Where that fails too its result is `lost(item, failure)`; no other item is touched by it. Other
    exceptions arrive as they are.
    """
    again = []
    for item, outcome in _tried(work, items, workers or cores()):
        if isinstance(outcome, Done):
            yield item, outcome.result
        else:
            again.append(item)
    for item in again:
        IDLE_WORKERS.dismiss()
        for _, outcome in _tried(work, [item], 1):
            yield item, outcome.result if isinstance(outcome, Done) else lost(item, outcome)


def _tried(work: GuardedWork[Item, Result], items: Iterable[Item], workers: int) -> Iterator[tuple[Item, Outcome]]:
    """Each item, tried once, and what came of it."""
    left = iter(items)
    busy: dict[Connection, tuple[Worker, Item]] = {}
    try:
        while True:
            for _, item in zip(range(workers - len(busy)), left, strict=False):
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
    """The items that end within a look's time; their workers are free."""
    for calls in wait(list(busy), LOOK_SECONDS):
        worker, item = busy[calls]  # type: ignore[index]
        outcome = worker.outcome()
        del busy[worker.calls]
        IDLE_WORKERS.keep(worker)
        yield item, outcome


def _stalled(busy: dict[Connection, tuple[Worker, Item]], seconds: float) -> Iterator[tuple[Item, Interrupted]]:
    """The items whose workers have neither computed nor read for so long; they are ended."""
    for worker, item in list(busy.values()):
        if worker.seconds_idle() >= seconds and not worker.calls.poll():
            del busy[worker.calls]
            worker.end()
            yield item, Interrupted(f"its reader neither computed nor read for {seconds:.0f} seconds")
