"""Work on every core: worker processes that need no guard in the caller's script."""

from __future__ import annotations

import contextlib
import faulthandler
import functools
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from mammo.errors import MammoError

Item = TypeVar("Item")
Result = TypeVar("Result")

IDLE_SECONDS = 20
WATCH_SECONDS = 1.0

HEADROOM = 768 * 2**20
"""The memory in bytes that a guarded item may take beside what its worker holds already."""

GRACE_SECONDS = 1.5
"""How much later than Python's own alarm a worker is ended whose library never returns to Python."""


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


@dataclass
class _Task(Generic[Item, Result]):
    """An item and its future outcome: a reason why it was lost, or its result."""

    item: Item
    future: Future[tuple[str, Result | None]]

    def broke(self) -> bool:
        """Whether the pool broke before the outcome came."""
        return isinstance(self.future.exception(), BrokenProcessPool)


def guarded_map(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    lost: Callable[[Item, str], Result],
    workers: int | None = None,
    seconds: float = 8.0,
    headroom: int = HEADROOM,
    ahead: int = 8,
) -> Iterator[Result]:
    """Apply a module-level `function` to `items` nobody vouches for, always in worker processes; results in order.

    An item that takes more than `seconds`, more than `headroom` bytes of memory, or its worker's life, yields
    `lost(item, reason)` in its place; no other item is touched by it. Other exceptions arrive as they are. The memory
    limit is Linux's; elsewhere only what a MemoryError or the system itself ends is caught.
    """
    workers = workers or cores()
    guarded = functools.partial(_within_limits, function, seconds, headroom)
    under_way: deque[_Task[Item, Result]] = deque()
    try:
        for item in items:
            under_way.append(_Task(item, _submit(workers, guarded, item)))
            if len(under_way) >= workers * ahead:
                yield _outcome(under_way, workers, guarded, seconds, lost)
        while under_way:
            yield _outcome(under_way, workers, guarded, seconds, lost)
    finally:
        for task in under_way:
            task.future.cancel()


def _submit(workers: int, guarded: Callable[[Item], Any], item: Item) -> Future[Any]:
    try:
        future: Future[Any] = _executor(workers).submit(guarded, item)
    except BrokenProcessPool as error:
        future = Future()
        future.set_exception(error)
    return future


def _outcome(
    under_way: deque[_Task[Item, Result]],
    workers: int,
    guarded: Callable[[Item], Any],
    seconds: float,
    lost: Callable[[Item, str], Result],
) -> Result:
    """Take the first task's result, waiting for it; where the pool broke, first find the item that broke it."""
    while under_way[0].broke():
        _find_culprit(under_way, workers, guarded, seconds)
    task = under_way.popleft()
    reason, result = task.future.result()
    return lost(task.item, reason) if reason else result  # type: ignore[return-value]


def _find_culprit(
    under_way: deque[_Task[Item, Result]], workers: int, guarded: Callable[[Item], Any], seconds: float
) -> None:
    """Repeat the items that a broken pool left, one at a time until one breaks it again, the others together."""
    wait([task.future for task in under_way])
    broken = deque(task for task in under_way if task.broke())
    while broken:
        task = broken.popleft()
        start = time.monotonic()
        task.future = _submit(workers, guarded, task.item)
        if task.broke():
            reason = _too_slow(seconds) if time.monotonic() - start > seconds else "it ends the process that reads it"
            task.future = Future()
            task.future.set_result((reason, None))
            break
    for task in broken:
        task.future = _submit(workers, guarded, task.item)


def _too_slow(seconds: float) -> str:
    return f"takes longer than {seconds:g} seconds"


class _TimeIsUp(BaseException):
    """Not an Exception, so that no library mistakes it for one of its own."""


def _within_limits(
    function: Callable[[Item], Result], seconds: float, headroom: int, item: Item
) -> tuple[str, Result | None]:
    """In a worker: the reason why `item` was lost, or an empty one and its result."""
    try:
        with _silence(), _memory_limit(headroom), _time_limit(seconds):
            return "", function(item)
    except MemoryError:
        return f"needs more than {headroom // 2**20} MB of memory", None
    except _TimeIsUp:
        return _too_slow(seconds), None


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Let nothing reach standard error: libraries in C write there what they find wrong in a file."""
    before = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(before, 2)
        os.close(before)
        os.close(nowhere)


@contextlib.contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    """Raise _TimeIsUp after `seconds`; end this process a little later where a library in C does not return."""

    armed = [True]

    def time_is_up(*_: object) -> None:
        if armed:
            raise _TimeIsUp

    before = signal.signal(signal.SIGALRM, time_is_up)
    with Path(os.devnull).open("w") as nowhere:
        try:
            faulthandler.dump_traceback_later(seconds + GRACE_SECONDS, exit=True, file=nowhere)
            signal.setitimer(signal.ITIMER_REAL, seconds, GRACE_SECONDS / 4)  # again, where a clean-up swallowed it
            try:
                yield
            finally:
                armed.clear()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            faulthandler.cancel_dump_traceback_later()
            signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def _memory_limit(headroom: int) -> Iterator[None]:
    """Let this process take `headroom` bytes more than it holds; what would exceed them raises MemoryError."""
    import resource

    before = None
    with contextlib.suppress(OSError, ValueError):  # where the system has no such limit, or a lower one already
        soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
        pages = int(Path("/proc/self/statm").read_text().split()[5])
        resource.setrlimit(resource.RLIMIT_DATA, (pages * resource.getpagesize() + headroom, hard))
        before = soft, hard
    try:
        yield
    finally:
        if before:
            resource.setrlimit(resource.RLIMIT_DATA, before)
