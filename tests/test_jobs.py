"""Jobs: long work that outlives whoever asked for it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from mammo.data.dataset import datasets
from mammo.errors import MammoError
from mammo.files import read_json, write_text
from mammo.jobs import PROGRESS, REQUEST, Job, jobs, start
from mammo.specs import Home

WHOLE = '{"verb": "sweep", "request": {}, "started": "2026-01-01T00:00:00+00:00"}'


def wait(home: Home, name: str, until: Callable[[Job], bool], seconds: float = 60) -> Job:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        job = Job.open(home, name)
        if until(job):
            return job
        time.sleep(0.05)
    raise AssertionError(f"the job is still {job.state}: {job.progress}")


def ended(job: Job) -> bool:
    return job.state != "running"


def begun(job: Job) -> bool:
    return job.progress.get("done", 0) > 0


def running_in_group(group: int) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def test_a_job_does_its_work_and_says_so(home: Home) -> None:
    name = start(home, "index-phantom", {"name": "p", "images": 6, "seed": 1})
    job = wait(home, name, ended)
    assert (job.state, job.result, job.message) == ("done", "p", "")
    assert datasets(home) == ["p"]
    assert [one.id for one in jobs(home)] == [name]
    assert {"stage", "done", "total", "unit", "rate", "seconds_left", "live"} <= set(job.progress)


@pytest.mark.slow
def test_a_job_outlives_its_starter(home: Home) -> None:
    script = (
        "from mammo.jobs import start; from mammo.specs import Home\n"
        f"print(start(Home({str(home.path)!r}), 'index-phantom', {{'name': 'p', 'images': 6, 'seed': 1}}))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert wait(home, done.stdout.strip(), ended).state == "done"


def test_a_failed_job_ends_in_the_sentence(home: Home) -> None:
    name = start(home, "extract", {"specs": [{"dataset": "nothing"}], "weights_file": None})
    job = wait(home, name, ended)
    assert job.state == "failed" and "no data set 'nothing'" in job.message


@pytest.mark.slow
def test_a_job_can_be_cancelled(home: Home) -> None:
    name = start(home, "index-phantom", {"name": "p", "images": 5000, "seed": 1})
    wait(home, name, begun).cancel()
    job = Job.open(home, name)
    assert job.state == "cancelled"
    pid = read_json(home.job(name) / PROGRESS, "progress")["pid"]
    end = time.monotonic() + 20
    while running_in_group(pid) and time.monotonic() < end:
        time.sleep(0.05)
    assert not running_in_group(pid)
    assert datasets(home) == []


@pytest.mark.slow
def test_a_killed_job_is_called_interrupted_and_can_go_on(home: Home) -> None:
    request = {"name": "p", "images": 80, "seed": 1}
    name = start(home, "index-phantom", request)
    wait(home, name, begun)
    os.killpg(read_json(home.job(name) / PROGRESS, "progress")["pid"], signal.SIGKILL)
    assert wait(home, name, ended).state == "interrupted"
    assert wait(home, start(home, "index-phantom", request), ended).state == "done"


@pytest.mark.slow
def test_another_process_with_the_same_number_is_not_the_job(home: Home) -> None:
    name = start(home, "index-phantom", {"name": "p", "images": 6, "seed": 1})
    wait(home, name, ended)
    place = home.job(name) / PROGRESS
    told = read_json(place, "progress")
    place.write_text(place.read_text().replace('"done"', '"running"').replace(str(told["pid"]), str(os.getpid())))
    assert Job.open(home, name).state == "interrupted"


@pytest.mark.parametrize("verb", ["shell", "__init__", ""])
def test_only_known_work_is_started(home: Home, verb: str) -> None:
    with pytest.raises(MammoError, match="no kind of job"):
        start(home, verb, {})
    assert jobs(home) == []


def test_a_job_that_is_none(home: Home, tmp_path: Path) -> None:
    with pytest.raises(MammoError, match="no job"):
        Job.open(home, "nothing")
    with pytest.raises(MammoError, match="cannot name"):
        Job.open(home, "../../etc")


@pytest.mark.parametrize(
    ("request_text", "progress_text"),
    [("", "{}"), ("[]", "{}"), ("{}", "{}"), ('{"verb', "{}"), (WHOLE, "[]"), (WHOLE, '{"state": "run')],
)
def test_a_damaged_job_hides_no_other(home: Home, request_text: str, progress_text: str) -> None:
    for name, asked, told in (("a", request_text, progress_text), ("b", WHOLE, '{"state": "running"}')):
        write_text(home.job(name) / REQUEST, asked)
        write_text(home.job(name) / PROGRESS, told)
    assert [(job.id, job.state) for job in jobs(home)] == [("b", "interrupted")]
    with pytest.raises(MammoError, match="delete"):
        Job.open(home, "a")
