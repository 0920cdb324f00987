import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mammo.features.cache.cache import Cache, caches
from mammo.features.extraction.extract import extract
from mammo.progress import finish
from mammo.specs import CacheSpec, Home


@pytest.fixture
def own(tiny, tmp_path) -> Home:
    """A home with the data set `tiny` and no cache, for a test to write into."""
    shutil.copytree(tiny.path / "datasets", tmp_path / "own" / "datasets")
    return Home(tmp_path / "own")


@pytest.fixture
def filled(tiny, tmp_path) -> Home:
    """A home with the data set `tiny` and its cache, for a test to damage."""
    return Home(Path(shutil.copytree(tiny.path, tmp_path / "filled")))


@pytest.fixture
def cache(filled) -> Cache:
    """The cache in `filled`."""
    (name,) = caches(filled, "tiny")
    return Cache.open(filled, "tiny", name)


@pytest.fixture
def make():
    """Extracts one spec in this process."""

    def run(home, workers=1, storage="zstd", **fields):
        spec = CacheSpec(**{"dataset": "tiny", "trunk": "vgg16-mini", "weights": "random-0", "size": 64, **fields})
        (extraction,) = finish(extract(home, [spec], device="cpu", workers=workers, storage=storage))
        return extraction

    return run


@pytest.fixture
def mammo():
    """Starts `mammo` as a user does; processes that still run when the test ends are killed with their children."""
    started = []

    def start(home, *words, environment=None):
        command = [sys.executable, "-m", "mammo", *words, "--home", str(home.path)]
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**os.environ, **(environment or {})},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.fixture
def until():
    """Waits until a condition is true; a test that waits for a minute fails."""

    def wait(condition, event):
        deadline = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < deadline, f"waited a minute for {event}"
            time.sleep(0.005)

    return wait


@pytest.fixture
def files():
    """The content of every file below a folder, by its path there."""

    def read(folder):
        return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    return read
