"""Tests on real files of CBIS-DDSM run where these are named, fail where they are missing, and else say so loudly."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ON_REAL_FILES = "tests/data/collections/test_case_tables.py::test_the_real_lesions_are_those_of_the_collection"
PRINTS_SAMPLES = '#!/bin/sh\necho "$1 ${MAMMO_CBIS_SAMPLES-unset}"\n'


def run_tests(samples: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run some tests on real files in a process of its own, with these samples."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAMMO_", "PYTEST_"))}
    if samples is not None:
        environment["MAMMO_CBIS_SAMPLES"] = samples
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", ON_REAL_FILES]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)


@pytest.mark.slow
def test_without_samples_their_tests_are_skipped_and_the_summary_says_so() -> None:
    done = run_tests()
    assert done.returncode == 0 and "NO REAL SAMPLES" in done.stdout and "skipped" in done.stdout


@pytest.mark.slow
def test_samples_that_are_named_and_missing_fail(tmp_path: Path) -> None:
    done = run_tests(str(tmp_path / "gone"))
    assert done.returncode == 1 and "where there is no folder" in done.stdout


def run_ci(project: Path, samples: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run `.ci/run` of a project where `make` only prints its target and the samples."""
    (project / ".ci").mkdir(parents=True)
    shutil.copy(ROOT / ".ci" / "run", project / ".ci")
    programs = project.parent / "bin"
    programs.mkdir()
    for name in ("make", "chromium"):
        (programs / name).write_text(PRINTS_SAMPLES)
        (programs / name).chmod(0o755)
    environment = {"PATH": f"{programs}:{os.environ['PATH']}"}
    if samples is not None:
        environment["MAMMO_CBIS_SAMPLES"] = samples
    return subprocess.run([project / ".ci" / "run"], env=environment, capture_output=True, text=True)


def test_ci_goes_on_without_the_shared_folder_and_says_so_in_one_line(tmp_path: Path) -> None:
    done = run_ci(tmp_path / "project")
    assert done.returncode == 0 and done.stdout.splitlines() == ["check unset", "test unset"]
    (line,) = done.stderr.splitlines()
    assert "NO REAL SAMPLES" in line


def test_ci_names_the_samples_of_the_shared_folder_whether_or_not_they_are_there(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    done = run_ci(tmp_path / "project")
    samples = tmp_path.resolve() / "shared" / "data" / "cbis-ddsm"
    assert done.returncode == 0 and not done.stderr
    assert done.stdout.splitlines() == [f"check {samples}", f"test {samples}"]


def test_ci_takes_samples_that_are_named_already(tmp_path: Path) -> None:
    done = run_ci(tmp_path / "project", "/data/samples")
    assert not done.stderr and done.stdout.splitlines()[-1] == "test /data/samples"
