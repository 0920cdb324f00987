"""A job's own process: it does the work, tells how it goes, and takes all that it started with it when it ends."""

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
from mammo.jobs.reserve import keep_room, write_last_word
from mammo.jobs.wanted import VERBS
from mammo.processes.lifetimes import end_descendants, start_ticks
from mammo.progress import Progress, RecentRate, Work
from mammo.specs import Home, pick
from mammo.storage.atomic_files import is_disk_full, write_error
from mammo.storage.json_files import write_json

EVERY = 0.5
"""Seconds between two writings of a job's progress."""
TO_CLEAN_UP = 4.0
"""Seconds that work has to leave its place tidy when it is asked to end."""
ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
CANCELLED = 128 + signal.SIGTERM


class Teller:
    """Writes a job's progress, at most every `EVERY` seconds, with the rate and the time left of the stage."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.last_stage = ""
        pid = os.getpid()
        self._told: dict[str, Any] = {"pid": pid, "created": psutil.Process().create_time(), "ticks": start_ticks(pid)}
        self._begun, self._written = time.monotonic(), 0.0
        self._rate: RecentRate | None = None
        self._stage = ""
        self._live: dict[str, Any] = {}

    def step(self, step: Progress) -> None:
        """Take in one step."""
        now = time.monotonic()
        if self._rate is None or step.stage != self._stage:
            self._stage, self._rate = step.stage, RecentRate()
        self._rate.add(now, step.done)
        self._live = step.live or self._live
        if now - self._written >= EVERY or step.done >= step.total:
            self.tell(progress=self._shown(step, now).to_json())

    def _shown(self, step: Progress, now: float) -> StageRecord:
        assert self._rate
        left = self._rate.seconds_left(step.total)
        whole = None if left is None or step.stage != self.last_stage else now - self._begun + left
        counts = step.stage, step.done, step.total, step.unit
        return StageRecord(*counts, self._rate.rate, left, whole, self._live)

    def tell(self, **words: Any) -> None:
        """Write what is known now."""
        self._written = time.monotonic()
        self._told |= {"heartbeat": time.time(), "seconds": self._written - self._begun, **words}
        write_json(self.folder / PROGRESS, self._told)

    def tell_at_last(self, **words: Any) -> None:
        """Write how it ended, on a full disk too, if that can be done at once, whatever the other thread is at."""
        told = {**self._told, "heartbeat": time.time(), "seconds": time.monotonic() - self._begun, **words}
        with contextlib.suppress(RuntimeError, OSError):
            try:
                write_last_word(self.folder, told)
            except MammoError as error:
                print(error, file=sys.stderr)


class AskedToEndError(BaseException):
    """Raised once in the work of a process that is asked to end."""


class Ending:
    """What a signal to end does to this process: the work is given a moment to leave its place tidy, then all ends.

    A thread watches over it, for the work may swallow the exception, or hang in a library that never returns to Python.
    """

    def __init__(self, late: Callable[[], None]) -> None:
        self.asked = False
        self._late = late
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        threading.Thread(target=self._watch, args=(reader,), daemon=True).start()
        for number in ENDING:
            signal.signal(number, self._raise_once)

    def _raise_once(self, _signal: int, _frame: FrameType | None) -> None:
        if not self.asked:
            self.asked = True
            raise AskedToEndError

    def _watch(self, reader: int) -> None:
        while not set(os.read(reader, 64)) & set(ENDING):
            pass
        time.sleep(TO_CLEAN_UP)
        self._late()

    def ignore(self) -> None:
        """The work is over: what comes now is too late to change its outcome."""
        for number in ENDING:
            signal.signal(number, signal.SIG_IGN)


def run(home: Home, name: str) -> int:
    """Do the work of a job in this process; returns the exit code."""
    teller = Teller(home.job(name))

    def leave() -> None:
        teller.tell_at_last(state="cancelled")
        end_descendants()
        os._exit(CANCELLED)

    ending = Ending(leave)
    try:
        code, words = _outcome(home, name, teller, ending)
        ending.ignore()
    except AskedToEndError:
        leave()
    teller.tell_at_last(**words)
    return code


def _outcome(home: Home, name: str, teller: Teller, ending: Ending) -> tuple[int, dict[str, str]]:
    """Do the work; the exit code, and what is told of how it ended."""
    try:
        keep_room(home.job(name))
        teller.tell(state="running")
        asked = read_record(home.job(name) / REQUEST, RequestRecord)
        wanted = pick(VERBS, asked.verb, "kind of job").from_json(asked.request)
        teller.last_stage = wanted.last_stage
        return 0, {"state": "done", "result": yield_all(wanted.work(home), teller, ending)}
    except MammoError as error:
        return 2, {"state": "failed", "message": str(error)}
    except Exception as error:
        if isinstance(error, OSError) and is_disk_full(error):
            return 2, {"state": "failed", "message": str(write_error(home.path, error))}
        with contextlib.suppress(OSError):  # the log may have no room
            traceback.print_exc()
        return 1, {"state": "failed", "message": f"A fault in mammo: {error!r}; its trace is in the job's {LOG}."}


def yield_all(work: Work[str], teller: Teller, ending: Ending) -> str:
    """Run the work to its end, telling every step; returns its result."""
    while True:
        try:
            teller.step(next(work))
        except StopIteration as stop:
            return str(stop.value)
        if ending.asked:  # and the exception was swallowed
            raise AskedToEndError


def main(words: list[str]) -> int:
    """The job that the command line names."""
    home, name = Home(Path(words[0])), words[1]
    try:
        read_record(home.job(name) / REQUEST, RequestRecord)
        return run(home, name)
    except MammoError as error:
        print(error, file=sys.stderr)
        return 2
