"""Commands killed at any moment: complete files stay, and the same command ends in the same bytes."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mammo.features.cache.cache import ARRAYS, Cache, caches
from mammo.heads.grid import expand
from mammo.heads.sweeps.sweep import sweep
from mammo.heads.sweeps.units import UNITS
from mammo.progress import finish
from mammo.runs.sweep import open_sweeps
from mammo.specs import Home, SplitSpec, SweepSpec
from mammo.storage.atomic_files import PARTIAL
from mammo.verify import verify

MOMENTS = 20
LONGEST = 12.0
"""Seconds within which a command is killed, however slow the machine is."""
EXTRACT = ["extract", "tiny", "--trunk", "resnet50-mini", "--weights", "random-0", "--size", "64"]
SWEEP = ["sweep", "tiny", "--pool", "gap,flatten", "--lr", "1e-2,1e-3", "--epochs", "40", "--redraws", "4"]


HALF_A_MINUTE = 30.0


def start(home: Home, words: list[str]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "mammo", *words, "--home", str(home.path)]
    with (home.path / "said.txt").open("wb") as output:
        return subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)


def through(home: Home, words: list[str]) -> float:
    """Run a command to its end; return the seconds that it took."""
    began = time.monotonic()
    code = start(home, words).wait(timeout=120)
    assert code == 0, (home.path / "said.txt").read_text()[-2000:]
    return min(time.monotonic() - began, LONGEST)


def kill_at_moments(home: Home, words: list[str], seconds: float, check: Callable[[], None], seed: int) -> None:
    """Kill a command repeatedly, at random moments of its run, and check after each."""
    chance = random.Random(seed)
    for _ in range(MOMENTS):
        process = start(home, words)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=chance.uniform(0.3, 1.0) * seconds)
        kill(process)
        check()


def kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder, except locks and unfinished files."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files if PARTIAL not in path.name}


@pytest.fixture
def homes(tiny: Home, tmp_path: Path) -> tuple[Home, Home]:
    """Two copies of `tiny`: one for an undisturbed run, one for killed runs."""
    return tuple(Home(Path(shutil.copytree(tiny.path, tmp_path / name))) for name in ("calm", "killed"))  # type: ignore


@pytest.mark.faults(
    "SIGKILL after the first unit of a sweep, and again while it goes on",
    "The finished unit stays as it is, and the same command ends in the same scores",
)
def test_a_sweep_that_is_killed_twice(homes: tuple[Home, Home]) -> None:
    calm, killed = homes
    words = ["sweep", "tiny", "--pool", "gap,flatten", "--lr", "1e-2,1e-3", "--epochs", "8", "--device", "cpu"]
    for least in (1, 2):
        process = start(killed, words)
        end = time.monotonic() + HALF_A_MINUTE
        while process.poll() is None and time.monotonic() < end and len(units(killed)) < least:
            time.sleep(0.002)
        kill(process)
        assert open_sweeps(killed)[1] == []
    times = {path: path.stat().st_mtime_ns for path in units(killed)}
    assert times
    heads = expand({"pool": ["gap", "flatten"], "lr": [1e-2, 1e-3], "epochs": [8]})
    spec = SweepSpec("tiny", tuple(caches(killed, "tiny")), heads, (SplitSpec(),))
    for _ in sweep(killed, spec, "cpu"):
        assert {path: path.stat().st_mtime_ns for path in times if path.exists()}.items() <= times.items()
    finish(sweep(calm, spec, "cpu"))
    ours, expected = ([opened.logits.tobytes() for opened in open_sweeps(home)[0]] for home in homes)
    assert ours == expected and len(ours) == 1


def units(home: Home) -> list[Path]:
    return list(home.path.glob(f"sweeps/*/{UNITS}/*.safetensors"))


@pytest.mark.nightly
@pytest.mark.faults(
    "SIGKILL during an extraction, at twenty random moments",
    "No chunk that was complete is lost, and the same command ends in the same bytes",
)
def test_a_killed_extraction(homes: tuple[Home, Home]) -> None:
    calm, killed = homes
    seconds = through(calm, EXTRACT)
    first = caches(killed, "tiny")[0]
    kill_at_moments(killed, EXTRACT, seconds, lambda: Cache.open(killed, "tiny", first) and None, 1)
    through(killed, EXTRACT)
    assert contents(killed.features("tiny")) == contents(calm.features("tiny"))


@pytest.mark.nightly
@pytest.mark.faults(
    "SIGKILL during a sweep, at twenty random moments",
    "No unit that was finished is lost, sweeps that are there stay whole, and the same command ends in the same scores",
)
def test_a_killed_sweep(homes: tuple[Home, Home]) -> None:
    calm, killed = homes
    seconds = through(calm, SWEEP)

    def check() -> None:
        assert open_sweeps(killed)[1] == []

    kill_at_moments(killed, SWEEP, seconds, check, 2)
    through(killed, SWEEP)
    ours, expected = ([sweep.logits.tobytes() for sweep in open_sweeps(home)[0]] for home in homes)
    assert ours == expected and len(ours) == 1


@pytest.mark.nightly
@pytest.mark.faults(
    "SIGKILL during an export, at twenty random moments",
    "The home stays as it is, a demo that stood before stays whole or is replaced by a whole one",
)
def test_a_killed_export(homes: tuple[Home, Home], tmp_path: Path) -> None:
    _, home = homes
    through(home, SWEEP)
    before = contents(home.path / "sweeps")
    words = ["export", "--to", str(tmp_path / "demo"), "--as", "demo"]
    seconds = through(home, words)

    def check() -> None:
        opened, damaged = open_sweeps(Home(tmp_path / "demo"))
        assert (tmp_path / "demo").exists() is bool(opened) and not damaged

    kill_at_moments(home, words, seconds, check, 3)
    through(home, words)
    check()
    assert contents(home.path / "sweeps") == before


@pytest.mark.nightly
@pytest.mark.faults(
    "SIGKILL during a repair, at twenty random moments",
    "No chunk that was sound is lost, and the same command ends in the bytes that were there",
)
def test_a_killed_repair(homes: tuple[Home, Home]) -> None:
    calm, killed = homes
    (name,) = caches(killed, "tiny")
    chunk = killed.cache("tiny", name) / ARRAYS / "maps/c/0/1/0/0/0"
    chunk.write_bytes(b"damaged")
    seconds = through(killed, ["verify", "--repair"])

    sound = chunk.read_bytes()

    def damage_again() -> None:
        if chunk.is_file() and chunk.read_bytes() == sound:
            chunk.write_bytes(b"damaged")

    damage_again()
    kill_at_moments(killed, ["verify", "--repair"], seconds, damage_again, 4)
    through(killed, ["verify", "--repair"])
    assert finish(verify(killed)).sound
    assert contents(killed.features("tiny")) == contents(calm.features("tiny"))
