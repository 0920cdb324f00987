"""Helpers to wait for jobs and to find their processes."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from mammo.data.phantom import PhantomSpec, write_phantom
from mammo.jobs import PROGRESS, REQUEST, RUNNING, Job
from mammo.progress import finish
from mammo.specs import Home
from mammo.storage.atomic_files import write_text

REQUEST_RECORD: dict[str, Any] = {
    "verb": "index-phantom",
    "request": {"name": "p", "images": 6, "seed": 1},
    "started": "2026-01-01T00:00:00+00:00",
}
"""A valid request."""
DONE: dict[str, Any] = {"state": "done", "result": "p"}


def wait(home: Home, name: str, until: Callable[[Job], bool], seconds: float = 120) -> Job:
    """Wait until a condition holds for the job; return the job."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        job = Job.open(home, name)
        if until(job):
            return job
        time.sleep(0.05)
    raise AssertionError(f"the job is still {job.state}: {job.progress}")


def ended(job: Job) -> bool:
    return job.state != RUNNING


def has_begun(job: Job) -> bool:
    return job.progress.get("done", 0) > 0


def write_job(home: Home, name: str, request: object, progress: object = None) -> None:
    """Write a job's files with any content; a text is written as it is."""
    for file, content in ((REQUEST, request), (PROGRESS, progress)):
        if content is not None:
            write_text(home.job(name) / file, content if isinstance(content, str) else json.dumps(content))


def in_session(leader: int) -> list[psutil.Process]:
    """The processes of a session, without zombies."""
    processes = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            if os.getsid(process.pid) == leader and process.status() != psutil.STATUS_ZOMBIE:
                processes.append(process)
    return processes


def soon(condition: Callable[[], object], seconds: float = 20) -> bool:
    """Whether a condition becomes true within some seconds."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return bool(condition())


@pytest.fixture
def started() -> Iterator[list[int]]:
    """Process numbers whose sessions are ended after the test, also after a failed one."""
    leaders: list[int] = []
    yield leaders
    end_all(process for leader in leaders for process in in_session(leader))


def end_all(processes: Iterable[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.kill()


@pytest.fixture(scope="session")
def few_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A download of 14 small synthetic mammograms."""
    root = tmp_path_factory.mktemp("few") / "tree"
    finish(write_phantom(root, PhantomSpec(images=14, seed=2, height=128), workers=1))
    return root
