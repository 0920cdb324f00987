"""The verbs of jobs: start, retry, cancel and delete."""

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
from mammo.jobs.requests import VERBS
from mammo.jobs.reserve import reserve_space, write_final_progress
from mammo.specs import Home, pick
from mammo.storage.atomic_files import write_error
from mammo.storage.json_files import write_json


def start(home: Home, verb: str, request: dict[str, Any]) -> str:
    """Start long work in a process of its own and return the job's id.

    Raises MammoError where the kind of work is unknown, the request does not fit it, or the home is shared.
    """
    pick(VERBS, verb, "kind of job").from_json(request)
    home.refuse_shared()
    now = datetime.now(UTC)
    name = f"{now:%Y%m%d-%H%M%S}-{verb}-{secrets.token_hex(2)}"
    folder = home.job(name)
    with _prepared_log(folder, {"verb": verb, "request": request, "started": now.isoformat(timespec="seconds")}) as log:
        process = subprocess.Popen(
            [sys.executable, "-m", MODULE, str(home.path), name],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    threading.Thread(target=process.wait, daemon=True).start()  # else an ended job stays a zombie
    return name


def _prepared_log(folder: Path, record: dict[str, Any]) -> IO[bytes]:
    """Write a job's request and return its open log; raises MammoError, and leaves no file, where the disk is full."""
    try:
        write_json(folder / REQUEST, record)
        reserve_space(folder)
        return (folder / LOG).open("wb")
    except (MammoError, OSError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise write_error(folder, error) if isinstance(error, OSError) else error from None


def retry(home: Home, name: str) -> str:
    """Start the work of an ended job again and return the new job's id.

    Raises MammoError where the job still runs, or where its request cannot be read.
    """
    job = Job.open(home, name)
    if job.state == RUNNING:
        raise MammoError(f"The job {name!r} still runs; cancel it first.")
    try:
        record = job.request
        return start(home, record.verb, record.request)
    except MammoError as error:
        raise MammoError(f"The job {name!r} cannot be started again: {error}") from None


def cancel(home: Home, name: str) -> None:
    """End a running job; its finished parts stay. An ended job does not change.

    Raises MammoError where the job's process has no group of its own, for example because it was started by hand.
    """
    home.refuse_shared()
    process = job_process(home, name, _last_progress(home, name))
    if process is None:
        return
    if not may_be_ended(process):
        raise MammoError(
            f"The job {name!r} was not started from here; end its process {process.pid} where it was started."
        )
    _end(process)
    if Job.open(home, name).state in (RUNNING, "interrupted"):
        progress = _last_progress(home, name) or ProgressRecord()
        write_final_progress(home.job(name), progress.to_json() | {"state": "cancelled"})


def delete(home: Home, name: str) -> None:
    """Delete the folder of an ended job; its results stay. Raises MammoError while it runs."""
    home.refuse_shared()
    Job.open(home, name)
    if job_process(home, name, None):
        raise MammoError(f"The job {name!r} still runs; cancel it first.")
    folder = home.job(name)
    if folder.is_symlink():
        folder.unlink()
    else:
        shutil.rmtree(folder)


def _last_progress(home: Home, name: str) -> ProgressRecord | None:
    """The progress that a job's process wrote last; None where it wrote none or it cannot be read."""
    with contextlib.suppress(MammoError):
        return read_record(home.job(name) / PROGRESS, ProgressRecord)
    return None


def _end(process: psutil.Process) -> None:
    """Ask a job's process to end with its children; after `GRACE` seconds kill all processes of its group."""
    group = process.pid
    with contextlib.suppress(psutil.NoSuchProcess):
        process.terminate()
        with contextlib.suppress(psutil.TimeoutExpired):
            process.wait(GRACE)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
