"""How much memory this process may still take."""

from __future__ import annotations

import os
from pathlib import Path

SHARE = 0.5
"""How much of the free memory features may take unless a limit is named."""

GROUP = Path("/sys/fs/cgroup")


def free_memory() -> int:
    """The bytes that can be taken without swapping, within the limits of the process's group."""
    return min(_free_of_machine(), _free_of_group())


def _free_of_machine() -> int:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2 if hasattr(os, "sysconf") else 2**31


def _free_of_group() -> int:
    try:
        return int((GROUP / "memory.max").read_text()) - int((GROUP / "memory.current").read_text())
    except (OSError, ValueError):  # no such group, or one without a limit
        return 2**62
