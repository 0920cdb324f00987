"""A damaged or hostile job file affects that job alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from mammo.errors import MammoError
from mammo.jobs import PROGRESS, REQUEST, Job, cancel, delete, jobs, retry, start
from mammo.jobs.owner import may_be_ended
from mammo.processes.lifetimes import start_ticks
from mammo.specs import Home
from mammo.storage.json_files import read_json
from tests.jobs.conftest import DONE, REQUEST_RECORD, ended, wait, write_job

STAGE = {"stage": "index", "done": 3, "total": 6, "unit": "files", "rate": 2.5, "seconds_left": 1.0}
DEEP = "[" * 100_000
REQUESTS: dict[str, Any] = {
    "empty": "",
    "cut": json.dumps(REQUEST_RECORD)[:40],
    "no table": "[]",
    "nothing in it": "{}",
    "deep": DEEP,
    "deep inside": '{"verb": "index-phantom", "request": ' + DEEP,
    "not UTF-8": "\udcff",
    "verb": {**REQUEST_RECORD, "verb": "shell"},
    "verb of another type": {**REQUEST_RECORD, "verb": ["index-phantom"]},
    "no such field": {**REQUEST_RECORD, "also": 1},
    "no request": {**REQUEST_RECORD, "request": {}},
    "request of another type": {**REQUEST_RECORD, "request": "p"},
    "count of another type": {**REQUEST_RECORD, "request": {"name": "p", "images": "6", "seed": 1}},
    "count that is true": {**REQUEST_RECORD, "request": {"name": "p", "images": True, "seed": 1}},
    "name of a path": {**REQUEST_RECORD, "request": {"name": "../../x", "images": 6, "seed": 1}},
    "time": {**REQUEST_RECORD, "started": "yesterday"},
    "time of another type": {**REQUEST_RECORD, "started": 1},
    "time out of reach": {**REQUEST_RECORD, "started": "9999-12-31T23:59:59-23:59"},
    "sweep without heads": {**REQUEST_RECORD, "verb": "sweep", "request": {"spec": {"dataset": "p", "caches": ["c"]}}},
    "sweep of a path": {
        **REQUEST_RECORD,
        "verb": "sweep",
        "request": {"spec": {"dataset": "p", "caches": ["../c"], "heads": [{}], "splits": [{}]}},
    },
    "learning rate": '{"verb": "sweep", "started": "2026-01-01", "request": {"spec": {"dataset": "p", "caches": ["c"],'
    ' "heads": [{"lr": 1' + "0" * 400 + '}], "splits": [{}]}}}',
    "report": {**REQUEST_RECORD, "verb": "paper", "request": {"spec": {"dataset": "p", "trunks": "none"}}},
}
PROGRESSES: dict[str, Any] = {
    "empty": "",
    "cut": '{"state": "run',
    "no table": "[]",
    "deep": DEEP,
    "not UTF-8": "\udcff",
    "state": {"state": "sleeping"},
    "state of another type": {"state": ["done"]},
    "derived state": {"state": "damaged"},
    **{f"pid {pid}": {"pid": pid, "created": 1.0} for pid in (0, 1, -1, True, 2**31, 2**70, 1.5, "7", [7])},
    "created": {"pid": 7, "created": "now"},
    "created that is no number": '{"pid": 7, "created": NaN}',
    "created without end": '{"pid": 7, "created": 1e999}',
    "progress": {"progress": [1]},
    "progress without numbers": {"progress": {"stage": "index"}},
    "done of another type": {"progress": {**STAGE, "done": "3"}},
    "done below zero": {"progress": {**STAGE, "done": -3}},
    "total out of reach": {"progress": {**STAGE, "total": 10**30}},
    "rate that is no number": '{"progress": {"stage": "index", "done": 1, "total": 2, "rate": NaN}}',
    "stage": {"progress": {**STAGE, "stage": {"a": 1}}},
    "curves": {"progress": {**STAGE, "live": {"heads": ["a"], "history": [["high"]]}}},
    "curves of other lengths": {"progress": {**STAGE, "live": {"heads": ["a"], "history": []}}},
    "message": {"state": "failed", "message": {"a": 1}},
    "result": {"state": "done", "result": 3},
    "result of a path": {"state": "done", "result": "../x"},
    "no result": {"state": "done"},
}
ALL = [(name, content, DONE) for name, content in REQUESTS.items()]
ALL += [(name, REQUEST_RECORD, content) for name, content in PROGRESSES.items()]


@pytest.mark.parametrize(("request_file", "progress_file"), [case[1:] for case in ALL], ids=[case[0] for case in ALL])
@pytest.mark.faults(
    "a damaged or hostile job file", "the job is listed as damaged, with a sentence; all others as before"
)
def test_a_damaged_job_is_listed_as_damaged(home: Home, request_file: object, progress_file: object) -> None:
    write_job(home, "b", REQUEST_RECORD, DONE)
    for file, content in ((REQUEST, request_file), (PROGRESS, progress_file)):
        text = content if isinstance(content, str) else json.dumps(content)
        home.job("a").mkdir(exist_ok=True)
        (home.job("a") / file).write_bytes(text.encode(errors="surrogateescape"))
    assert [(job.id, job.state) for job in jobs(home)] == [("b", "done"), ("a", "damaged")]
    damaged = Job.open(home, "a")
    assert damaged.reason.startswith("Its files are damaged: ") and len(damaged.reason) < 600
    json.dumps(damaged.to_json(), allow_nan=False)
    cancel(home, "a")
    if request_file is REQUEST_RECORD:
        assert damaged.dataset == "p" and damaged.verb == "index-phantom"
    else:
        with pytest.raises(MammoError, match="cannot be started again"):
            retry(home, "a")
    delete(home, "a")
    assert [job.id for job in jobs(home)] == ["b"]


@pytest.mark.faults("a job's file is a pipe, a link or missing", "the job is listed as damaged, and nothing waits")
def test_odd_files_of_a_job(home: Home, tmp_path: Path) -> None:
    for name in ("pipe", "link", "missing", "none"):
        write_job(home, name, REQUEST_RECORD, DONE)
    (home.job("pipe") / PROGRESS).unlink()
    os.mkfifo(home.job("pipe") / PROGRESS)
    (home.job("link") / REQUEST).rename(tmp_path / "request")
    (home.job("link") / REQUEST).symlink_to(tmp_path / "request")
    (home.job("missing") / REQUEST).unlink()
    for file in (REQUEST, PROGRESS):
        (home.job("none") / file).unlink()
    assert {job.id: job.state for job in jobs(home)} == dict.fromkeys(("pipe", "missing", "link"), "damaged")
    for job in jobs(home):
        delete(home, job.id)
    assert (tmp_path / "request").is_file()


def test_a_damaged_job_whose_request_is_valid_is_started_again(home: Home) -> None:
    record = {**REQUEST_RECORD, "verb": "extract", "request": {"specs": [{"dataset": "nothing"}]}}
    write_job(home, "a", record, "{")
    again = retry(home, "a")
    assert wait(home, again, ended).state == "failed"


def innocent(*words: str) -> subprocess.Popen[bytes]:
    """An idle process in a session of its own, like that of a job, with these words in its command line."""
    script = "import time; time.sleep(60)"
    return subprocess.Popen([sys.executable, "-c", script, *words], start_new_session=True)


def record_of(process: psutil.Process) -> dict[str, Any]:
    """The progress record that a job's process writes."""
    return {"pid": process.pid, "created": process.create_time(), "ticks": start_ticks(process.pid), "state": "running"}


@pytest.mark.faults("a job's file names the process of somebody else", "cancelling ends no process but the job's own")
def test_no_foreign_process_is_ended(home: Home) -> None:
    name, second = "20260101-000000-index-phantom-aaaa", "20260101-000000-index-phantom-bbbb"
    processes = [innocent(), innocent("-m", "mammo.jobs", str(home.path), second)]
    processes.append(innocent("-m", "mammo.jobs", str(home.path) + "-other", name))
    try:
        for running in [
            *map(psutil.Process, (process.pid for process in processes)),
            psutil.Process(),
            psutil.Process(1),
        ]:
            write_job(home, name, REQUEST_RECORD, record_of(running))
            assert Job.open(home, name).state in ("interrupted", "damaged")
            cancel(home, name)
        time.sleep(0.1)
        assert [process.poll() for process in processes] == [None, None, None]
        own = innocent("-m", "mammo.jobs", str(home.path), name)
        processes.append(own)
        late = record_of(psutil.Process(own.pid))
        write_job(home, name, REQUEST_RECORD, {**late, "ticks": late["ticks"] - 1})
        assert Job.open(home, name).state == "interrupted", "the number is a later process's"
        cancel(home, name)
        assert own.poll() is None
        write_job(home, name, REQUEST_RECORD, record_of(psutil.Process(own.pid)))
        assert Job.open(home, name).state == "running"
        cancel(home, name)
        assert not psutil.pid_exists(own.pid) and Job.open(home, name).state == "cancelled"
    finally:
        for process in processes:
            process.kill()
            process.wait()


def test_a_process_without_a_group_of_its_own_is_not_ended(home: Home) -> None:
    name = "a"
    words = [sys.executable, "-c", "import time; time.sleep(60)", "-m", "mammo.jobs", str(home.path), name]
    process = subprocess.Popen(words)
    try:
        write_job(home, name, REQUEST_RECORD, record_of(psutil.Process(process.pid)))
        with pytest.raises(MammoError, match="end its process"):
            cancel(home, name)
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()
    assert not may_be_ended(psutil.Process()) and not may_be_ended(psutil.Process(1))


@pytest.mark.faults("the clock is set back while a job runs", "the job is still known as running")
def test_a_job_is_recognised_without_the_clock(home: Home) -> None:
    name = start(home, "index-phantom", {"name": "p", "images": 5000, "seed": 1})
    try:
        wait(home, name, lambda job: bool(job.progress))
        record = read_json(home.job(name) / PROGRESS, "progress")
        process = psutil.Process(record["pid"])
        process.suspend()  # else it overwrites the record
        write_job(home, name, REQUEST_RECORD, {**record, "created": record["created"] + 3600, "heartbeat": 1.0})
        assert Job.open(home, name).state == "running"
        process.resume()
    finally:
        cancel(home, name)
    assert Job.open(home, name).state == "cancelled"
