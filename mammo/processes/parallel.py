"""Parallel work in worker processes; the caller's script needs no `if __name__ == "__main__"`."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from mammo.errors import MammoError

Item = TypeVar("Item")
Result = TypeVar("Result")

IDLE_SECONDS = 20
WATCH_SECONDS = 1.0


def cores() -> int:
    """Return the number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _end_with(parent: int) -> None:
    """End this worker soon after its parent has ended, in whatever way."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(WATCH_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _executor(workers: int) -> Any:
    """Return the pool of worker processes; a new one where the last pool is broken."""
    from loky import get_reusable_executor

    return get_reusable_executor(workers, timeout=IDLE_SECONDS, initializer=_end_with, initargs=(os.getpid(),))


def ordered_map(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int | None = None, ahead: int = 8
) -> Iterator[Result]:
    """Apply a module-level `function` to `items` in worker processes; yield results in order.

    At most `ahead` items per worker are computed before their results are taken, which bounds the memory. With one
    worker the work runs in this process. Raises MammoError where a worker dies.
    """
    workers = workers or cores()
    if workers == 1:
        yield from map(function, items)
        return
    executor = _executor(workers)
    pending: deque[Future[Result]] = deque()
    try:
        for item in items:
            pending.append(executor.submit(function, item))
            if len(pending) >= workers * ahead:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    except BrokenProcessPool:
        raise MammoError("A worker process was killed, perhaps for want of memory; run the command again.") from None
    finally:
        for future in pending:
            future.cancel()
