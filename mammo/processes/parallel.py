"""Work on every core: worker processes that need no guard in the caller's script."""

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
    """The number of processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _end_with(parent: int) -> None:
    """End this worker soon after its parent, however that ended: nobody would read its results."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(WATCH_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _executor(workers: int) -> Any:
    """The pool of this many worker processes; a new one where the last has broken."""
    from loky import get_reusable_executor

    return get_reusable_executor(workers, timeout=IDLE_SECONDS, initializer=_end_with, initargs=(os.getpid(),))


def ordered_map(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int | None = None, ahead: int = 8
) -> Iterator[Result]:
    """Apply a module-level `function` to `items` in worker processes; yield results in order.

    At most `ahead` items a worker are under way or waiting to be taken, so that a slow reader holds
    little memory. One worker runs in this process. Raises MammoError where a worker dies.
    """
    workers = workers or cores()
    if workers == 1:
        yield from map(function, items)
        return
    executor = _executor(workers)
    under_way: deque[Future[Result]] = deque()
    try:
        for item in items:
            under_way.append(executor.submit(function, item))
            if len(under_way) >= workers * ahead:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()
    except BrokenProcessPool:
        raise MammoError("A worker process was killed, perhaps for want of memory; run the command again.") from None
    finally:
        for future in under_way:
            future.cancel()
