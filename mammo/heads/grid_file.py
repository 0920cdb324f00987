"""Grids written as TOML, by anybody: small, plain and flat, or refused in a sentence."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from pathlib import Path
from typing import Any

from mammo.errors import MammoError, brief, first_line
from mammo.heads.grid import Grid, listed_values
from mammo.specs.head_spec import HEAD_AXES

NAMES, NUMBERS = ("protocol", "labels", "trunk"), ("split_seed", "redraws")
"""What a grid file may hold beside its axes: names or lists of them, and numbers."""
MOST_DOTS = 256
"""Dots in one dotted key: reading it takes time by their square, seconds for some thousand."""
MOST_BYTES = 64 * 1024
"""The most that a grid may hold: a line an axis takes a few hundred."""


def load_grid(path: Path) -> Grid:
    """`read_grid` of a file; raises MammoError where it cannot be read, is no plain file, or is too large."""
    try:
        content = _content(path)
    except OSError as error:
        raise MammoError(f"The grid {path} cannot be read: {error.strerror or error}.") from None
    try:
        return read_grid(content.decode(), f"grid {path}")
    except UnicodeDecodeError as error:
        raise MammoError(f"The grid {path} is not valid TOML: {error}.") from None


def _content(path: Path) -> bytes:
    """The bytes of a plain file, one more than are allowed at most; nobody waits for a pipe or a device."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise MammoError(f"The grid {path} is no plain file; give a file of TOML.")
        return stream.read(MOST_BYTES + 1)


def read_grid(text: str, label: str = "grid") -> Grid:
    """A grid from TOML such as `pool = ["flatten", "gap"]` or `lr = 1e-4`, an axis a line.

    Beside the axes it may hold `protocol`, `labels`, `trunk` (a name or a list), `split_seed`, `redraws` (numbers).
    Raises MammoError, which calls the grid `label`, where the text is no TOML, names something else, is longer than
    `MOST_BYTES` or nested too deeply.
    """
    if len(text.encode(errors="surrogatepass")) > MOST_BYTES:
        raise MammoError(f"The {label} is larger than {MOST_BYTES // 1024} KB; a grid holds a line an axis.")
    content = _parsed(text, label)
    axes = {name: listed_values(name, content.pop(name)) for name in list(content) if name in HEAD_AXES}
    names = {name: _names(name, content.pop(name)) for name in NAMES if name in content}
    numbers = {name: _number(name, content.pop(name)) for name in NUMBERS if name in content}
    if content:
        entries = ", ".join((*HEAD_AXES, *NAMES, *NUMBERS))
        raise MammoError(f"The {label} has an unknown entry {brief(next(iter(content)))}; it may hold: {entries}.")
    return Grid(axes, **names, **numbers)  # type: ignore[arg-type]


def _parsed(text: str, label: str) -> dict[str, Any]:
    too_deep = MammoError(f"The {label} is nested too deeply; a grid holds values and lists of values.")
    if any(piece.count(".") > MOST_DOTS for piece in re.split(r"[=,#\n\[\]{}]", text)):
        raise too_deep
    try:
        return tomllib.loads(text)
    except ValueError as error:
        raise MammoError(f"The {label} is not valid TOML: {first_line(error)}.") from None
    except RecursionError:
        raise too_deep from None
    except MemoryError:
        raise MammoError(f"The {label} needs more memory than there is; make it smaller.") from None


def _names(name: str, value: Any) -> tuple[str, ...]:
    listed = listed_values(name, value)
    if not all(isinstance(item, str) for item in listed):
        raise MammoError(f"The grid's {name!r} must be a name or a list of names, not {brief(value)}.")
    return listed


def _number(name: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise MammoError(f"The grid's {name!r} must be a whole number of at least 0, not {brief(value)}.")
    return value
