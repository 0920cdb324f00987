"""The two files of a job as frozen specs: what was asked for, and how it stands. Whoever wrote them is not trusted."""

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
"""Bytes that a job's file may have: the curves of 240 heads over 10,000 epochs take less."""
LARGEST_PID = 2**31 - 1
YEARS = range(1980, 9000)
WRITTEN = ("running", "done", "failed", "cancelled")
"""The states that a job's process writes."""

Record = TypeVar("Record", bound=Spec)


@dataclass(frozen=True)
class RequestRecord(Spec):
    """What was asked for: the kind of work, its own request, and when it was started, with its time zone."""

    what: ClassVar[str] = "job's request"

    verb: str
    request: dict[str, Any]
    started: str

    def __post_init__(self) -> None:
        """Refuse a time that is none."""
        moment(self.started)


@dataclass(frozen=True)
class StageRecord(Spec):
    """How far a stage of the work is: `done` of `total` `unit`s, at `rate` a second of late.

    `seconds_left` is of this stage, `job_seconds` of the whole job from its start to its end, both as it looks now and
    None where that cannot be told. `live` holds the curves of heads in training: `heads` and `history`.
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
        """Refuse numbers that count nothing, and curves that cannot be drawn."""
        _check_amounts(self, "done", "total", "rate", "seconds_left", "job_seconds")
        if self.live and not _are_curves(self.live.get("heads"), self.live.get("history")):
            raise MammoError("A job's curves are a list of names and as many lists of numbers.")


@dataclass(frozen=True)
class ProgressRecord(Spec):
    """How a job stands.

    `pid`, `created` (seconds since 1970) and `ticks` (clock ticks since the machine's start) say which process it is;
    `heartbeat` is when this was written, `seconds` how long the process had run by then.
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
        """Refuse a state that none writes, and a number that is no ordinary process's."""
        if self.state not in WRITTEN:
            raise MammoError(f"A job's state is one of: {', '.join(WRITTEN)}; not {self.state!r}.")
        if self.pid is not None and not 1 < self.pid <= LARGEST_PID:
            raise MammoError(f"A job's pid is a process's number above 1, not {self.pid}.")
        _check_amounts(self, "created", "ticks", "heartbeat", "seconds")


def moment(text: str) -> datetime:
    """A time as a job's files have it, in UTC; raises MammoError where the text is none."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        read = None
    if read is None or read.year not in YEARS:
        raise MammoError(f"A job's time is written like 2026-01-31T12:00:00+00:00, not {text!r}.")
    return read.replace(tzinfo=read.tzinfo or UTC).astimezone(UTC)


def read_record(path: Path, record: type[Record]) -> Record:
    """A job's file as its spec; raises MammoError where it is missing, damaged, far too large, or no plain file."""
    name = path.name
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise MammoError(f"{name} is no plain file.")
    if path.is_file() and path.stat().st_size > LARGEST_FILE:
        raise MammoError(f"{name} is far too large for a {record.what}.")
    with whatever_it_holds(name):
        return record.from_json(read_json(path, record.what))


@contextlib.contextmanager
def whatever_it_holds(name: str) -> Iterator[None]:
    """Turn what may come of reading a file that anybody wrote into a MammoError that names it."""
    try:
        yield
    except (RecursionError, OverflowError, MemoryError) as error:
        raise MammoError(f"{name} cannot be read ({type(error).__name__}).") from None
    except MammoError as error:
        raise MammoError(f"{name}: {first_line(error)}") from None


def _check_amounts(record: Spec, *names: str) -> None:
    """Raise MammoError where a number is not known to be one from 0 on."""
    for name in names:
        value = getattr(record, name)
        if value is not None and not (math.isfinite(value) and 0 <= value <= LARGEST):
            raise MammoError(f"The {record.what} field {name!r} must be a number from 0 on, not {value!r}.")


def _are_curves(heads: object, history: object) -> bool:
    if not (isinstance(heads, list) and isinstance(history, list) and len(heads) == len(history)):
        return False
    named = all(isinstance(head, str) for head in heads)
    return named and all(isinstance(curve, list) and all(map(_is_height, curve)) for curve in history)


def _is_height(value: object) -> bool:
    return value is None or (isinstance(value, float | int) and math.isfinite(value))
