"""The process of a job, distinguished from processes that have the same number or a similar command line."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

import psutil

from mammo.jobs.records import ProgressRecord
from mammo.processes.lifetimes import leads_its_session, start_ticks
from mammo.specs import Home

MODULE = "mammo.jobs"
"""The module that a job's process runs: `python -m mammo.jobs HOME ID`."""


def job_process(home: Home, name: str, record: ProgressRecord | None) -> psutil.Process | None:
    """The running process of a job of this home, None where there is none.

    It is the process that `record` names; where the job has written no progress yet (None), the process with the job's
    command line.
    """
    if record is None:
        return next((process for process in psutil.process_iter() if does_job(process, home, name)), None)
    if record.pid is None:
        return None
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(record.pid)
        if _started_as_recorded(process, record) and does_job(process, home, name):
            return process
    return None


def does_job(process: psutil.Process, home: Home, name: str) -> bool:
    """Whether a process runs and has the command line of this job of this home."""
    try:
        return _is_command_of(process.cmdline(), home, name) and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def may_be_ended(process: psutil.Process) -> bool:
    """Whether a job's process has a group of its own, so that killing the group ends no further process."""
    return process.pid not in (1, os.getpid(), os.getpgrp(), os.getsid(0)) and leads_its_session(process.pid)


def _is_command_of(words: Sequence[str], home: Home, name: str) -> bool:
    if len(words) < 5 or list(words[-4:-2]) != ["-m", MODULE] or words[-1] != name:
        return False
    return words[-2] == str(home.path) or Path(words[-2]).resolve() == home.path.resolve()


def _started_as_recorded(process: psutil.Process, record: ProgressRecord) -> bool:
    ticks = start_ticks(process.pid)
    if record.ticks is not None and ticks is not None:
        return record.ticks == ticks
    return record.created is not None and abs(process.create_time() - record.created) < 1
