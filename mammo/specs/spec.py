"""The base of all specs: frozen, and to JSON and back without loss."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, TypeVar, get_type_hints

from mammo.errors import MammoError, brief
from mammo.storage.digests import digest_json
from mammo.storage.typed import typed

SpecType = TypeVar("SpecType", bound="Spec")
LARGEST = 2**63 - 1
"""The largest seed: tables hold whole numbers of 64 bits."""


@cache
def _hints(cls: Any) -> dict[str, Any]:
    return get_type_hints(cls)


@dataclass(frozen=True)
class Spec:
    """A frozen description that goes to JSON and back without loss."""

    what: ClassVar[str] = "spec"

    def to_json(self) -> dict[str, Any]:
        """The spec as plain JSON values."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls: type[SpecType], content: Any) -> SpecType:
        """The spec read from JSON; raises MammoError naming a field that is unknown, missing or of a wrong type."""
        if not isinstance(content, dict):
            raise MammoError(f"A {cls.what} is written as a table of fields, not as {brief(content)}.")
        kind: Any = cls
        hints = _hints(kind)
        fields = dataclasses.fields(cls)
        names = [field.name for field in fields]
        for name in content:
            if name not in names:
                raise MammoError(f"A {cls.what} has no field {brief(name)}; its fields are: {', '.join(names)}.")
        needed = [field.name for field in fields if field.default is dataclasses.MISSING]
        if missing := [name for name in needed if name not in content]:
            raise MammoError(f"A {cls.what} lacks the field{'s' if len(missing) > 1 else ''} {', '.join(missing)}.")
        return cls(**{key: typed(value, hints[key], f"{cls.what} field {key!r}") for key, value in content.items()})

    @classmethod
    def field_value(cls, name: str, value: Any) -> Any:
        """A value as the field `name` holds it; raises MammoError where it is of a wrong type."""
        kind: Any = cls
        return typed(value, _hints(kind)[name], f"{cls.what} field {name!r}")

    def digest(self) -> str:
        """SHA-256 of the spec's canonical JSON."""
        return digest_json(self.to_json())
