"""Limits of one task in this process: computing time and memory, however busy the machine is."""

from __future__ import annotations

import contextlib
import math
import resource
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

GRACE_SECONDS = 1.5
"""Computing time after Python's own alarm until a library that never returns to Python is ended."""


@dataclass(frozen=True)
class Limits:
    """Seconds of computing time, summed over all threads, and bytes of memory beyond what the process has."""

    seconds: float
    memory: int

    @property
    def too_slow(self) -> str:
        """The message for a task that takes more time."""
        return f"takes more than {self.seconds:.0f} seconds of computing time"

    @property
    def too_large(self) -> str:
        """The message for a task that takes more memory."""
        return f"needs more than {self.memory // 2**20} MB of memory"


class TimeIsUp(BaseException):
    """The task has used up its computing time; not an Exception, so that no library catches it."""


@contextlib.contextmanager
def within(limits: Limits) -> Iterator[None]:
    """Raise TimeIsUp or MemoryError where the task takes more than its limits.

    A C library that computes without returning to Python is ended a little later, together with this process, by
    SIGXCPU. Computing time is measured, not elapsed time: on a busy machine a task has the same limit. The memory
    limit works on Linux only.
    """
    with _memory_limit(limits.memory), _time_limit(limits.seconds):
        yield


@contextlib.contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    armed = [True]

    def time_is_up(*_: object) -> None:
        if armed:
            raise TimeIsUp

    old_handler = signal.signal(signal.SIGPROF, time_is_up)
    used = resource.getrusage(resource.RUSAGE_SELF)
    last = math.ceil(used.ru_utime + used.ru_stime + seconds + GRACE_SECONDS)
    with _lowered(resource.RLIMIT_CPU, last), _lowered(resource.RLIMIT_CORE, 0):
        try:
            signal.setitimer(signal.ITIMER_PROF, seconds, GRACE_SECONDS / 4)  # again if a handler catches it
            try:
                yield
            finally:
                armed.clear()
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.signal(signal.SIGPROF, old_handler)


@contextlib.contextmanager
def _memory_limit(memory: int) -> Iterator[None]:
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[5])
    except OSError:  # not Linux
        yield
        return
    with _lowered(resource.RLIMIT_DATA, pages * resource.getpagesize() + memory):
        yield


@contextlib.contextmanager
def _lowered(limit: int, value: int) -> Iterator[None]:
    """Lower a limit of this process, as far as the system allows, and restore it afterwards."""
    soft, hard = resource.getrlimit(limit)
    resource.setrlimit(limit, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))
    try:
        yield
    finally:
        resource.setrlimit(limit, (soft, hard))
