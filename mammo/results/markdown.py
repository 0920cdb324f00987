"""Text of others in Markdown that leaves the house: it is read as it is, whatever it holds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any


def marked(text: object) -> str:
    """A text in one line whose signs mean themselves in Markdown: no table's border, no tag, no link."""
    line = " ".join(str(text).split())
    return "".join(f"\\{sign}" if sign in "\\`*_|<>[]" else sign for sign in line)


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table of cells that are Markdown already."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)
