"""Locks: one process at a time works in a folder."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from mammo.errors import MammoError
from mammo.storage.atomic_files import clear_write_errors, make_folder, remove_empty_folders

LOCK = ".lock"


@contextlib.contextmanager
def folder_lock(folder: Path, doing: str) -> Iterator[None]:
    """Lock `folder` for this process; the system frees the lock when the process ends, in whatever way.

    A missing folder is created, and removed afterwards if it holds no file. Raises MammoError where another process
    has the lock; `doing` says in it what that process does.
    """
    new_folders: list[Path] = []
    with clear_write_errors(folder):
        lock = None
        while lock is None:
            new_folders = [*new_folders, *make_folder(folder)]
            lock = _take_lock(folder, doing)
    with lock:
        try:
            yield
        finally:
            _remove_unused(folder, new_folders)


def _take_lock(folder: Path, doing: str) -> IO[Any] | None:
    """Return the open lock of a folder; None where another process removed the folder meanwhile."""
    try:
        lock = (folder / LOCK).open("w")
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise MammoError(f"Another process is {doing} in {folder}; wait until it ends or cancel it.") from None
    with contextlib.suppress(FileNotFoundError):
        if os.path.samestat((folder / LOCK).stat(), os.fstat(lock.fileno())):
            return lock
    lock.close()
    return None


def _remove_unused(folder: Path, new_folders: list[Path]) -> None:
    """Remove a folder that holds no file but its lock, and those of the new folders that are empty then."""
    inside = list(folder.rglob("*"))
    if any(path.name != LOCK or path.parent != folder for path in inside if not path.is_dir()):
        return
    (folder / LOCK).unlink(missing_ok=True)
    remove_empty_folders([*new_folders, folder, *(path for path in inside if path.is_dir())])
