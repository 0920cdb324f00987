"""The two files of a job as frozen specs: its request and its progress. Their content is checked, not trusted."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from mammo.errors import MammoError, first_line
from mammo.specs import LARGEST, Spec
from mammo.storage.json_files import read_json

REQUEST, PROGRESS, LOG = "request.json", "progress.json", "log.txt"
LARGEST_FILE = 64 * 2**20
"""The most bytes of a job's file: the curves of 240 heads over 10,000 epochs take less."""
LARGEST_PID = 2**31 - 1
YEARS = range(1980, 9000)
WRITTEN = ("running", "done", "failed", "cancelled")
"""The states that a job's process writes."""

Record = TypeVar("Record", bound=Spec)


@dataclass(frozen=True)
class RequestRecord(Spec):
    """A job's request: the kind of work, its settings, and the time of its start with the time zone."""

    what: ClassVar[str] = "job's request"

    verb: str
    request: dict[str, Any]
    started: str

    def __post_init__(self) -> None:
        """Raise MammoError where `started` is no time."""
        parse_time(self.started)


@dataclass(frozen=True)
class StageRecord(Spec):
    """The progress of a stage: `done` of `total` `unit`s, at a recent `rate` for each second.

    `seconds_left` estimates the rest of this stage, `job_seconds` the job from its start to its end; None where no
    estimate is possible. `live` holds the curves of heads in training: `heads` and `history`.
    """

    what: ClassVar[str] = "job's stage"

    stage: str
    done: int
    total: int
    unit: str = ""
    rate: float = 0.0
    seconds_left: float | None = None
    job_seconds: float | None = None
    live: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        """Raise MammoError for numbers out of range, and for curves that cannot be drawn."""
        _check_amounts(self, "done", "total", "rate", "seconds_left", "job_seconds")
        if self.live and not _are_curves(self.live.get("heads"), self.live.get("history")):
            raise MammoError("A job's curves are a list of names and as many lists of numbers.")


@dataclass(frozen=True)
class ProgressRecord(Spec):
    """A job's state and progress.

    `pid`, `created` (seconds since 1970) and `ticks` (clock ticks since the machine's start) identify the process;
    `heartbeat` is the time of writing, `seconds` the running time of the process at that time.
    """

    what: ClassVar[str] = "job's progress"

    pid: int | None = None
    created: float | None = None
    state: str = "running"
    ticks: int | None = None
    heartbeat: float | None = None
    seconds: float | None = None
    progress: StageRecord | None = None
    message: str = ""
    result: str = ""

    def __post_init__(self) -> None:
        """Raise MammoError for a state that no job writes, and for a number that no job's process can have."""
        if self.state not in WRITTEN:
            raise MammoError(f"A job's state is one of: {', '.join(WRITTEN)}; not {self.state!r}.")
        if self.pid is not None and not 1 < self.pid <= LARGEST_PID:
            raise MammoError(f"A job's pid is a process's number above 1, not {self.pid}.")
        _check_amounts(self, "created", "ticks", "heartbeat", "seconds")


def parse_time(text: str) -> datetime:
    """The time in UTC of a text in a job's file; raises MammoError where the text is no time."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        read = None
    if read is None or read.year not in YEARS:
        raise MammoError(f"A job's time is written like 2026-01-31T12:00:00+00:00, not {text!r}.")
    return read.replace(tzinfo=read.tzinfo or UTC).astimezone(UTC)


def read_record(path: Path, record: type[Record]) -> Record:
    """Read a job's file; raises MammoError where it is missing, damaged, far too large, or no plain file."""
    name = path.name
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise MammoError(f"{name} is no plain file.")
    if path.is_file() and path.stat().st_size > LARGEST_FILE:
        raise MammoError(f"{name} is far too large for a {record.what}.")
    with damaged_file_errors(name):
        return record.from_json(read_json(path, record.what))


@contextlib.contextmanager
def damaged_file_errors(name: str) -> Iterator[None]:
    """Turn all errors of reading an untrusted file into a MammoError with its name."""
    try:
        yield
    except (RecursionError, OverflowError, MemoryError) as error:
        raise MammoError(f"{name} cannot be read ({type(error).__name__}).") from None
    except MammoError as error:
        raise MammoError(f"{name}: {first_line(error)}") from None


def _check_amounts(record: Spec, *names: str) -> None:
    """Raise MammoError where a field is set and is no finite number from 0 on."""
    for name in names:
        value = getattr(record, name)
        if value is not None and not (math.isfinite(value) and 0 <= value <= LARGEST):
            raise MammoError(f"The {record.what} field {name!r} must be a number from 0 on, not {value!r}.")


def _are_curves(heads: object, history: object) -> bool:
    if not (isinstance(heads, list) and isinstance(history, list) and len(heads) == len(history)):
        return False
    names = all(isinstance(head, str) for head in heads)
    return names and all(isinstance(curve, list) and all(map(_is_height, curve)) for curve in history)


def _is_height(value: object) -> bool:
    return value is None or (isinstance(value, float | int) and math.isfinite(value))
