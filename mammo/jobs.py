"""Long work in a process of its own: it outlives the tab and the server, and anyone can read its progress."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

import psutil

from mammo.errors import MammoError
from mammo.files import read_json, write_json
from mammo.progress import Progress, Work
from mammo.specs import CacheSpec, Home, SweepSpec, pick

REQUEST, PROGRESS, LOG = "request.json", "progress.json", "log.txt"
EVERY = 0.5
"""Seconds between two writings of a job's progress."""
GRACE = 8.0
"""Seconds that a cancelled job has to end by itself, and a started one to say so."""


def _index_phantom(home: Home, request: dict[str, Any]) -> Work[str]:
    from mammo.data.index import index_phantom

    return (yield from index_phantom(home, request["name"], int(request["images"]), int(request["seed"]))).name


def _index_cbis_ddsm(home: Home, request: dict[str, Any]) -> Work[str]:
    from mammo.data.index import index_cbis_ddsm

    csv = Path(request["csv"]) if request.get("csv") else None
    only = bool(request.get("metadata_only", False))
    return (yield from index_cbis_ddsm(home, request["name"], Path(request["root"]), csv, only)).name


def _index_manifest(home: Home, request: dict[str, Any]) -> Work[str]:
    from mammo.data.index_manifest import index_manifest
    from mammo.data.manifest.options import ManifestOptions

    options = ManifestOptions.from_json(request)
    return (yield from index_manifest(home, request["name"], Path(request["file"]), options=options)).name


def _extract(home: Home, request: dict[str, Any]) -> Work[str]:
    from mammo.features.extract import extract

    specs = [CacheSpec.from_json(spec) for spec in request["specs"]]
    file = Path(request["weights_file"]) if request.get("weights_file") else None
    made = yield from extract(home, specs, file, storage=request.get("storage", "zstd"))
    return ", ".join(one.cache.name for one in made)


def _sweep(home: Home, request: dict[str, Any]) -> Work[str]:
    from mammo.heads.sweep import sweep

    return (yield from sweep(home, SweepSpec.from_json(request["spec"])))


def _paper(home: Home, request: dict[str, Any]) -> Work[str]:
    from mammo.paper import reproduce
    from mammo.results.report.stated import PaperSpec

    spec = PaperSpec.from_json(request["spec"])
    yield from reproduce(home, spec)
    return f"the report on {spec.dataset}"


VERBS: dict[str, Callable[[Home, dict[str, Any]], Work[str]]] = {
    "index-phantom": _index_phantom,
    "index-cbis-ddsm": _index_cbis_ddsm,
    "index-manifest": _index_manifest,
    "extract": _extract,
    "sweep": _sweep,
    "paper": _paper,
}


@dataclass(frozen=True)
class Job:
    """A piece of long work: what was asked for, how it stands and what came of it.

    `state` is running, done, failed, cancelled or interrupted (its process is gone without a word).
    `progress` holds stage, done, total, unit, rate (units a second), seconds_left and live.
    """

    home: Home
    id: str
    verb: str
    request: dict[str, Any]
    started: str
    state: str
    progress: dict[str, Any]
    message: str
    result: str

    @classmethod
    def open(cls, home: Home, name: str) -> Job:
        """Read a job; raises MammoError where there is none, or its files are damaged."""
        folder = home.job(name)
        asked = read_json(folder / REQUEST, "job")
        told = read_json(folder / PROGRESS, "progress of the job") if (folder / PROGRESS).is_file() else {}
        if not (isinstance(asked, dict) and {"verb", "request", "started"} <= set(asked) and isinstance(told, dict)):
            raise MammoError(f"The job {name!r} is damaged; delete {folder}.")
        state = told.get("state", "running")
        if state == "running" and not _alive(told, folder):
            state = "interrupted"
        shown = told.get("progress", {})
        words = told.get("message", ""), told.get("result", "")
        return cls(home, name, asked["verb"], asked["request"], asked["started"], state, shown, *words)

    def cancel(self) -> None:
        """End a running job; what it had finished is kept."""
        if self.state != "running":
            return
        told = read_json(self.home.job(self.id) / PROGRESS, "progress of the job")
        _end(told)
        if Job.open(self.home, self.id).state in ("running", "interrupted"):
            write_json(self.home.job(self.id) / PROGRESS, {**told, "state": "cancelled"})


def _alive(told: dict[str, Any], folder: Path) -> bool:
    """Whether a job goes on; one that has told nothing yet has a moment of grace."""
    if told:
        return _running(told)
    return time.time() - (folder / REQUEST).stat().st_mtime < GRACE


def _running(told: dict[str, Any]) -> bool:
    """Whether the very process that wrote `told` still runs, not another that got its number."""
    try:
        process = psutil.Process(told["pid"])
        return abs(process.create_time() - told["created"]) < 1 and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, KeyError):
        return False


def _end(told: dict[str, Any]) -> None:
    """Ask a job's processes to end, and after `GRACE` seconds at the latest end what is left of them."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(told["pid"], signal.SIGTERM)
        end = time.monotonic() + GRACE
        while _running(told) and time.monotonic() < end:
            time.sleep(0.05)
        os.killpg(told["pid"], signal.SIGKILL)


def jobs(home: Home) -> list[Job]:
    """All jobs, newest first; those whose files are damaged are left out."""
    found = []
    for name in sorted(home.names("jobs"), reverse=True):
        if (home.job(name) / REQUEST).is_file():
            with contextlib.suppress(MammoError):
                found.append(Job.open(home, name))
    return found


def start(home: Home, verb: str, request: dict[str, Any]) -> str:
    """Start long work in a process of its own and return the job's id; raises MammoError where the verb is unknown."""
    pick(VERBS, verb, "kind of job")
    home.refuse_shared()
    now = datetime.now(UTC)
    name = f"{now:%Y%m%d-%H%M%S}-{verb}-{secrets.token_hex(2)}"
    folder = home.job(name)
    write_json(folder / REQUEST, {"verb": verb, "request": request, "started": now.isoformat(timespec="seconds")})
    with (folder / LOG).open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "mammo.jobs", str(home.path.absolute()), name],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    created = psutil.Process(process.pid).create_time()
    threading.Thread(target=process.wait, daemon=True).start()  # so that an ended job leaves no zombie
    _tell_first(folder / PROGRESS, {"pid": process.pid, "created": created, "state": "running"})
    return name


def _tell_first(path: Path, told: dict[str, Any]) -> None:
    if not path.is_file():
        write_json(path, told)


class _Teller:
    """Writes a job's progress, at most every `EVERY` seconds, with the rate and the time left of the stage."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.told: dict[str, Any] = {"pid": os.getpid(), "created": psutil.Process().create_time(), "state": "running"}
        self.written = 0.0
        self.stage, self.begun, self.first = "", 0.0, 0
        self.tell()

    def step(self, step: Progress) -> None:
        """Take in one step; the rate counts from the stage's first."""
        now = time.monotonic()
        if step.stage != self.stage:
            self.stage, self.begun, self.first = step.stage, now, step.done
        rate = (step.done - self.first) / (now - self.begun) if now > self.begun else 0.0
        left = (step.total - step.done) / rate if rate > 0 else None
        shown = {"stage": step.stage, "done": step.done, "total": step.total, "unit": step.unit}
        live = step.live or self.told.get("progress", {}).get("live", {})
        self.told["progress"] = {**shown, "rate": rate, "seconds_left": left, "live": live}
        if now - self.written >= EVERY:
            self.tell()

    def tell(self, **words: Any) -> None:
        """Write what is known now."""
        self.told |= {"heartbeat": time.time(), **words}
        self.written = time.monotonic()
        write_json(self.path, self.told)


class _CancelledError(BaseException):
    """Raised in a job's process when it is asked to end."""


def _raise_cancelled(_signal: int, _frame: FrameType | None) -> None:
    raise _CancelledError


def run(home: Home, name: str) -> int:
    """Do the work of a job in this process; returns the exit code."""
    signal.signal(signal.SIGTERM, _raise_cancelled)
    asked = read_json(home.job(name) / REQUEST, "job")
    teller = _Teller(home.job(name) / PROGRESS)
    try:
        result = yield_all(pick(VERBS, asked["verb"], "kind of job")(home, asked["request"]), teller)
    except MammoError as error:
        teller.tell(state="failed", message=str(error))
        return 2
    except _CancelledError:
        teller.tell(state="cancelled")
        return 143
    except Exception as error:
        traceback.print_exc()
        teller.tell(state="failed", message=f"A fault in mammo: {error!r}; its trace is in the job's {LOG}.")
        return 1
    teller.tell(state="done", result=result)
    return 0


def yield_all(work: Work[str], teller: _Teller) -> str:
    """Run the work to its end, telling every step; returns its result."""
    while True:
        try:
            teller.step(next(work))
        except StopIteration as stop:
            return str(stop.value)


def log_of(job: Job) -> Iterator[str]:
    """The lines that the job's process printed."""
    path = job.home.job(job.id) / LOG
    return iter(path.read_text(errors="replace").splitlines() if path.is_file() else [])


if __name__ == "__main__":
    sys.exit(run(Home(Path(sys.argv[1])), sys.argv[2]))
