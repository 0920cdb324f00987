"""The state of a file, which shows that it was replaced, and reading while another process replaces files."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from mammo.errors import MammoError
from mammo.storage.atomic_files import PARTIAL

Result = TypeVar("Result")
FileState = tuple[int, int, int, int]
"""Size in bytes, times of modification and of change in nanoseconds, and inode."""

RETRY_SECONDS = 20.0
"""How long files are read again while another process replaces them."""
STILL_SECONDS = 0.2
"""After this time without a change, recent files count as finished."""
UNFINISHED_SECONDS = 5.0
"""The same, while an unfinished file lies in their folder."""
RECENT_SECONDS = 2.0
"""Up to this age a file counts as one that may be one of several being replaced."""


def file_state(path: Path) -> FileState | None:
    """Return what changes whenever a file is written or replaced, even if a clock was set back; None if it is gone."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def read_consistently(files: Sequence[Path], read: Callable[[], Result]) -> Result:
    """Return the result of `read`, which reads several files; call it again where they were replaced meanwhile."""
    end = time.monotonic() + RETRY_SECONDS
    while True:
        before = [file_state(file) for file in files]
        try:
            result = read()
        except MammoError:
            if time.monotonic() > end or _stay_unchanged(files, before):
                raise
        else:
            if time.monotonic() > end or before == [file_state(file) for file in files]:
                return result


def _stay_unchanged(files: Sequence[Path], before: list[FileState | None]) -> bool:
    """Whether nobody is writing these files: their states are as before, and stay so for a while if they are recent.

    An unfinished file in their folders stays until its writer has renamed the last of its files: then wait longer.
    """
    start = time.monotonic()
    while before == [file_state(file) for file in files]:
        ages = [time.time() - state[2] / 1e9 for state in before if state]
        patience = UNFINISHED_SECONDS if _unfinished_beside(files) else STILL_SECONDS
        if not any(0 <= age < RECENT_SECONDS for age in ages) or time.monotonic() - start > patience:
            return True
        time.sleep(0.01)
    return False


def _unfinished_beside(files: Sequence[Path]) -> bool:
    """Whether an unfinished file lies in a folder of these files."""
    return any(next(folder.glob(f"{PARTIAL}*"), None) for folder in {file.parent for file in files})
