"""The noun `Job`: a piece of long work, read from its folder."""

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
    damaged_file_errors,
    parse_time,
    read_record,
)
from mammo.jobs.requests import VERBS, JobRequest
from mammo.specs import Home, pick
from mammo.storage.file_states import FileState, file_state

GRACE = 8.0
"""Seconds that a cancelled job has to end by itself, and a started one to write its first progress."""
RUNNING, DAMAGED = "running", "damaged"
STATES = (RUNNING, "done", "failed", "cancelled", "interrupted", DAMAGED)
"""An interrupted job's process is gone and wrote no end; a damaged job's files are not valid."""
LOG_BYTES = 64 * 2**10
"""The bytes that are read of a log, at its end."""
CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True)
class Job:
    """A piece of long work: its request, its state and its result.

    `state` is one of `STATES`; `reason` says why it failed, was interrupted or counts as damaged. `progress` holds the
    fields of `StageRecord`; it is empty before the first step. `seconds` is the running time of the process, None
    where it is unknown; `started` is the time in UTC. Where the request cannot be read, `verb`, `dataset`, `settings`
    and `started` are empty.
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
        """Read a job; one with damaged files has the state `DAMAGED`. Raises MammoError where there is no such job."""
        folder = home.job(name)
        if not _is_job(folder):
            raise MammoError(f"There is no job {name!r}; `mammo jobs` lists those that there are.")
        facts, (progress, progress_damage) = _request_of(folder), _progress_of(folder)
        damage = [*facts.damage, *progress_damage] or _result_damage(facts, progress)
        job = cls(home, name, facts.verb, facts.dataset, facts.settings, facts.started, DAMAGED)
        if damage:
            return replace(job, reason=_readable(f"Its files are damaged: {'; '.join(damage)}"))
        return job._with_progress(progress or ProgressRecord())

    def _with_progress(self, record: ProgressRecord) -> Job:
        job = replace(
            self,
            state=record.state,
            reason=_readable(record.message),
            progress=record.progress.to_json() if record.progress else {},
            seconds=record.seconds if record.seconds is not None else _seconds(self.started, record),
            result=_readable(record.result),
        )
        if record.state != RUNNING or self._is_alive(record):
            return job
        return replace(job, state="interrupted", reason="Its process is gone without a word.")

    def _is_alive(self, record: ProgressRecord) -> bool:
        """Whether the job's process runs; one without progress yet counts as running for `GRACE` seconds."""
        no_progress = record == ProgressRecord()
        if job_process(self.home, self.id, None if no_progress else record):
            return True
        return no_progress and abs(time.time() - parse_time(self.started).timestamp()) < GRACE

    @property
    def results(self) -> tuple[str, ...]:
        """The names of its results: a data set, a sweep, or some caches; empty before it is done."""
        return VERBS[self.verb].results(self.result) if self.state == "done" else ()

    @property
    def request(self) -> RequestRecord:
        """Its request, read from the file; raises MammoError where the file is damaged."""
        return read_record(self.home.job(self.id) / REQUEST, RequestRecord)

    def to_json(self) -> dict[str, Any]:
        """All fields as plain JSON values, null where a value is unknown."""
        content: dict[str, Any] = {"id": self.id}
        for name in ("verb", "state", "reason", "dataset", "result", "settings", "started"):
            content[name] = getattr(self, name) or None
        progress = {name: value for name, value in self.progress.items() if name != "live"}  # curves are for the page
        return {**content, "seconds": self.seconds, "progress": progress or None}


@dataclass(frozen=True)
class _RequestFacts:
    """The facts of a job's request, or its damage."""

    verb: str = ""
    dataset: str = ""
    settings: str = ""
    started: str = ""
    damage: tuple[str, ...] = ()


def _request_of(folder: Path) -> _RequestFacts:
    path = folder / REQUEST
    if folder.is_symlink():
        return _RequestFacts(damage=("its folder is a link to another",))
    if (state := file_state(path)) is None:
        return _RequestFacts(damage=(f"{REQUEST} is missing",))
    return _cached_request(path, state)


@lru_cache(maxsize=1024)
def _cached_request(path: Path, _state: FileState) -> _RequestFacts:
    """The facts of a request, read once: a request does not change after it is written."""
    try:
        record = read_record(path, RequestRecord)
        request = _parsed(record)
        started = parse_time(record.started).isoformat()
        return _RequestFacts(record.verb, request.dataset_name, _readable(request.settings), started)
    except MammoError as error:
        return _RequestFacts(damage=(first_line(error),))


def _parsed(record: RequestRecord) -> JobRequest:
    with damaged_file_errors(REQUEST):
        return pick(VERBS, record.verb, "kind of job").from_json(record.request)


def _progress_of(folder: Path) -> tuple[ProgressRecord | None, tuple[str, ...]]:
    """The progress that a job's process wrote, and its damage; neither where it has written none yet."""
    path = folder / PROGRESS
    if folder.is_symlink() or not _exists(path):
        return None, ()
    try:
        return read_record(path, ProgressRecord), ()
    except MammoError as error:
        return None, (first_line(error),)


def _result_damage(facts: _RequestFacts, progress: ProgressRecord | None) -> tuple[str, ...]:
    if progress and progress.state == "done":
        try:
            VERBS[facts.verb].results(progress.result)
        except MammoError as error:
            return (f"{PROGRESS}: {first_line(error)}",)
    return ()


def _readable(text: str) -> str:
    """A text of a job's files without control characters of terminals."""
    return CONTROL.sub("", text)


def _seconds(started: str, record: ProgressRecord) -> float | None:
    """The running time of a job of an earlier version, by the clock."""
    if record.heartbeat is None:
        return None
    return max(record.heartbeat - parse_time(started).timestamp(), 0.0)


def _exists(path: Path) -> bool:
    return path.is_symlink() or path.exists()


def _is_job(folder: Path) -> bool:
    """Whether a folder holds a job: any of its files is there; a folder that was just created is empty."""
    return folder.is_symlink() or any(_exists(folder / file) for file in (REQUEST, PROGRESS, LOG))


def jobs(home: Home) -> list[Job]:
    """All jobs, the newest first, with damaged ones."""
    opened = []
    for name in sorted(home.names("jobs"), reverse=True):
        with contextlib.suppress(MammoError):  # the job was deleted meanwhile
            opened.append(Job.open(home, name))
    return opened


def log_of(job: Job, lines: int | None = None) -> list[str]:
    """The last `lines` that the job's process printed, all lines by default, without control characters."""
    path = job.home.job(job.id) / LOG
    if path.parent.is_symlink() or path.is_symlink() or not path.is_file():
        return []
    with path.open("rb") as stream:
        stream.seek(max(path.stat().st_size - LOG_BYTES, 0))
        text = stream.read(LOG_BYTES).decode(errors="replace")
    printed = [CONTROL.sub("", line.rpartition("\r")[2]) for line in text.rstrip().replace("\r\n", "\n").split("\n")]
    return [] if printed == [""] else printed[-lines:] if lines else printed
