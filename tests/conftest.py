"""Homes that tests share: real phantoms, real caches, real sweeps, made once."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from mammo.commands.demo import AXES
from mammo.data.dataset.dataset import Dataset
from mammo.data.index.cbis_ddsm import index_cbis_ddsm, index_phantom
from mammo.data.phantom import PhantomSpec, write_phantom
from mammo.estimates.estimate import extraction_estimate
from mammo.estimates.prices import remember
from mammo.features.extraction.extract import extract
from mammo.features.precision import fast_precision
from mammo.heads.grid import expand
from mammo.heads.sweeps.sweep import sweep
from mammo.paper import open_report_runs, report_spec, reproduce
from mammo.progress import finish
from mammo.results.report.stated import ReportSpec
from mammo.runs.sweep_files import ABOUT, DIGEST, FILES
from mammo.specs import CacheSpec, Home, SplitSpec, SweepSpec
from mammo.storage.json_files import write_json

PAPER = ReportSpec("tiny", "mini", size=64, epochs=2, splits=2, draws=3)
SAMPLES = os.environ.get("MAMMO_CBIS_SAMPLES")
KEPT_HOMES = os.environ.get("MAMMO_TEST_HOMES")
"""A folder in which the shared homes stay from one run of the tests to the next; for work on the tests themselves."""


NO_SAMPLES = (
    "NO REAL SAMPLES: MAMMO_CBIS_SAMPLES is unset, so the tests on real files of CBIS-DDSM are skipped. "
    "They do not come with the project."
)


@pytest.fixture(scope="session")
def samples() -> Path:
    """Real files of CBIS-DDSM: where none are named, the tests are skipped loudly; named ones must be there."""
    if not SAMPLES:
        with warnings.catch_warnings():
            warnings.simplefilter("default")
            warnings.warn(NO_SAMPLES, stacklevel=1)
        pytest.skip(NO_SAMPLES)
    if not Path(SAMPLES).is_dir():
        pytest.fail(f"MAMMO_CBIS_SAMPLES names {SAMPLES}, where there is no folder.")
    return Path(SAMPLES)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """An empty home."""
    return Home(tmp_path / "home")


def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all test processes of one run share."""
    if KEPT_HOMES:
        folder = Path(KEPT_HOMES) / Path(__file__).parents[1].name
        folder.mkdir(parents=True, exist_ok=True)
        return folder
    base = tmp_path_factory.getbasetemp()
    return base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base


@contextmanager
def filled_once(folder: Path) -> Iterator[bool]:
    """Yield whether this test process must fill the folder: the first one does, the others wait for it."""
    folder.mkdir(exist_ok=True)
    complete = folder / "whole"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield bool(KEPT_HOMES) or not complete.exists()
        complete.touch()


def fill_demo(home: Home) -> None:
    """Fill a home as `mammo demo` does, but smaller."""
    finish(index_phantom(home, "phantom-demo", images=160, seed=0))
    specs = [CacheSpec("phantom-demo", trunk=trunk, weights="synthetic") for trunk in ("vgg16-mini", "resnet50-mini")]
    fast = [CacheSpec("phantom-demo", "vgg16-mini", "synthetic", precision=fast_precision())]
    results = finish(extract(home, specs))
    heads = expand({**AXES, "epochs": [12]})
    caches = tuple(result.cache.name for result in results)
    finish(sweep(home, SweepSpec("phantom-demo", caches, heads, (SplitSpec(),))))
    estimates = [extraction_estimate(home, specs), extraction_estimate(home, fast)]
    estimates.append(open_report_runs(home, report_spec(Dataset.open(home, "phantom-demo"))).estimate())
    call_measured(home, ["heads", *(kind for estimate in estimates for kind in estimate.missing)])


@pytest.fixture(scope="session")
def demo_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A small demo: a phantom of 160 images, two caches and a sweep of 24 runs; do not write into it."""
    folder = shared_folder(tmp_path_factory) / "demo"
    home = Home(folder / "home")
    with filled_once(folder) as is_empty:
        if is_empty:
            fill_demo(home)
    return home


def call_measured(home: Home, kinds: Iterable[str]) -> None:
    """Give kinds of work a price, so that no page measures while others are tested."""
    for kind in kinds:
        remember(home, kind, {"heads": 2.0, "trunks": 4.0})


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A data set `tiny` of 140 very small phantoms and one cache of random features; do not write into it."""
    folder = shared_folder(tmp_path_factory) / "tiny"
    home = Home(folder / "home")
    with filled_once(folder) as is_empty:
        if is_empty:
            finish(write_phantom(folder / "tree", PhantomSpec(images=140, seed=3, height=128), workers=1))
            finish(index_cbis_ddsm(home, "tiny", folder / "tree", workers=1))
            finish(extract(home, [CacheSpec("tiny", "vgg16-mini", "random-0", size=64)], device="cpu", workers=1))
    return home


@pytest.fixture
def without_digests() -> Callable[[Path], None]:
    """Return a function that removes the digests from a sweep's folder, as earlier versions stored none."""

    def forget(folder: Path) -> None:
        about = json.loads((folder / ABOUT).read_text())
        write_json(folder / ABOUT, {name: value for name, value in about.items() if name not in (FILES, DIGEST)})

    return forget


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """Return a function that mounts a file system of some kilobytes; skips where this user may not mount one."""
    mounted: list[Path] = []

    def make(kilobytes: int) -> Path:
        folder = tmp_path / f"disk-{len(mounted)}"
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder)]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("no small file system can be mounted here")
        mounted.append(folder)
        return folder

    yield make
    for folder in mounted:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(scope="session")
def paper_home(tiny: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The report as `PAPER` says, run on the images of `tiny`; do not write into it."""
    folder = shared_folder(tmp_path_factory) / "paper"
    home = Home(folder / "home")
    with filled_once(folder) as is_empty:
        if is_empty:
            shutil.copytree(tiny.dataset("tiny"), home.dataset("tiny"), dirs_exist_ok=True)
            finish(reproduce(home, PAPER))
            call_measured(home, open_report_runs(home, replace(PAPER, epochs=3)).estimate().missing)
    return home
