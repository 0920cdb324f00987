"""Processes of this machine: which one is meant, and how one takes all that it started with it."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from pathlib import Path

import psutil

ROUNDS = 20
"""How often it is looked for processes that were started while others were ended."""
TRACKER = "resource_tracker"
"""In the command of processes that clean up after their parent and end by themselves once it has."""


def start_ticks(pid: int) -> int | None:
    """When a process began, in clock ticks since the machine did, which no clock that is set changes.

    None where there is no such process, or the system does not tell.
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
    """End, at once, all that this process started, and all of its session where it leads one."""
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
    return [process for process in processes if _works(process)]


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except OSError:
        return None


def _works(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        if process.status() != psutil.STATUS_ZOMBIE:
            return not any(TRACKER in word for word in process.cmdline())
    return False


def end_with_pipe(reader: int) -> None:
    """From now on end this process and all that it started once nobody holds the other end of a pipe any more.

    It is the parent's process that holds it: unlike the system's own signal for a parent's death, this does not come
    when merely the thread ends that started this process.
    """

    def watch() -> None:
        with contextlib.suppress(OSError):
            while os.read(reader, 64):
                time.sleep(0)
        end_descendants()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
