"""The memory that this process may still take."""

from __future__ import annotations

import os
from pathlib import Path

SHARE = 0.5
"""Share of the free memory that features may take, unless the user sets a limit."""

GROUP = Path("/sys/fs/cgroup")


def free_memory() -> int:
    """Return the bytes that can be taken without swapping, within the limit of the process's control group."""
    return min(_free_on_machine(), _free_in_group())


def _free_on_machine() -> int:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2 if hasattr(os, "sysconf") else 2**31


def _free_in_group() -> int:
    try:
        return int((GROUP / "memory.max").read_text()) - int((GROUP / "memory.current").read_text())
    except (OSError, ValueError):  # no such group, or one without a limit
        return 2**62
