"""Space on the disk that is reserved for a job's final progress, so that it can be written on a full disk."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from mammo.errors import MammoError
from mammo.jobs.records import PROGRESS
from mammo.storage.atomic_files import PARTIAL, write_bytes
from mammo.storage.json_files import json_bytes, write_json

RESERVE = f"{PARTIAL}last-word"
RESERVED_BYTES = 2**14
"""Bytes of the reserve; a final progress without curves takes less."""
MESSAGE_LENGTH = 2000
"""The most characters of a message that is written into the reserve."""


def reserve_space(folder: Path) -> None:
    """Reserve the space for the final progress of the job in `folder`; raises MammoError where the disk is full."""
    if not (folder / RESERVE).exists():
        write_bytes(folder / RESERVE, os.urandom(RESERVED_BYTES))  # random bytes: no file system can compress them


def release_space(folder: Path) -> None:
    """Release the space after the final progress is written."""
    with contextlib.suppress(OSError):
        (folder / RESERVE).unlink()


def write_final_progress(folder: Path, content: dict[str, object]) -> None:
    """Write the final progress of a job, into the reserve where the disk is full.

    Raises MammoError where there is no reserve either.
    """
    try:
        write_json(folder / PROGRESS, content)
    except MammoError:
        message = str(content.get("message", ""))[:MESSAGE_LENGTH]
        if not _fill(folder, json_bytes({**content, "message": message, "progress": None})):
            raise
    release_space(folder)


def _fill(folder: Path, content: bytes) -> bool:
    """Write the content into the reserve and make it the job's progress; return whether that succeeded."""
    try:
        with (folder / RESERVE).open("r+b") as stream:
            stream.write(content)
            stream.truncate()
            os.fsync(stream.fileno())
        os.replace(folder / RESERVE, folder / PROGRESS)
    except OSError:
        return False
    return True
