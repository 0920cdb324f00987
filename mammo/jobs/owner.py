"""The process that does a job, told from every other that has its number or calls itself by its name."""

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


def job_process(home: Home, name: str, told: ProgressRecord | None) -> psutil.Process | None:
    """The process that does a job of this home at this moment, if there is one.

    It is the one that `told` names, or where the job has told nothing yet the one with its command line.
    """
    if told is None:
        return next((process for process in psutil.process_iter() if does_job(process, home, name)), None)
    if told.pid is None:
        return None
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(told.pid)
        if _began_as_told(process, told) and does_job(process, home, name):
            return process
    return None


def does_job(process: psutil.Process, home: Home, name: str) -> bool:
    """Whether a process's command line is that of this job of this home."""
    try:
        return _names_job(process.cmdline(), home, name) and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def may_be_ended(process: psutil.Process) -> bool:
    """Whether a job's process has a group of its own, so that ending the group ends nothing else."""
    return process.pid not in (1, os.getpid(), os.getpgrp(), os.getsid(0)) and leads_its_session(process.pid)


def _names_job(words: Sequence[str], home: Home, name: str) -> bool:
    if len(words) < 5 or list(words[-4:-2]) != ["-m", MODULE] or words[-1] != name:
        return False
    return words[-2] == str(home.path) or Path(words[-2]).resolve() == home.path.resolve()


def _began_as_told(process: psutil.Process, told: ProgressRecord) -> bool:
    ticks = start_ticks(process.pid)
    if told.ticks is not None and ticks is not None:
        return told.ticks == ticks
    return told.created is not None and abs(process.create_time() - told.created) < 1
