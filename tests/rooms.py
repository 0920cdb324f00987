"""The tables of docs/architecture.md that are read from the code: `python tests/rooms.py` writes them anew."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "architecture.md"
ORDER = ["storage", "processes", "specs", "statistics", "data", "runs", "images", "features", "heads", "results"]
ORDER += ["estimates", "jobs", "commands"]
"""The rooms from the ground up."""


def purpose(package: Path) -> str:
    """The first line of a package's docstring."""
    text = ast.get_docstring(ast.parse((package / "__init__.py").read_text())) or ""
    return text.splitlines()[0] if text else ""


def rooms_table() -> str:
    """Every room with its purpose, and its own rooms below it."""
    lines = ["| room | what it holds |", "|---|---|"]
    for name in ORDER:
        room = ROOT / "mammo" / name
        packages = sorted(path.parent for path in room.rglob("__init__.py"))
        for package in packages:
            depth = len(package.relative_to(room).parts)
            label = f"**{name}/**" if not depth else f"{'&emsp;' * depth}{package.name}/"
            lines.append(f"| {label} | {purpose(package)} |")
    return "\n".join(lines)


def axes_table() -> str:
    """Every axis of a head, its kind, its default and what it means."""
    from mammo.heads.choices import CHOICES
    from mammo.specs.head_spec import HEAD_AXES

    lines = ["| axis | values | default | meaning |", "|---|---|---|---|"]
    for name, axis in HEAD_AXES.items():
        values = ", ".join(f"`{entry}`" for entry in CHOICES[name].entries) if axis.choices else axis.kind.__name__
        default = f"{axis.default:g}" if axis.kind is float else axis.default
        lines.append(f"| `{name}` | {values} | `{default}` | {axis.help} |")
    return "\n".join(lines)


TABLES = {"rooms": rooms_table, "axes": axes_table}


def page(text: str) -> str:
    """The page with its tables as the code has them."""
    for name, table in TABLES.items():
        begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        text = re.sub(f"{begin}.*?{end}", f"{begin}\n{table()}\n{end}".replace("\\", r"\\"), text, flags=re.DOTALL)
    return text


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
