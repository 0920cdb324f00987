"""The README and the docs hold what they say: commands parse, the example runs, files exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from mammo.cli import parser

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    ROOT / "cache" / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
BLOCK = re.compile(r"```(\w*)\n(.*?)```", re.DOTALL)


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def blocks(path: Path, language: str) -> list[str]:
    return [body for name, body in BLOCK.findall(path.read_text()) if name == language]


def command_lines() -> list[str]:
    lines = [line.strip() for page in PAGES for body in blocks(page, "sh") for line in body.splitlines()]
    return [line.split("  #")[0].strip() for line in lines if line and not line.startswith("#")]


def test_there_are_commands_to_check() -> None:
    assert sum(line.startswith("mammo ") for line in command_lines()) >= 8
    assert {"make demo", "make test"} <= set(command_lines())


@pytest.mark.parametrize("line", [line for line in command_lines() if line.startswith("mammo ")])
def test_commands_exist(line: str) -> None:
    parser().parse_args(shlex.split(line.partition(" > ")[0])[1:])


@pytest.mark.parametrize("line", [line for line in command_lines() if line.startswith("make ")])
def test_make_targets_exist(line: str) -> None:
    (target,) = (word for word in line.split()[1:] if "=" not in word)
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_other_commands_are_few_and_known() -> None:
    prefixes = ("mammo ", "make ", "git clone", "cd ", "streamlit run app.py", "python ")
    assert all(line.startswith(prefixes) for line in command_lines())


@pytest.mark.slow
def test_the_library_example_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (example,) = blocks(ROOT / "README.md", "python")
    assert example.count("\n") <= 14
    monkeypatch.chdir(tmp_path)
    smaller = example.replace("images=400", "images=60")
    assert smaller != example
    (tmp_path / "example.py").write_text(smaller)
    import runpy

    runpy.run_path(str(tmp_path / "example.py"))
    assert "validation_auc" in capsys.readouterr().out


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page} points to {target}"
