"""The table of docs/reliability.md, read from the markers of the tests: `python tests/reliability.py`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parent
PAGE = TESTS.parent / "docs" / "reliability.md"
HEAD = """# Reliability

What may go wrong, what is promised then, and the test that holds the promise. The table is made from the tests'
markers by `python tests/reliability.py`; `make faults` runs these tests alone and counts them.

| fault | promise | test |
|---|---|---|
"""


def promises() -> Iterator[tuple[str, str, str]]:
    """Fault, promise and test of every marker `faults`, in the order of the files."""
    for path in sorted(TESTS.rglob("test_*.py")):
        tree = ast.parse(path.read_text())
        texts = {ast.unparse(node.targets[0]): node.value for node in tree.body if isinstance(node, ast.Assign)}
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                for marker in node.decorator_list:
                    if isinstance(marker, ast.Call) and ast.unparse(marker.func) == "pytest.mark.faults":
                        fault, promise = (ast.literal_eval(texts.get(ast.unparse(node), node)) for node in marker.args)
                        yield fault, promise, f"{path.relative_to(TESTS.parent)}::{node.name}"


def page() -> str:
    """The page as it must be."""
    cells = ([cell.replace("|", "\\|") for cell in row] for row in promises())
    rows = (f"| {_begun(fault)} | {_begun(promise)} | `{test}` |\n" for fault, promise, test in cells)
    return HEAD + "".join(rows)


def _begun(cell: str) -> str:
    """A cell with a capital letter first, whatever the marker has."""
    return cell[:1].upper() + cell[1:]


if __name__ == "__main__":
    PAGE.write_text(page())
    print(f"{PAGE}: {len(list(promises()))} promises")
