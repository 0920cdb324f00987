"""Clocks that are set: no newer item is hidden, nothing hangs, and every change is noticed."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from mammo.errors import DamagedError, MammoError
from mammo.features.cache.cache import caches
from mammo.heads.grid import expand
from mammo.heads.sweeps.sweep import sweep
from mammo.jobs import PROGRESS, REQUEST, Job, delete, jobs
from mammo.progress import finish
from mammo.results.board.leaderboard import read_board
from mammo.runs.sweep import Sweep, sweeps
from mammo.runs.sweep_files import LOGITS
from mammo.specs import Home, SplitSpec, SweepSpec
from mammo.storage.atomic_files import write_bytes
from mammo.storage.file_states import read_consistently
from mammo.storage.json_files import write_json
from mammo.storage.locks import LOCK, folder_lock

FUTURE, PAST = 4_000_000_000, -1_000_000


def job(home: Home, year: int, progress: dict[str, Any] | None) -> str:
    name = f"{year}0101-000000-index-phantom-0000"
    request = {"name": "p", "images": 6, "seed": 1}
    content = {"verb": "index-phantom", "request": request, "started": f"{year}-01-01T00:00:00+00:00"}
    write_json(home.job(name) / REQUEST, content)
    if progress is not None:
        write_json(home.job(name) / PROGRESS, progress)
    return name


@pytest.mark.faults(
    "Jobs were started, or told how they went, by a clock of the future",
    "All are listed by their names, newest first; none counts as running that is not, and they can be deleted",
)
def test_jobs_of_the_future(home: Home) -> None:
    heartbeat = {"heartbeat": float(FUTURE), "seconds": 1.0}
    gone = {"pid": 2**31 - 1, "created": float(FUTURE), "ticks": 2**40, **heartbeat}
    names = [
        job(home, 2001, {"state": "done", "result": "p", "heartbeat": 0.0}),
        job(home, 2026, {"state": "done", "result": "p", **heartbeat}),
        job(home, 2098, {"state": "running", **gone}),
        job(home, 2099, None),
    ]
    for path in home.path.rglob("*.json"):
        os.utime(path, (FUTURE, FUTURE))
    listed = jobs(home)
    assert [entry.id for entry in listed] == names[::-1]
    assert [entry.state for entry in listed] == ["interrupted", "interrupted", "done", "done"]
    assert all(entry.seconds is None or entry.seconds >= 0 for entry in listed)
    assert Job.open(home, names[0]).seconds == 0.0
    delete(home, names[-1])
    assert len(jobs(home)) == 3


@pytest.mark.faults(
    "A lock bears a time of the future or of long ago", "It is held as long as its process lives, no longer"
)
@pytest.mark.parametrize("when", [FUTURE, PAST])
def test_locks_know_no_clock(tmp_path: Path, when: int) -> None:
    write_bytes(tmp_path / LOCK, b"")
    os.utime(tmp_path / LOCK, (when, when))
    with folder_lock(tmp_path, "trying"):
        with pytest.raises(MammoError, match="Another process is trying"), folder_lock(tmp_path, "trying"):
            pytest.fail("two hold the folder")
    with folder_lock(tmp_path, "trying"):
        pass


@pytest.mark.faults(
    "The clock is set back while somebody reads what is damaged", "The damage is said at once, and nothing hangs"
)
@pytest.mark.parametrize("by", [-86400.0, 86400.0])
def test_reading_waits_for_no_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: float) -> None:
    def damaged() -> None:
        raise MammoError("damaged")

    write_bytes(tmp_path / "file", b"")
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + by)
    began = time.monotonic()
    with pytest.raises(MammoError, match="damaged"):
        read_consistently([tmp_path / "file"], damaged)
    assert time.monotonic() - began < 1


@pytest.mark.faults(
    "A file changes under the same size and the same time, as where the clock was set back",
    "The change is seen by who opens it and by the leaderboard that was kept",
)
def test_a_change_under_the_same_time_is_seen(tiny: Home, tmp_path: Path) -> None:
    home = Home(Path(shutil.copytree(tiny.path, tmp_path / "home", ignore=shutil.ignore_patterns("previews"))))
    for seed in (0, 1):
        heads = expand({"pool": ["gap"], "lr": [1e-2], "epochs": [1], "seed": [seed]})
        finish(sweep(home, SweepSpec("tiny", tuple(caches(home, "tiny")), heads, (SplitSpec(),)), "cpu"))
    first, second = sweeps(home)
    os.utime(home.sweep(second) / "sweep.json", (FUTURE, FUTURE))
    assert sweeps(home) == [second, first] and len(read_board(home).runs) == 2
    path = home.sweep(first) / LOGITS
    before, content = path.stat(), bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(DamagedError, match=LOGITS):
        Sweep.open(home, first)
    board = read_board(home)
    assert len(board.runs) == 1 and LOGITS in board.left_out[0]
