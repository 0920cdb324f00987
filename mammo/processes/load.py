"""How busy other work keeps this machine: the share of the processor cores that this process does not have."""

from __future__ import annotations

import contextlib
import os
import resource
import time
from dataclasses import dataclass

import psutil

from mammo.processes.parallel import cores

SHORTEST = 0.25
"""Seconds of looking without which a share means little: the system counts in hundredths."""


class LoadMeter:
    """Tells the load by others since it was made; what this process and its children compute is not of others."""

    def __init__(self) -> None:
        self._begun, self._before = time.monotonic(), _spent()

    def load(self) -> float:
        """The share of the cores, 0 to 1, that others had; waits a moment where there was hardly time to look."""
        time.sleep(max(SHORTEST - (time.monotonic() - self._begun), 0))
        after = _spent()
        total = after.total - self._before.total
        if total <= 0:  # a system that does not count
            return min(os.getloadavg()[0] / cores(), 1.0)
        others = after.busy - self._before.busy - (after.own - self._before.own)
        return min(max(others / total, 0.0), 1.0)


def load_now() -> float:
    """The load by others at this moment, looked at for `SHORTEST` seconds."""
    return LoadMeter().load()


@dataclass(frozen=True)
class _Spent:
    """Seconds that the cores of this process have counted in all, those at work, and those at its own work."""

    total: float
    busy: float
    own: float


def _spent() -> _Spent:
    times = psutil.cpu_times(percpu=True)
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(len(times))
    counted = [core for number, core in enumerate(times) if number in allowed] or times
    total = sum(sum(core) - core.guest - core.guest_nice for core in counted)
    idle = sum(core.idle + core.iowait for core in counted)
    return _Spent(total, total - idle, _own())


def _own() -> float:
    """Seconds that this process and all that it started have computed."""
    seconds = 0.0
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        used = resource.getrusage(who)
        seconds += used.ru_utime + used.ru_stime
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            seconds += sum(child.cpu_times()[:4])
    return seconds
