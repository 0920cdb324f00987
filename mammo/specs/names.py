"""Names that come from outside: chosen from what there is, or safe as the name of a folder."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeVar

from mammo.errors import MammoError

Choice = TypeVar("Choice")
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,79}")


def pick(choices: Mapping[str, Choice], name: str, what: str) -> Choice:
    """The entry `name` of `choices`; raises MammoError listing the choices where there is none."""
    if name in choices:
        return choices[name]
    raise MammoError(f"There is no {what} {name!r}; choose one of: {', '.join(sorted(choices))}.")


def check_name(name: str, what: str) -> str:
    """Return `name` if it is safe as a folder's name; raises MammoError where it is not."""
    if NAME.fullmatch(name):
        return name
    raise MammoError(
        f"{name!r} cannot name a {what}: use up to 80 lower-case letters, digits, '.', '-' and '_', "
        "a letter or digit first."
    )
