"""Room on the disk that is kept for a job's last word, so that it can be said where the disk is full."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from mammo.errors import MammoError
from mammo.jobs.records import PROGRESS
from mammo.storage.atomic_files import PARTIAL, write_bytes
from mammo.storage.json_files import json_bytes, write_json

RESERVE = f"{PARTIAL}last-word"
ROOM = 2**14
"""Bytes of the reserve; a last word without curves takes less."""
MOST_LETTERS = 2000
"""Letters of a message that are written where there is no other room."""


def keep_room(folder: Path) -> None:
    """Take the room for the last word of the job in `folder`; raises MammoError where there is none."""
    if not (folder / RESERVE).exists():
        write_bytes(folder / RESERVE, os.urandom(ROOM))  # no file system packs it


def give_room_back(folder: Path) -> None:
    """Give the room back once the last word was said."""
    with contextlib.suppress(OSError):
        (folder / RESERVE).unlink()


def write_last_word(folder: Path, told: dict[str, object]) -> None:
    """Write how a job ended as its progress, into the reserve where there is no other room.

    Raises MammoError where there is no reserve either.
    """
    try:
        write_json(folder / PROGRESS, told)
    except MammoError:
        message = str(told.get("message", ""))[:MOST_LETTERS]
        if not _fill(folder, json_bytes({**told, "message": message, "progress": None})):
            raise
    give_room_back(folder)


def _fill(folder: Path, content: bytes) -> bool:
    """Make the reserve the job's progress; whether that could be done."""
    try:
        with (folder / RESERVE).open("r+b") as stream:
            stream.write(content)
            stream.truncate()
            os.fsync(stream.fileno())
        os.replace(folder / RESERVE, folder / PROGRESS)
    except OSError:
        return False
    return True
