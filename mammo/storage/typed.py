"""Values from JSON, checked against type annotations: one check for specs and for stored files."""

from __future__ import annotations

import math
import types
from functools import cache
from typing import Any, Literal, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict

from mammo.errors import MammoError, brief

INTEGERS = range(-(2**63), 2**64)
"""The integers that a stored file may hold: signed or unsigned, of 64 bits."""


def typed(value: Any, hint: Any, where: str) -> Any:
    """Return `value` as the annotation `hint` asks: where it says so, lists become tuples and tables specs.

    Supported are classes, `X | None`, `tuple[X, ...]`, `list[X]`, `dict[str, X]`, `Literal`, specs, `Any`, and
    TypedDicts, whose tables may hold further fields. Floats must be finite and integers must fit into 64 bits. Raises
    MammoError where the value does not fit; `where` names the value in the message.
    """
    if hint is Any:
        return value
    origin = get_origin(hint)
    if origin in _BY_ORIGIN:
        return _BY_ORIGIN[origin](value, get_args(hint), where)
    if is_typeddict(hint):
        return _record(value, hint, where)
    if hasattr(hint, "from_json"):
        return hint.from_json(value)
    return _plain(value, hint, where)


def _plain(value: Any, hint: Any, where: str) -> Any:
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value) if value in INTEGERS else math.inf
    if not isinstance(value, hint) or (hint is not bool and isinstance(value, bool)):
        raise MammoError(f"The {where} must be of type {hint.__name__}, not {brief(value)}.")
    if (hint is float and not math.isfinite(value)) or (hint is int and value not in INTEGERS):
        raise MammoError(f"The {where} must be a number of usual size, not {brief(value)}.")
    return value


def _list(value: Any, arguments: tuple[Any, ...], where: str) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise MammoError(f"The {where} must be a list, not {brief(value)}.")
    return [typed(item, arguments[0], where) for item in value]


def _tuple(value: Any, arguments: tuple[Any, ...], where: str) -> tuple[Any, ...]:
    return tuple(_list(value, arguments, where))


def _table(value: Any, arguments: tuple[Any, ...], where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise MammoError(f"The {where} must be a table of fields, not {brief(value)}.")
    return {name: typed(item, arguments[1], f"{where} under {brief(name)}") for name, item in value.items()}


def _union(value: Any, arguments: tuple[Any, ...], where: str) -> Any:
    if value is None and types.NoneType in arguments:
        return None
    *first_hints, last_hint = [hint for hint in arguments if hint is not types.NoneType]
    for hint in first_hints:
        try:
            return typed(value, hint, where)
        except MammoError:
            continue
    return typed(value, last_hint, where)


def _choice(value: Any, arguments: tuple[Any, ...], where: str) -> Any:
    if isinstance(value, str | int) and value in arguments:
        return value
    raise MammoError(f"The {where} must be one of {', '.join(map(str, arguments))}, not {brief(value)}.")


@cache
def _fields(hint: Any) -> tuple[dict[str, Any], frozenset[str]]:
    """Return the type of each field of a TypedDict, and the names of the fields that may be missing."""
    declared = get_type_hints(hint, include_extras=True)
    optional = {name for name, kind in declared.items() if get_origin(kind) is NotRequired}
    return get_type_hints(hint), frozenset(optional)


def _record(value: Any, hint: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise MammoError(f"The {where} must be a table of fields, not {brief(value)}.")
    fields, optional = _fields(hint)
    for name, kind in fields.items():
        if name in value:
            typed(value[name], kind, f"{where} field {name!r}")
        elif name not in optional:
            raise MammoError(f"The {where} lacks the field {name!r}.")
    return value


_BY_ORIGIN = {
    tuple: _tuple,
    list: _list,
    dict: _table,
    Literal: _choice,
    Union: _union,
    types.UnionType: _union,
}
