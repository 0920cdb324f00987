"""The load that other processes put on this machine's processor cores."""

from __future__ import annotations

import contextlib
import os
import resource
import time
from dataclasses import dataclass

import psutil

from mammo.processes.parallel import cores

SHORTEST = 0.25
"""Shortest time in seconds over which a load is measured: the system counts in hundredths of a second."""


class LoadMeter:
    """Measures the load by other processes since it was created; this process and its children do not count."""

    def __init__(self) -> None:
        self._start, self._before = time.monotonic(), _cpu_times()

    def load(self) -> float:
        """Return the share of the cores, 0 to 1, that other processes used, over at least `SHORTEST` seconds."""
        time.sleep(max(SHORTEST - (time.monotonic() - self._start), 0))
        after = _cpu_times()
        total = after.total - self._before.total
        if total <= 0:  # the system does not count times
            return min(os.getloadavg()[0] / cores(), 1.0)
        used_elsewhere = after.busy - self._before.busy - (after.own - self._before.own)
        return min(max(used_elsewhere / total, 0.0), 1.0)


def load_now() -> float:
    """Return the load by other processes, measured for `SHORTEST` seconds."""
    return LoadMeter().load()


@dataclass(frozen=True)
class _CpuTimes:
    """Seconds of the cores that this process may use: in all, busy ones, and those of this process's own work."""

    total: float
    busy: float
    own: float


def _cpu_times() -> _CpuTimes:
    times = psutil.cpu_times(percpu=True)
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(len(times))
    cores_used = [core for number, core in enumerate(times) if number in allowed] or times
    total = sum(sum(core) - core.guest - core.guest_nice for core in cores_used)
    idle = sum(core.idle + core.iowait for core in cores_used)
    return _CpuTimes(total, total - idle, _own_seconds())


def _own_seconds() -> float:
    """Return the computing time in seconds of this process and its descendants."""
    seconds = 0.0
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        used = resource.getrusage(who)
        seconds += used.ru_utime + used.ru_stime
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            seconds += sum(child.cpu_times()[:4])
    return seconds
