"""Identity and end of processes: when one began, and how to end all its descendants."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from pathlib import Path

import psutil

ROUNDS = 20
"""How often to look for processes that started while their siblings were ended."""
TRACKER = "resource_tracker"
"""Part of the command of processes that clean up after their parent and then end by themselves."""


def start_ticks(pid: int) -> int | None:
    """Return when a process began, in clock ticks since boot: setting the clock does not change it.

    None where there is no such process, or the system does not say.
    """
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2]
        return int(after_name.split()[19])
    except (OSError, ValueError, IndexError):
        return None


def leads_its_session(pid: int) -> bool:
    """Whether a process leads a session and a group of its own."""
    try:
        return os.getsid(pid) == os.getpgid(pid) == pid
    except OSError:
        return False


def end_descendants() -> None:
    """Kill all descendants of this process, and its whole session where it leads one."""
    for _ in range(ROUNDS):
        processes = _descendants()
        if not processes:
            return
        for process in processes:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(processes, timeout=0.2)


def _descendants() -> list[psutil.Process]:
    own = psutil.Process()
    processes = set(own.children(recursive=True))
    if leads_its_session(own.pid):
        processes |= {process for process in psutil.process_iter() if _session(process.pid) == own.pid} - {own}
    return [process for process in processes if _needs_killing(process)]


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except OSError:
        return None


def _needs_killing(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        if process.status() != psutil.STATUS_ZOMBIE:
            return not any(TRACKER in word for word in process.cmdline())
    return False


def end_with_pipe(reader: int) -> None:
    """From now on, end this process and its descendants once the other end of a pipe is closed.

    The parent process has that end. The system's own signal for a parent's death would also come when only the thread
    ends that started this process.
    """

    def watch() -> None:
        with contextlib.suppress(OSError):
            while os.read(reader, 64):
                time.sleep(0)
        end_descendants()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
