"""Reading while another process writes: the content is the old or the new one, complete, and nothing fails."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mammo.data.dataset.dataset import Dataset, write_dataset
from mammo.features.cache.cache import caches
from mammo.heads.grid import expand
from mammo.heads.sweeps.sweep import sweep
from mammo.heads.sweeps.table import _replace
from mammo.jobs import PROGRESS, REQUEST, Job, jobs
from mammo.progress import finish
from mammo.results.board.leaderboard import read_board
from mammo.runs.sweep import Sweep, sweeps
from mammo.runs.sweep_files import HEADS, LOGITS, OPENED, read_about
from mammo.specs import Home, SplitSpec, SweepSpec
from mammo.storage.digests import digest_bytes
from mammo.storage.json_files import write_json

SECONDS = 1.5
JOB = "20260101-000000-index-phantom-0000"
WRITER = """
import runpy, sys
runpy.run_path(sys.argv[1])[sys.argv[2]](sys.argv[3])
"""


def say_ready(turn: int) -> None:
    """Tell the test that its home now holds one of the two contents."""
    if turn == 1:
        print("ready", flush=True)


def write_sweeps(path: str) -> None:
    """Write the table of a sweep repeatedly, every second time with reversed logits."""
    home = Home(Path(path))
    (name,) = home.names("sweeps")
    folder = home.sweep(name)
    content = {file: (folder / file).read_bytes() for file in (*OPENED, HEADS)}
    about = read_about(folder)
    for turn in itertools.count():
        say_ready(turn)
        scores = content[LOGITS]
        now = {**content, LOGITS: scores[:128] + (scores[128:][::-1] if turn % 2 else scores[128:])}
        writers = {file: lambda stream, file=file, now=now: stream.write(now[file]) for file in now}
        _replace(folder, writers, {**about, "seconds": turn % 2})
        time.sleep(0.05)  # instead of training, which takes longer than reading


def write_indexes(path: str) -> None:
    """Write an index repeatedly, every second time with another table of lesions."""
    home = Home(Path(path))
    dataset = Dataset.open(home, "tiny")
    for turn in itertools.count():
        say_ready(turn)
        lesions = dataset.lesions.iloc[turn % 2 :]
        write_dataset(home, "tiny", {**dataset.about, "remarks": [str(turn % 2)]}, dataset.images, lesions)


def write_progress(path: str) -> None:
    """Write a job's progress repeatedly, long and short."""
    folder = Home(Path(path)).job(JOB)
    for turn in itertools.count():
        say_ready(turn)
        state = {"state": "done", "result": "p" * (1 + turn % 2 * 70), "message": "long " * 5000 * (turn % 2)}
        write_json(folder / PROGRESS, state)


@contextmanager
def written(home: Home, writer: Callable[[str], None]) -> Iterator[None]:
    """Start another process that writes meanwhile."""
    command = [sys.executable, "-c", WRITER, __file__, writer.__name__, str(home.path)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
        try:
            assert process.stdout and process.stdout.readline() == b"ready\n", process.communicate()[1]
            yield
            assert process.poll() is None, process.communicate()[1]
        finally:
            process.kill()


def read_often(read: Callable[[], str], least: int) -> None:
    """Read repeatedly: both contents appear often, and no other."""
    met: Counter[str] = Counter()
    end = time.monotonic() + SECONDS
    while time.monotonic() < end or (min(met.values(), default=0) < least and time.monotonic() < end + 20):
        met[read()] += 1
    assert len(met) == 2 and min(met.values()) >= least, met


@pytest.fixture
def home(tiny: Home, tmp_path: Path) -> Home:
    """A home with a data set and a sweep, into which another process writes."""
    home = Home(Path(shutil.copytree(tiny.path, tmp_path / "home", ignore=shutil.ignore_patterns("previews"))))
    heads = expand({"pool": ["gap"], "lr": [1e-2], "epochs": [1]})
    finish(sweep(home, SweepSpec("tiny", tuple(caches(home, "tiny")), heads, (SplitSpec(),)), "cpu"))
    return home


@pytest.mark.faults(
    "A sweep is read while its table is written anew", "The old table or the new one is read, whole, and nothing fails"
)
def test_a_sweep_is_read_while_it_is_written(home: Home) -> None:
    (name,) = sweeps(home)

    def read() -> str:
        opened = Sweep.open(home, name)
        return f"{opened.about['seconds']} {digest_bytes(opened.logits.tobytes())}"

    with written(home, write_sweeps):
        read_often(read, 3)
        assert not read_board(home).left_out


@pytest.mark.faults(
    "A data set is opened while it is indexed anew", "The old index or the new one is read with its own lesions"
)
def test_an_index_is_read_while_it_is_written(home: Home) -> None:
    def read() -> str:
        opened = Dataset.open(home, "tiny")
        return f"{opened.remarks} {len(opened.lesions)}"

    with written(home, write_indexes):
        read_often(read, 3)


@pytest.mark.faults("A job is looked at while it tells how it goes", "No reading fails, and it is never called damaged")
def test_a_job_is_read_while_it_tells(tmp_path: Path) -> None:
    home = Home(tmp_path)
    content = {"verb": "index-phantom", "request": {"name": "p", "images": 6, "seed": 1}}
    write_json(home.job(JOB) / REQUEST, {**content, "started": "2026-01-01T00:00:00+00:00"})
    write_json(home.job(JOB) / PROGRESS, {"state": "done", "result": "p"})

    def read() -> str:
        (job,) = jobs(home)
        assert Job.open(home, JOB).state == job.state == "done", job.reason
        return f"{job.result} {len(job.reason)}"

    with written(home, write_progress):
        read_often(read, 10)
