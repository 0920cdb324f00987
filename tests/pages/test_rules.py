"""What keeps the pages thin."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "pages").glob("*.py"))
SHARED = sorted((ROOT / "pages" / "shared").glob("*.py"))
LIGHT = ["data", "compare", "inspect", "report", "jobs"]


def imported(path):
    """The modules that a file imports anywhere."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)


def by_name(path):
    return path.stem


def test_there_are_pages():
    assert {"data", "features", "sweep", "compare", "inspect", "jobs"} <= {path.stem for path in PAGES}


@pytest.mark.parametrize("path", PAGES, ids=by_name)
def test_a_page_is_short(path):
    assert len(path.read_text().splitlines()) <= 80


@pytest.mark.parametrize("path", PAGES + SHARED, ids=by_name)
def test_no_page_imports_another_page_or_the_app(path):
    pages = {"app", *(f"pages.{page.stem}" for page in PAGES)}
    assert not pages & set(imported(path))


@pytest.mark.parametrize("path", PAGES, ids=by_name)
def test_a_page_knows_no_files_and_does_no_sums(path):
    roots = {name.split(".")[0] for name in imported(path)}
    assert not roots & {"os", "pathlib", "numpy", "pandas", "scipy", "sklearn", "torch", "plotly"}


@pytest.mark.parametrize("name", LIGHT)
@pytest.mark.slow
def test_pages_that_only_look_need_no_torch(name):
    modules = [module for module in imported(ROOT / "pages" / f"{name}.py") if is_module(module)]
    code = f"import sys, {', '.join(modules)}; print(sorted({{'torch', 'timm', 'torchvision'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def is_module(name):
    """Whether a dotted name is a module of ours rather than something within one."""
    path = ROOT / name.replace(".", "/")
    return path.with_suffix(".py").is_file() or path.is_dir()
