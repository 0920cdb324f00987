"""Jobs: long work that outlives the process that started it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from mammo.data.dataset.dataset import datasets
from mammo.data.manifest.options import ManifestOptions
from mammo.errors import MammoError
from mammo.jobs import LOG, PROGRESS, Job, cancel, delete, jobs, log_of, retry, start
from mammo.jobs.requests import VERBS
from mammo.specs import SHARED, HeadSpec, Home, SplitSpec, SweepSpec
from mammo.storage.json_files import read_json
from tests.jobs.conftest import DONE, REQUEST_RECORD, ended, has_begun, in_session, soon, wait, write_job


def test_a_job_does_its_work_and_writes_its_end(home: Home) -> None:
    name = start(home, "index-phantom", {"name": "p", "images": 6, "seed": 1})
    job = wait(home, name, ended)
    assert (job.state, job.result, job.reason, job.results) == ("done", "p", "", ("p",))
    assert datasets(home) == ["p"]
    assert [listed.id for listed in jobs(home)] == [name]
    assert {"stage", "done", "total", "unit", "rate", "seconds_left", "job_seconds", "live"} <= set(job.progress)
    assert (job.dataset, job.settings) == ("p", "6 synthetic mammograms, seed 1")
    assert job.seconds and 0.1 < job.seconds < 120


@pytest.mark.parametrize(
    ("heads", "splits", "words"),
    [
        (
            [HeadSpec(pool="gap", lr=1e-3, patience=10)],
            [SplitSpec("patient")],
            "1 head on 1 cache; GAP; Adam; learning rate 0.001; epochs 50; patience 10; split: by patient",
        ),
        (
            [HeadSpec(lr=rate, hidden=8, finetune="last-layer") for rate in (1e-3, 1e-4)],
            [SplitSpec("paper", labels=labels) for labels in ("merged", "dropped")],
            "4 heads on 1 cache; Flatten; Adam; learning rate 0.001, 0.0001; epochs 50; hidden units 8; "
            "fine-tuning: last convolution; split: the report's; labels: merged, dropped",
        ),
    ],
)
def test_a_sweep_is_described_in_the_words_of_its_form(heads, splits, words):
    spec = SweepSpec("p", ("c",), tuple(heads), tuple(splits))
    assert VERBS["sweep"].from_json({"spec": spec.to_json()}).settings == words


@pytest.mark.slow
@pytest.mark.faults("SIGKILL to whoever started a job", "the job goes on")
def test_a_job_outlives_its_starter(home: Home) -> None:
    script = (
        "from mammo.jobs import start; from mammo.specs import Home\n"
        "request = {'name': 'p', 'images': 6, 'seed': 1}\n"
        f"print(start(Home({str(home.path)!r}), 'index-phantom', request), flush=True)\n"
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert killed.returncode == -signal.SIGKILL
    assert wait(home, killed.stdout.strip(), ended).state == "done"


def test_a_failed_job_has_the_reason_and_can_be_started_again(home: Home) -> None:
    name = start(home, "extract", {"specs": [{"dataset": "nothing"}], "weights_file": None})
    job = wait(home, name, ended)
    assert job.state == "failed" and "no data set 'nothing'" in job.reason
    again = retry(home, name)
    assert again != name and read_json(home.job(again) / "request.json", "request")["request"] == job.request.request
    assert wait(home, again, ended).reason == job.reason


@pytest.mark.slow
def test_a_job_can_be_cancelled(home: Home) -> None:
    name = start(home, "index-phantom", {"name": "p", "images": 5000, "seed": 1})
    wait(home, name, has_begun)
    for refused in (delete, retry):
        with pytest.raises(MammoError, match="still runs; cancel it first"):
            refused(home, name)
    leader = read_json(home.job(name) / PROGRESS, "progress")["pid"]
    cancel(home, name)
    assert Job.open(home, name).state == "cancelled"
    assert soon(lambda: not in_session(leader))
    assert datasets(home) == []
    delete(home, name)
    assert jobs(home) == []


@pytest.mark.slow
@pytest.mark.faults("SIGKILL to a job", "its workers end by themselves; it is called interrupted and can go on")
def test_a_killed_job_is_called_interrupted_and_can_go_on(home: Home) -> None:
    name = start(home, "index-phantom", {"name": "p", "images": 40, "seed": 1})
    wait(home, name, has_begun)
    leader = read_json(home.job(name) / PROGRESS, "progress")["pid"]
    assert len(in_session(leader)) > 2
    os.kill(leader, signal.SIGKILL)
    assert wait(home, name, ended).state == "interrupted"
    assert soon(lambda: not in_session(leader)), in_session(leader)
    assert wait(home, retry(home, name), ended).state == "done"


@pytest.mark.parametrize("verb", ["shell", "__init__", ""])
def test_only_known_work_is_started(home: Home, verb: str) -> None:
    with pytest.raises(MammoError, match="no kind of job"):
        start(home, verb, {})
    assert jobs(home) == []


def test_an_invalid_request_is_refused_before_it_is_started(home: Home) -> None:
    with pytest.raises(MammoError, match="lacks the field"):
        start(home, "index-phantom", {"name": "p"})
    with pytest.raises(MammoError, match="cannot name a data set"):
        start(home, "index-phantom", {"name": "../p", "images": 6, "seed": 1})
    assert jobs(home) == []


def test_a_missing_job_is_refused(home: Home) -> None:
    with pytest.raises(MammoError, match="no job"):
        Job.open(home, "nothing")
    with pytest.raises(MammoError, match="cannot name"):
        Job.open(home, "../../etc")


def test_an_ended_job_is_deleted_and_its_results_stay(home: Home, tmp_path: Path) -> None:
    write_job(home, "a", REQUEST_RECORD, DONE)
    home.dataset("p").mkdir(parents=True)
    delete(home, "a")
    assert not home.job("a").exists() and home.dataset("p").is_dir()
    (tmp_path / "elsewhere").mkdir()
    write_job(Home(tmp_path / "elsewhere"), "b", REQUEST_RECORD, DONE)
    home.job("b").symlink_to(tmp_path / "elsewhere" / "jobs" / "b")
    assert Job.open(home, "b").state == "damaged"
    delete(home, "b")
    assert not home.job("b").is_symlink() and (tmp_path / "elsewhere" / "jobs" / "b" / PROGRESS).is_file()


def test_jobs_of_a_shared_home_cannot_be_changed(home: Home) -> None:
    write_job(home, "a", REQUEST_RECORD, DONE)
    (home.path / SHARED).write_text("{}")
    for refused in (cancel, retry, delete):
        with pytest.raises(MammoError, match="shared home"):
            refused(home, "a")


def test_the_end_of_a_log_is_shown_as_text(home: Home, tmp_path: Path) -> None:
    write_job(home, "a", REQUEST_RECORD, DONE)
    job = Job.open(home, "a")
    assert log_of(job) == []
    log = home.job("a") / LOG
    log.write_bytes(b"x" * 100_000 + b"\n\x1b[31mred\x1b[0m\xff\r\nbar 10%\rbar 100%\n")
    assert log_of(job, 2) == ["red\ufffd", "bar 100%"]
    assert sum(map(len, log_of(job))) < 70_000
    log.unlink()
    (tmp_path / "secret").write_text("secret")
    log.symlink_to(tmp_path / "secret")
    assert log_of(job) == []


def test_requests_of_earlier_versions_are_read(home: Home) -> None:
    manifest = {"name": "m", "file": "/x.csv", "columns": {"path": "file"}, "positive": ["M"]}
    write_job(home, "a", {**REQUEST_RECORD, "verb": "index-manifest", "request": manifest}, {"state": "cancelled"})
    record = {"pid": 4194000, "created": 1.5, "state": "done", "heartbeat": 1767225700.0, "result": "p", "message": ""}
    stage = {"stage": "index", "done": 6, "total": 6, "unit": "files", "rate": 2.5, "seconds_left": 0.0, "live": {}}
    write_job(home, "b", REQUEST_RECORD, {**record, "progress": stage})
    newer, older = jobs(home)
    assert (newer.state, newer.seconds, newer.result) == ("done", 100.0, "p")
    assert (older.state, older.settings) == ("cancelled", "from /x.csv; positive: M")


def test_a_request_holds_all_options_of_a_manifest() -> None:
    request = {
        "name": "m", "file": "/x.csv", "columns": {"path": "file"}, "positive": ["M"], "negative": ["B"], "drop": ["?"],
        "root": "/films", "sheet": "first", "header": ["a", "b"], "header_patients": True, "intent": "presentation",
        "licence": "open",
    }  # fmt: skip
    options = ManifestOptions.from_json(VERBS["index-manifest"].from_json(request).to_json())
    assert options == ManifestOptions.from_json(request)
    defaults = ManifestOptions()
    assert all(getattr(options, option.name) != getattr(defaults, option.name) for option in fields(ManifestOptions))
