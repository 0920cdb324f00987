"""A full disk: one sentence, complete files stay, and the same command continues once there is space."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mammo.cli import main
from mammo.errors import MammoError
from mammo.features.cache.cache import caches
from mammo.heads.grid import expand
from mammo.heads.sweeps.sweep import sweep
from mammo.heads.sweeps.units import UNITS
from mammo.jobs import PROGRESS, REQUEST, Job, jobs, start
from mammo.jobs.reserve import reserve_space
from mammo.progress import finish
from mammo.results.exports.export import EXPORTS
from mammo.runs.sweep import Sweep, open_sweeps
from mammo.specs import Home, SplitSpec, SweepSpec
from mammo.storage.json_files import write_json

SENTENCE = r"^The disk is full: cannot write .+\. Free some space and run the same command again\.$"
SmallDisk = Callable[[int], Path]


def spec_of(home: Home) -> SweepSpec:
    heads = expand({"pool": ["gap", "flatten"], "hidden": [32], "lr": [1e-2, 1e-3], "epochs": [2]})
    return SweepSpec("tiny", tuple(caches(home, "tiny")), heads, (SplitSpec(),))


def fill(disk: Path, but: int) -> Path:
    """Fill a file system except for some bytes."""
    room = os.statvfs(disk)
    filler = disk / "filler"
    filler.write_bytes(b"x" * max(room.f_bavail * room.f_frsize - but, 0))
    return filler


@pytest.fixture
def home(tiny: Home, small_disk: SmallDisk) -> Home:
    """The home `tiny` on a small disk, without previews."""
    disk = small_disk(4096)
    shutil.copytree(tiny.path, disk, ignore=shutil.ignore_patterns("previews"), dirs_exist_ok=True)
    return Home(disk)


@pytest.mark.faults(
    "The disk is full in the midst of a sweep",
    "It ends in a sentence; finished units are kept, and the same command ends in the same scores",
)
def test_a_sweep(tiny: Home, home: Home, tmp_path: Path) -> None:
    calm = Home(Path(shutil.copytree(tiny.path, tmp_path / "calm")))
    name = finish(sweep(calm, spec_of(calm), "cpu"))
    filler = fill(home.path, 32_768)
    with pytest.raises(MammoError, match=SENTENCE):
        finish(sweep(home, spec_of(home), "cpu"))
    assert open_sweeps(home) == ([], [])
    times = {path: path.stat().st_mtime_ns for path in (home.sweep(name) / UNITS).iterdir()}
    assert len(times) == 1, "the heads on means fit, those on whole maps do not"
    filler.unlink()
    steps = sweep(home, spec_of(home), "cpu")
    assert next(steps).done == 2
    assert all(path.stat().st_mtime_ns == when for path, when in times.items())
    finish(steps)
    assert Sweep.open(home, name).logits.tobytes() == Sweep.open(calm, name).logits.tobytes()


@pytest.mark.faults(
    "The disk is full when the table of a sweep is written",
    "It ends in a sentence; no half of a table is left, and the same command ends in the same scores",
)
def test_the_table_of_a_sweep(home: Home, small_disk: SmallDisk) -> None:
    name = finish(sweep(home, spec_of(home), "cpu"))
    before = Sweep.open(home, name).logits.tobytes()
    (home.sweep(name) / "sweep.json").unlink()
    folder = {path.name: path.read_bytes() for path in home.sweep(name).iterdir()}
    filler = fill(home.path, 20_000)
    with pytest.raises(MammoError, match=SENTENCE):
        finish(sweep(home, spec_of(home), "cpu"))
    now = {path.name: path.read_bytes() for path in home.sweep(name).iterdir() if path.is_file()}
    assert {file: now[file] for file in folder} == folder and not [file for file in now if file.startswith(".partial")]
    filler.unlink()
    finish(sweep(home, spec_of(home), "cpu"))
    assert Sweep.open(home, name).logits.tobytes() == before


@pytest.mark.faults("The disk is full when a job is to be started", "A sentence says so, and no half of a job is left")
@pytest.mark.parametrize("room", [0, 4096, 12_288])
def test_a_job_is_not_started(home: Home, room: int) -> None:
    fill(home.path, room)
    with pytest.raises(MammoError, match=SENTENCE):
        start(home, "index-phantom", {"name": "p", "images": 6, "seed": 1})
    assert jobs(home) == [] and not list((home.path / "jobs").glob("*"))


@pytest.mark.faults(
    "The disk becomes full while a job runs",
    "The job ends as failed, its card says the sentence, and it can go on later",
)
@pytest.mark.parametrize("room", [0, 60_000], ids=["at once", "meanwhile"])
def test_a_job_says_why_it_failed(home: Home, room: int) -> None:
    request = {"name": "p", "images": 8, "seed": 1}
    content = {"verb": "index-phantom", "request": request, "started": "2026-01-01T00:00:00+00:00"}
    folder = home.job("20260101-000000-index-phantom-0000")
    write_json(folder / REQUEST, content)
    reserve_space(folder)
    filler = fill(home.path, room)
    command = [sys.executable, "-m", "mammo.jobs", str(home.path), folder.name]
    assert subprocess.run(command, capture_output=True, timeout=120).returncode == 2
    job = Job.open(home, folder.name)
    assert job.state == "failed" and re.match(SENTENCE, job.reason)
    assert {path.name for path in folder.iterdir()} == {REQUEST, PROGRESS}
    filler.unlink()


@pytest.mark.faults("The disk is full during an export", "It ends in a sentence, and the home stays as it is")
@pytest.mark.parametrize("form", [name for name in EXPORTS if name not in ("mlflow", "tensorboard")])
def test_an_export(form: str, tiny: Home, small_disk: SmallDisk, capsys: pytest.CaptureFixture[str]) -> None:
    disk = small_disk(2048)
    home = Home(Path(shutil.copytree(tiny.path, disk.parent / "whole")))
    finish(sweep(home, spec_of(home), "cpu"))
    filler = fill(disk, 4096)
    assert main(["export", "--to", str(disk / "out"), "--as", form, "--home", str(home.path)]) == 2
    assert re.match("mammo: " + SENTENCE[1:], capsys.readouterr().err.splitlines()[-1])
    assert not (disk / "out").exists() or form != "demo"
    filler.unlink()
    assert main(["export", "--to", str(disk / "out"), "--as", form, "--home", str(home.path)]) == 0
