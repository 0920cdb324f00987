"""What can be done about jobs: start, retry, cancel and delete them."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import psutil

from mammo.errors import MammoError
from mammo.jobs.job import GRACE, RUNNING, Job
from mammo.jobs.owner import MODULE, job_process, may_be_ended
from mammo.jobs.records import LOG, PROGRESS, REQUEST, ProgressRecord, read_record
from mammo.jobs.reserve import keep_room, write_last_word
from mammo.jobs.wanted import VERBS
from mammo.specs import Home, pick
from mammo.storage.atomic_files import write_error
from mammo.storage.json_files import write_json


def start(home: Home, verb: str, request: dict[str, Any]) -> str:
    """Start long work in a process of its own and return the job's id.

    Raises MammoError where the kind of work is unknown, the request does not suit it, or nothing may be added.
    """
    pick(VERBS, verb, "kind of job").from_json(request)
    home.refuse_shared()
    now = datetime.now(UTC)
    name = f"{now:%Y%m%d-%H%M%S}-{verb}-{secrets.token_hex(2)}"
    folder = home.job(name)
    with _begun(folder, {"verb": verb, "request": request, "started": now.isoformat(timespec="seconds")}) as log:
        process = subprocess.Popen(
            [sys.executable, "-m", MODULE, str(home.path), name],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    threading.Thread(target=process.wait, daemon=True).start()  # so that an ended job leaves no zombie
    return name


def _begun(folder: Path, asked: dict[str, Any]) -> IO[bytes]:
    """The open log of a job whose request is written; raises MammoError, and leaves nothing, where there is no room."""
    try:
        write_json(folder / REQUEST, asked)
        keep_room(folder)
        return (folder / LOG).open("wb")
    except (MammoError, OSError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise write_error(folder, error) if isinstance(error, OSError) else error from None


def retry(home: Home, name: str) -> str:
    """Start what an ended job was asked for once more and return the new job's id.

    Raises MammoError where the job still runs, or what it was asked for cannot be read.
    """
    job = Job.open(home, name)
    if job.state == RUNNING:
        raise MammoError(f"The job {name!r} still runs; cancel it first.")
    try:
        asked = job.request
        return start(home, asked.verb, asked.request)
    except MammoError as error:
        raise MammoError(f"The job {name!r} cannot be started again: {error}") from None


def cancel(home: Home, name: str) -> None:
    """End a running job; what it had finished is kept. One that has ended stays as it is.

    Raises MammoError where the job's process has no group of its own, as one that was started by hand.
    """
    home.refuse_shared()
    told = _told(home, name)
    process = job_process(home, name, told)
    if process is None:
        return
    if not may_be_ended(process):
        raise MammoError(
            f"The job {name!r} was not started from here; end its process {process.pid} where it was started."
        )
    _end(process)
    if Job.open(home, name).state in (RUNNING, "interrupted"):
        known = _told(home, name) or ProgressRecord()
        write_last_word(home.job(name), known.to_json() | {"state": "cancelled"})


def delete(home: Home, name: str) -> None:
    """Delete an ended job: its folder, and nothing of what it made. Raises MammoError while it runs."""
    home.refuse_shared()
    Job.open(home, name)
    if job_process(home, name, None):
        raise MammoError(f"The job {name!r} still runs; cancel it first.")
    folder = home.job(name)
    if folder.is_symlink():
        folder.unlink()
    else:
        shutil.rmtree(folder)


def _told(home: Home, name: str) -> ProgressRecord | None:
    """What a job's process told last, None where it told nothing or that cannot be read."""
    with contextlib.suppress(MammoError):
        return read_record(home.job(name) / PROGRESS, ProgressRecord)
    return None


def _end(process: psutil.Process) -> None:
    """Ask a job's process to end, which ends what it started, and after `GRACE` seconds end all that is left of it."""
    group = process.pid
    with contextlib.suppress(psutil.NoSuchProcess):
        process.terminate()
        with contextlib.suppress(psutil.TimeoutExpired):
            process.wait(GRACE)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
