"""The house keeps its rules: imports run down, functions are short, pages are thin."""

from __future__ import annotations

import ast
import re
import runpy
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FLOORS = [
    ["errors", "progress", "storage", "processes", "specs", "axes"],
    ["statistics"],
    ["data"],
    ["runs"],
    ["images"],
    ["features"],
    ["heads"],
    ["results"],
    ["estimates"],
    ["paper", "verify", "jobs"],
    ["commands", "cli", "__main__", "__init__"],
]
"""From the ground up: a room imports from its own floor and from lower ones only."""

LIGHT = ["data", "runs", "results", "statistics", "specs", "paper.py", "jobs", "commands", "cli.py"]
LIGHT += ["estimates/estimate.py", "estimates/prices.py", "estimates/measuring.py", "estimates/work.py"]
LIGHT += ["features/cache/cache.py", "heads/sweeps/existing.py"]
HEAVY = {"torch", "torchvision", "timm"}
MODULES = sorted((ROOT / "mammo").rglob("*.py"))
PAGES = [ROOT / "app.py", *sorted((ROOT / "pages").rglob("*.py"))]
CODE = [*MODULES, *PAGES]
NAMES = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in CODE}
"""Every file by the name under which it is imported."""


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imports_on_opening(tree: ast.Module) -> set[str]:
    """What a module imports at once: not inside functions, not for type checking only."""
    top = ast.Module([node for node in tree.body if not isinstance(node, ast.FunctionDef | ast.ClassDef | ast.If)], [])
    return {name.split(".")[0] for name in imports(top)}


def floor(module: str) -> int:
    room = module.split(".")[1] if "." in module else "__init__"
    return next(level for level, rooms in enumerate(FLOORS) if room in rooms)


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_imports_run_down(path: Path) -> None:
    if path.name == "__init__.py" and path.parent == ROOT / "mammo":
        return
    here = floor(".".join(path.relative_to(ROOT).with_suffix("").parts))
    for name in imports(ast.parse(path.read_text())):
        if name == "mammo" or name.startswith("mammo.__version__"):
            continue
        if name.startswith("mammo."):
            assert floor(name) <= here, f"{path} imports {name}, which lies above it"
        assert name.split(".")[0] not in {"streamlit", "pages", "app"}, f"{path} imports {name}"


def imported_files(path: Path) -> set[str]:
    """The files that a file imports anywhere: inside functions and for types too."""
    names = set(imports(ast.parse(path.read_text()))) & set(NAMES)
    return {name for name in names if not any(longer.startswith(f"{name}.") for longer in names)}


def circle(edges: Mapping[str, set[str]]) -> list[str]:
    """What is left when all that imports nothing else is taken away, again and again: empty without a circle."""
    left = {name: set(neighbours) - {name} for name, neighbours in edges.items()}
    while ends := {name for name, neighbours in left.items() if not neighbours & set(left)}:
        left = {name: neighbours for name, neighbours in left.items() if name not in ends}
    return sorted(left)


def test_no_files_import_each_other_in_a_circle() -> None:
    assert circle({name: imported_files(path) for name, path in NAMES.items() if name != "mammo"}) == []


@pytest.mark.parametrize("folder", sorted({path.parent for path in CODE if path.parent != ROOT}), ids=named)
def test_no_neighbours_in_a_folder_import_each_other_in_a_circle(folder: Path) -> None:
    prefix = ".".join(folder.relative_to(ROOT).parts) + "."
    edges: dict[str, set[str]] = {}
    for name, path in NAMES.items():
        if name.startswith(prefix):
            neighbours = {module.removeprefix(prefix) for module in imported_files(path) if module.startswith(prefix)}
            edges.setdefault(name.removeprefix(prefix).split(".")[0], set()).update(o.split(".")[0] for o in neighbours)
    assert circle(edges) == []


def test_a_circle_is_found() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}) == ["a", "b", "c"]
    assert circle({"a": {"b"}, "b": {"c"}, "c": set()}) == []


@pytest.mark.parametrize(
    "path", [p for p in MODULES if named(p).removeprefix("mammo/").startswith(tuple(LIGHT))], ids=named
)
def test_light_rooms_open_without_torch(path: Path) -> None:
    assert not imports_on_opening(ast.parse(path.read_text())) & HEAVY


@pytest.mark.parametrize("path", PAGES, ids=named)
def test_pages_are_thin_and_apart(path: Path) -> None:
    text = path.read_text()
    if path.parent.name == "pages":
        assert text.count("\n") <= 80
    pages = {page.stem for page in (ROOT / "pages").glob("*.py")}
    for name in imports(ast.parse(text)):
        assert name.split(".")[0] not in HEAVY | {"app"}, f"{path} imports {name}"
        assert not (name.startswith("pages.") and name.split(".")[1] in pages), f"{path} imports the page {name}"


@pytest.mark.parametrize("path", CODE, ids=named)
def test_functions_are_short(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 60, f"{path}: {node.name} is too long"


def test_nothing_is_pickled_or_evaluated() -> None:
    for path in CODE:
        tree = ast.parse(path.read_text())
        stored = {name for name in imports(tree) if name.split(".")[0] in {"pickle", "shelve", "marshal", "dill"}}
        assert stored <= {"pickle", "pickle.UnpicklingError"}, path
        assert "import pickle" not in path.read_text(), path
        called = {
            node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        assert not called & {"eval", "exec"}, path


def test_the_tables_of_the_architecture_are_those_of_the_code() -> None:
    rooms = runpy.run_path(str(ROOT / "tests" / "rooms.py"))
    text = (ROOT / "docs" / "architecture.md").read_text()
    assert rooms["page"](text) == text, "write them anew: python tests/rooms.py"
    assert {path.name for path in (ROOT / "mammo").iterdir() if (path / "__init__.py").exists()} == set(rooms["ORDER"])


def test_every_file_that_the_architecture_and_the_decisions_name_is_there() -> None:
    pages = [ROOT / "docs" / "architecture.md", *(ROOT / "docs" / "decisions").glob("*.md")]
    for page in pages:
        for name in re.findall(r"`([a-z_]+(?:/[a-z_]+)*\.(?:py|c))`", page.read_text()):
            beside = {path.name for path in CODE} if "/" not in name else set()
            assert (ROOT / "mammo" / name).exists() or (ROOT / name).exists() or name in beside, f"{page}: {name}"
