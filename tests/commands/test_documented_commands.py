"""Every command of the README and the docs runs on a copy of the demo's home, or a reason is given why not."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mammo.data.phantom.files.tree import write_phantom
from mammo.data.phantom.patients.spec import PhantomSpec
from mammo.progress import finish
from mammo.specs import Home

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
COMMAND = re.compile(r"\$ |(mammo|make|python|pip|git|cd|streamlit|docker|nginx|caddy|apt|apt-get|sudo) ")

NOT_RUN = {
    "make demo": "makes an environment of its own and serves; the demo's commands are tested by themselves",
    "make demo SERVE=0": "makes an environment of its own",
    "make serve": "serves until it is stopped",
    "make test": "runs this very suite",
    "make slow": "runs this very suite",
    "make faults": "runs a part of this suite",
    "mammo serve": "serves until it is stopped; tests/pages/test_serving.py does",
    "mammo extract cbis --trunk vgg16,resnet50 --resize stretch,letterbox": "downloads ImageNet weights",
    "mammo sweep cbis --pool flatten,gap --optimizer adam,nadam --lr 1e-3,1e-4,1e-5 --epochs 50 --patience 10": (
        "trains on features of ImageNet weights"
    ),
    "mammo paper cbis": "trains on features of ImageNet weights, for hours",
    "mammo paper phantom-demo --json": "trains for an hour; tests/test_paper.py runs a smaller one",
    "mammo paper phantom-demo --to report": "trains for an hour; tests/test_paper.py runs a smaller one",
    "mammo pretrain vgg16-mini --seed 1": "trains for an hour",
    "mammo pretrain resnet50-mini --seed 1": "trains for an hour",
    "mammo bench --json > bench.json": "measures for half an hour",
    "python -m benchmarks.page bench.json": "writes a page of what was measured for half an hour",
    "mammo export --to runs --as mlflow,tensorboard": "needs MLflow and TensorBoard, which are installed on request",
}
"""Commands that cannot run here, and why."""
ALSO_FINE = {"mammo doctor": 1}
"""Further exit codes that are no fault of the command: the doctor lists missing packages of this machine."""


def commands_of(page: Path) -> list[str]:
    """The commands in the fenced blocks of a page, in order, without comments."""
    lines = [line.strip() for language, body in BLOCK.findall(page.read_text()) for line in _lines(language, body)]
    return [re.split(r"\s{2,}#", line.removeprefix("$ "))[0].strip() for line in lines]


def _lines(language: str, body: str) -> list[str]:
    if language == "sh":
        return [line for line in body.splitlines() if line.strip() and not line.startswith("#")]
    return [line for line in body.splitlines() if COMMAND.match(line)] if language in ("", "console") else []


ALL = {command for page in PAGES for command in commands_of(page)}


def test_the_commands_that_are_not_run_are_documented() -> None:
    assert len(ALL) > 30 and set(NOT_RUN) <= ALL and set(ALSO_FINE) <= ALL
    assert all(command.startswith("mammo ") for command in ALL - set(NOT_RUN))


def test_no_page_has_the_name_of_a_sweep_that_readers_lack() -> None:
    for page in PAGES:
        assert not re.search(r"phantom(-demo)?-[0-9a-f]{8}\b", page.read_text()), page


@pytest.fixture(scope="session")
def downloads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a user: a download of CBIS-DDSM, and a manifest with its images."""
    folder = tmp_path_factory.mktemp("documented") / "Downloads"
    finish(write_phantom(folder / "manifest-1234", PhantomSpec(images=60, seed=2, height=256), workers=1))
    (folder / "csv").mkdir()
    for table in (folder / "manifest-1234").rglob("*case_description*.csv"):
        shutil.copy(table, folder / "csv" / table.name)
    return folder


@pytest.fixture
def workplace(demo_home: Home, downloads: Path, tmp_path: Path) -> Path:
    """A folder to work in, with a home `cache`, which is a copy of the demo's."""
    shutil.copytree(demo_home.path, tmp_path / "cache")
    shutil.copytree(downloads, tmp_path / "Downloads")
    films = sorted(path for path in downloads.rglob("*.dcm") if "full mammogram" in str(path))
    previews = sorted((demo_home.path / "datasets" / "phantom-demo" / "previews").glob("*.jpg"))
    shutil.copy(films[0], tmp_path / "film.dcm")
    _as_png(films[0], tmp_path / "film.png")
    (tmp_path / "images").mkdir()
    rows = ["path,label,patient"]
    for number, preview in enumerate(previews[:24]):
        shutil.copy(preview, tmp_path / "images" / f"{number}.jpg")
        rows.append(f"images/{number}.jpg,{'BM'[number % 2]},{number}")
    (tmp_path / "images.csv").write_text("\n".join(rows))
    return tmp_path


def _as_png(film: Path, to: Path) -> None:
    import pydicom
    from PIL import Image

    Image.fromarray(pydicom.dcmread(film).pixel_array.astype("uint16")).save(to)


def _arguments(command: str, home: Path, sweep: str) -> list[str]:
    """A command's arguments, with real folders and sweeps in place of the user's, and a smaller phantom."""
    line = command.partition(" > ")[0].replace("SWEEP", sweep).replace("FOLDER", "~/Downloads/manifest-1234")
    return [word.replace("~", str(home)) for word in shlex.split(line.replace("--images 400", "--images 40"))[1:]]


@pytest.mark.nightly
@pytest.mark.parametrize(
    "page", [page for page in PAGES if set(commands_of(page)) - set(NOT_RUN)], ids=lambda page: page.stem
)
def test_the_commands_of_a_page_run(page: Path, workplace: Path) -> None:
    (sweep,) = (folder.name for folder in (workplace / "cache" / "sweeps").iterdir())
    environment = {**os.environ, "HOME": str(workplace), "MAMMO_HOME": str(workplace / "cache")}
    failed = []
    for command in commands_of(page):
        if command in NOT_RUN:
            continue
        arguments = [sys.executable, "-m", "mammo", *_arguments(command, workplace, sweep)]
        done = subprocess.run(arguments, cwd=workplace, env=environment, capture_output=True, text=True)
        if done.returncode not in (0, ALSO_FINE.get(command, 0)):
            failed.append(f"{command}: {done.stderr[-600:]}")
    assert not failed, "\n".join(failed)
