"""Markdown in exported files: foreign text is escaped, so that it appears literally."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any


def marked(text: object) -> str:
    """A text in one line with its Markdown characters escaped: it forms no table border, tag or link."""
    line = " ".join(str(text).split())
    return "".join(f"\\{sign}" if sign in "\\`*_|<>[]" else sign for sign in line)


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A Markdown table of cells that are Markdown already."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)
