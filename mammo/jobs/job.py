"""The noun `Job`: a piece of long work as its folder tells it."""

from __future__ import annotations

import contextlib
import re
import time
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from mammo.errors import MammoError, first_line
from mammo.jobs.owner import job_process
from mammo.jobs.records import (
    LOG,
    PROGRESS,
    REQUEST,
    ProgressRecord,
    RequestRecord,
    moment,
    read_record,
    whatever_it_holds,
)
from mammo.jobs.wanted import VERBS, Wanted
from mammo.specs import Home, pick
from mammo.storage.file_states import FileState, file_state

GRACE = 8.0
"""Seconds that a cancelled job has to end by itself, and a started one to begin."""
RUNNING, DAMAGED = "running", "damaged"
STATES = (RUNNING, "done", "failed", "cancelled", "interrupted", DAMAGED)
"""Interrupted is a job whose process is gone without a word, damaged one whose files do not say what they should."""
LOG_BYTES = 64 * 2**10
"""Of a longer log the end is read."""
CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True)
class Job:
    """A piece of long work: what was asked for, how it stands and what came of it.

    `state` is one of `STATES`; `reason` says why it failed, was interrupted or counts as damaged. `progress` holds the
    fields of `StageRecord`, nothing before the first step. `seconds` is how long the process ran, `started` the time in
    UTC; None where nobody knows. Where the request cannot be read, `verb`, `dataset` and `settings` are empty.
    """

    home: Home
    id: str
    verb: str
    dataset: str
    settings: str
    started: str
    state: str
    reason: str = ""
    progress: dict[str, Any] = field(default_factory=dict)
    seconds: float | None = None
    result: str = ""

    @classmethod
    def open(cls, home: Home, name: str) -> Job:
        """Read a job; one whose files are damaged says so. Raises MammoError where there is none."""
        folder = home.job(name)
        if not _is_job(folder):
            raise MammoError(f"There is no job {name!r}; `mammo jobs` lists those that there are.")
        asked, (told, wrong) = _asked(folder), _told(folder)
        damage = [*asked.damage, *wrong] or _wrong_result(asked, told)
        known = cls(home, name, asked.verb, asked.dataset, asked.settings, asked.started, DAMAGED)
        if damage:
            return replace(known, reason=_readable(f"Its files are damaged: {'; '.join(damage)}"))
        return known._as_told(told)

    def _as_told(self, told: ProgressRecord | None) -> Job:
        told = told or ProgressRecord()
        known = replace(
            self,
            state=told.state,
            reason=_readable(told.message),
            progress=told.progress.to_json() if told.progress else {},
            seconds=told.seconds if told.seconds is not None else _seconds(self.started, told),
            result=_readable(told.result),
        )
        if told.state != RUNNING or self._goes_on(told):
            return known
        return replace(known, state="interrupted", reason="Its process is gone without a word.")

    def _goes_on(self, told: ProgressRecord) -> bool:
        """Whether a job that is told to run does; one that has told nothing yet has a moment of grace."""
        told_nothing = told == ProgressRecord()
        if job_process(self.home, self.id, None if told_nothing else told):
            return True
        return told_nothing and abs(time.time() - moment(self.started).timestamp()) < GRACE

    @property
    def results(self) -> tuple[str, ...]:
        """The names of what came of it: of a data set, a sweep, or some caches; nothing before it is done."""
        return VERBS[self.verb].results(self.result) if self.state == "done" else ()

    @property
    def request(self) -> RequestRecord:
        """What was asked for, read anew; raises MammoError where the file is damaged."""
        return read_record(self.home.job(self.id) / REQUEST, RequestRecord)

    @property
    def wanted(self) -> Wanted:
        """What was asked for as a spec; raises MammoError where it is damaged."""
        return _wanted(self.request)

    def to_json(self) -> dict[str, Any]:
        """All of it as plain JSON values, null where nothing is known."""
        told: dict[str, Any] = {"id": self.id}
        for name in ("verb", "state", "reason", "dataset", "result", "settings", "started"):
            told[name] = getattr(self, name) or None
        live = {"live"}  # curves are for those who watch
        progress = {name: value for name, value in self.progress.items() if name not in live}
        return {**told, "seconds": self.seconds, "progress": progress or None}


@dataclass(frozen=True)
class _Asked:
    """What a job's request says, or what is wrong with it."""

    verb: str = ""
    dataset: str = ""
    settings: str = ""
    started: str = ""
    damage: tuple[str, ...] = ()


def _asked(folder: Path) -> _Asked:
    path = folder / REQUEST
    if folder.is_symlink():
        return _Asked(damage=("its folder is a link to another",))
    if (state := file_state(path)) is None:
        return _Asked(damage=(f"{REQUEST} is missing",))
    return _asked_once(path, state)


@lru_cache(maxsize=1024)
def _asked_once(path: Path, _state: FileState) -> _Asked:
    """A request never changes once it is written; what is kept of it is small."""
    try:
        record = read_record(path, RequestRecord)
        wanted = _wanted(record)
        return _Asked(record.verb, wanted.about, _readable(wanted.settings), moment(record.started).isoformat())
    except MammoError as error:
        return _Asked(damage=(first_line(error),))


def _wanted(record: RequestRecord) -> Wanted:
    with whatever_it_holds(REQUEST):
        return pick(VERBS, record.verb, "kind of job").from_json(record.request)


def _told(folder: Path) -> tuple[ProgressRecord | None, tuple[str, ...]]:
    """What a job's process told, and what is wrong with that; neither where it has told nothing yet."""
    path = folder / PROGRESS
    if folder.is_symlink() or not _is_there(path):
        return None, ()
    try:
        return read_record(path, ProgressRecord), ()
    except MammoError as error:
        return None, (first_line(error),)


def _wrong_result(asked: _Asked, told: ProgressRecord | None) -> tuple[str, ...]:
    if told and told.state == "done":
        try:
            VERBS[asked.verb].results(told.result)
        except MammoError as error:
            return (f"{PROGRESS}: {first_line(error)}",)
    return ()


def _readable(text: str) -> str:
    """A text of a job's files without what would steer a terminal."""
    return CONTROL.sub("", text)


def _seconds(started: str, told: ProgressRecord) -> float | None:
    """How long a job of an earlier version ran, by the clock."""
    if told.heartbeat is None:
        return None
    return max(told.heartbeat - moment(started).timestamp(), 0.0)


def _is_there(path: Path) -> bool:
    return path.is_symlink() or path.exists()


def _is_job(folder: Path) -> bool:
    """Whether a folder is a job's: one that is only just begun holds nothing yet."""
    return folder.is_symlink() or any(_is_there(folder / file) for file in (REQUEST, PROGRESS, LOG))


def jobs(home: Home) -> list[Job]:
    """All jobs, newest first, damaged ones among them."""
    opened = []
    for name in sorted(home.names("jobs"), reverse=True):
        with contextlib.suppress(MammoError):  # it was deleted meanwhile
            opened.append(Job.open(home, name))
    return opened


def log_of(job: Job, lines: int | None = None) -> list[str]:
    """The last lines that the job's process printed, without control characters; all that is kept unless named."""
    path = job.home.job(job.id) / LOG
    if path.parent.is_symlink() or path.is_symlink() or not path.is_file():
        return []
    with path.open("rb") as stream:
        stream.seek(max(path.stat().st_size - LOG_BYTES, 0))
        text = stream.read(LOG_BYTES).decode(errors="replace")
    printed = [CONTROL.sub("", line.rpartition("\r")[2]) for line in text.rstrip().replace("\r\n", "\n").split("\n")]
    return [] if printed == [""] else printed[-lines:] if lines else printed
