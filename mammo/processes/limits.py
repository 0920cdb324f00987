"""What one piece of work may take of this process: computing time and memory, whatever else the machine does."""

from __future__ import annotations

import contextlib
import math
import resource
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

GRACE_SECONDS = 1.5
"""How much more computing time than Python's own alarm a library may take that never returns to Python."""


@dataclass(frozen=True)
class Limits:
    """Seconds of computing time, those of all threads together, and bytes of memory beside what is held already."""

    seconds: float
    memory: int

    @property
    def too_slow(self) -> str:
        """What is said of work that takes more time."""
        return f"takes more than {self.seconds:.0f} seconds of computing time"

    @property
    def too_large(self) -> str:
        """What is said of work that takes more memory."""
        return f"needs more than {self.memory // 2**20} MB of memory"


class TimeIsUp(BaseException):
    """Not an Exception, so that no library mistakes it for one of its own."""


@contextlib.contextmanager
def within(limits: Limits) -> Iterator[None]:
    """Raise TimeIsUp or MemoryError where the work takes more than its limits.

    What a library in C computes without returning to Python is ended a little later together with this process, by
    SIGXCPU. No clock is asked: a busy machine gives work its computing time later, and not less of it. The memory
    limit is Linux's.
    """
    with _memory_limit(limits.memory), _time_limit(limits.seconds):
        yield


@contextlib.contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    armed = [True]

    def time_is_up(*_: object) -> None:
        if armed:
            raise TimeIsUp

    before = signal.signal(signal.SIGPROF, time_is_up)
    used = resource.getrusage(resource.RUSAGE_SELF)
    last = math.ceil(used.ru_utime + used.ru_stime + seconds + GRACE_SECONDS)
    with _lowered(resource.RLIMIT_CPU, last), _lowered(resource.RLIMIT_CORE, 0):
        try:
            signal.setitimer(signal.ITIMER_PROF, seconds, GRACE_SECONDS / 4)  # again, where a clean-up swallowed it
            try:
                yield
            finally:
                armed.clear()
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.signal(signal.SIGPROF, before)


@contextlib.contextmanager
def _memory_limit(memory: int) -> Iterator[None]:
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[5])
    except OSError:  # a system that tells it otherwise
        yield
        return
    with _lowered(resource.RLIMIT_DATA, pages * resource.getpagesize() + memory):
        yield


@contextlib.contextmanager
def _lowered(limit: int, to: int) -> Iterator[None]:
    """Set this process's own limit, within what the system allows, and put it back afterwards."""
    soft, hard = resource.getrlimit(limit)
    resource.setrlimit(limit, (to if hard == resource.RLIM_INFINITY else min(to, hard), hard))
    try:
        yield
    finally:
        resource.setrlimit(limit, (soft, hard))
