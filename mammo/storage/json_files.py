"""JSON: files written completely or not at all, read with limits on size, depth and numbers; results as JSON values."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from mammo.errors import MammoError, first_line
from mammo.storage.atomic_files import read_bytes, write_bytes

MAX_BYTES = 2**26
"""Largest JSON file that is read, unless a kind of file may be larger."""
MAX_CONTAINERS = 2**22
"""Largest number of lists and tables in a JSON file."""
MAX_DEPTH = 48
"""Deepest nesting of lists and tables in a JSON file."""


def json_bytes(content: Any) -> bytes:
    """Return `content` as indented JSON; keys keep their order."""
    return (json.dumps(content, indent=2, allow_nan=False) + "\n").encode()


def write_json(path: Path, content: Any) -> None:
    """Write `content` to `path` as indented JSON, completely or not at all; keys keep their order."""
    write_bytes(path, json_bytes(content))


def read_json(path: Path, what: str, max_bytes: int = MAX_BYTES) -> Any:
    """Return the values of a JSON file; `what` names the file in the error.

    Raises MammoError where the file is missing or too large, or where `parse_json` refuses it.
    """
    try:
        return parse_json(read_bytes(path, max_bytes))
    except FileNotFoundError:
        raise MammoError(f"There is no {what} at {path}.") from None
    except OSError as error:
        reason = error.strerror
    except ValueError as error:
        reason = first_line(error)
    raise MammoError(f"The {what} at {path} cannot be read ({reason}); delete it and make it again.")


def parse_json(content: bytes | str) -> Any:
    """Return the values of JSON from an untrusted source.

    Raises ValueError where it is not JSON, holds a number that is not finite or does not fit into 64 bits, is nested
    deeper than `MAX_DEPTH`, or holds more than `MAX_CONTAINERS` lists and tables.
    """
    text = content.decode() if isinstance(content, bytes) else content
    if text.count("[") + text.count("{") > MAX_CONTAINERS:
        raise ValueError(f"it holds more than {MAX_CONTAINERS:,} lists and tables")
    try:
        values = json.loads(text, parse_int=_integer, parse_float=_finite, parse_constant=_finite)
    except (RecursionError, MemoryError):
        raise ValueError("it is too deep or too large") from None
    level = [values]
    for _ in range(MAX_DEPTH):
        level = [item for container in level for item in _items(container) if isinstance(item, dict | list)]
        if not level:
            return values
    raise ValueError(f"its lists and tables stand more than {MAX_DEPTH} deep in one another")


def _items(values: Any) -> Iterable[Any]:
    return values.values() if isinstance(values, dict) else values if isinstance(values, list) else ()


def _integer(text: str) -> int:
    if len(text) > 20 or not -(2**63) <= int(text) < 2**64:
        raise ValueError(f"the number {text[:20]} does not fit into 64 bits")
    return int(text)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text[:20]} is not finite")
    return number


def json_value(value: Any) -> Any:
    """Return a value as JSON has it: an undefined number as null, arrays and tuples as lists."""
    if isinstance(value, dict):
        return {str(name): json_value(item) for name, item in value.items()}
    if isinstance(value, tuple | list | np.ndarray):
        return [json_value(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value
