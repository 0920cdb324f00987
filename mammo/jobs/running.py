"""A job's own process: it does the work, writes its progress, and ends all processes that it started."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import psutil

from mammo.errors import MammoError
from mammo.jobs.records import LOG, PROGRESS, REQUEST, RequestRecord, StageRecord, read_record
from mammo.jobs.requests import VERBS
from mammo.jobs.reserve import reserve_space, write_final_progress
from mammo.processes.lifetimes import end_descendants, start_ticks
from mammo.progress import Progress, RecentRate, Work
from mammo.specs import Home, pick
from mammo.storage.atomic_files import is_disk_full, write_error
from mammo.storage.json_files import write_json

WRITE_INTERVAL = 0.5
"""Seconds between two writes of a job's progress."""
CLEAN_UP_SECONDS = 4.0
"""Seconds that the work has for cleaning up when it is asked to end."""
ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
CANCELLED = 128 + signal.SIGTERM


class ProgressWriter:
    """Writes a job's progress, at most every `WRITE_INTERVAL` seconds, with the rate and the time left of the stage."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.last_stage = ""
        pid = os.getpid()
        created = psutil.Process().create_time()
        self._record: dict[str, Any] = {"pid": pid, "created": created, "ticks": start_ticks(pid)}
        self._started, self._written = time.monotonic(), 0.0
        self._rate: RecentRate | None = None
        self._stage = ""
        self._live: dict[str, Any] = {}

    def step(self, step: Progress) -> None:
        """Record one step, and write it where a write is due."""
        now = time.monotonic()
        if self._rate is None or step.stage != self._stage:
            self._stage, self._rate = step.stage, RecentRate()
        self._rate.add(now, step.done)
        self._live = step.live or self._live
        if now - self._written >= WRITE_INTERVAL or step.done >= step.total:
            self.write(progress=self._stage_record(step, now).to_json())

    def _stage_record(self, step: Progress, now: float) -> StageRecord:
        assert self._rate
        left = self._rate.seconds_left(step.total)
        job_seconds = None if left is None or step.stage != self.last_stage else now - self._started + left
        counts = step.stage, step.done, step.total, step.unit
        return StageRecord(*counts, self._rate.rate, left, job_seconds, self._live)

    def write(self, **fields: Any) -> None:
        """Write the record with these fields changed."""
        self._written = time.monotonic()
        self._record |= {"heartbeat": time.time(), "seconds": self._written - self._started, **fields}
        write_json(self.folder / PROGRESS, self._record)

    def write_final(self, **fields: Any) -> None:
        """Write the end of the job, on a full disk too; never waits for the thread that does the work."""
        seconds = time.monotonic() - self._started
        record = {**self._record, "heartbeat": time.time(), "seconds": seconds, **fields}
        with contextlib.suppress(RuntimeError, OSError):
            try:
                write_final_progress(self.folder, record)
            except MammoError as error:
                print(error, file=sys.stderr)


class EndRequestedError(BaseException):
    """Raised once in the work when its process is asked to end."""


class EndSignals:
    """The handling of signals to end: the work has `CLEAN_UP_SECONDS` to clean up, then the process ends.

    A thread ends the process, because the work may swallow the exception, or hang in a library that does not return to
    Python.
    """

    def __init__(self, late: Callable[[], None]) -> None:
        self.requested = False
        self._late = late
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        threading.Thread(target=self._watch, args=(reader,), daemon=True).start()
        for number in ENDING:
            signal.signal(number, self._raise_once)

    def _raise_once(self, _signal: int, _frame: FrameType | None) -> None:
        if not self.requested:
            self.requested = True
            raise EndRequestedError

    def _watch(self, reader: int) -> None:
        while not set(os.read(reader, 64)) & set(ENDING):
            pass
        time.sleep(CLEAN_UP_SECONDS)
        self._late()

    def ignore(self) -> None:
        """Ignore all further signals: the work is over, and they must not change its outcome."""
        for number in ENDING:
            signal.signal(number, signal.SIG_IGN)


def run(home: Home, name: str) -> int:
    """Do the work of a job in this process; return the exit code."""
    writer = ProgressWriter(home.job(name))

    def leave() -> None:
        writer.write_final(state="cancelled")
        end_descendants()
        os._exit(CANCELLED)

    signals = EndSignals(leave)
    try:
        code, fields = _outcome(home, name, writer, signals)
        signals.ignore()
    except EndRequestedError:
        leave()
    writer.write_final(**fields)
    return code


def _outcome(home: Home, name: str, writer: ProgressWriter, signals: EndSignals) -> tuple[int, dict[str, str]]:
    """Do the work; return the exit code, and the fields of the final progress."""
    try:
        reserve_space(home.job(name))
        writer.write(state="running")
        record = read_record(home.job(name) / REQUEST, RequestRecord)
        request = pick(VERBS, record.verb, "kind of job").from_json(record.request)
        writer.last_stage = request.last_stage
        return 0, {"state": "done", "result": run_work(request.work(home), writer, signals)}
    except MammoError as error:
        return 2, {"state": "failed", "message": str(error)}
    except Exception as error:
        if isinstance(error, OSError) and is_disk_full(error):
            return 2, {"state": "failed", "message": str(write_error(home.path, error))}
        with contextlib.suppress(OSError):  # the disk of the log may be full
            traceback.print_exc()
        return 1, {"state": "failed", "message": f"A fault in mammo: {error!r}; its trace is in the job's {LOG}."}


def run_work(work: Work[str], writer: ProgressWriter, signals: EndSignals) -> str:
    """Run the work to its end, record every step, and return its result."""
    while True:
        try:
            writer.step(next(work))
        except StopIteration as stop:
            return str(stop.value)
        if signals.requested:  # the work swallowed the exception
            raise EndRequestedError


def main(words: list[str]) -> int:
    """Run the job of the command line `HOME ID`; return the exit code."""
    home, name = Home(Path(words[0])), words[1]
    try:
        read_record(home.job(name) / REQUEST, RequestRecord)
        return run(home, name)
    except MammoError as error:
        print(error, file=sys.stderr)
        return 2
