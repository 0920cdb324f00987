"""What a run can differ in: the facts of one field of a spec that everything else loops over."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, get_type_hints

from mammo.errors import MammoError, brief

Value = TypeVar("Value")
METADATA = "axis"
"""Where a dataclass field keeps its axis."""


@dataclass(frozen=True)
class Bounds:
    """The least and the greatest value of a number; `open_least` and `open_most` leave the bound itself out."""

    least: float
    most: float
    open_least: bool = False
    open_most: bool = False

    def contains(self, value: float) -> bool:
        """Whether a value lies within the bounds; NaN never does."""
        above = value > self.least if self.open_least else value >= self.least
        below = value < self.most if self.open_most else value <= self.most
        return above and below

    @property
    def words(self) -> str:
        """The bounds as a sentence has them, such as `above 0 and at most 10`."""
        if not (self.open_least or self.open_most):
            return f"between {self.least} and {self.most}"
        least, most = "above" if self.open_least else "at least", "below" if self.open_most else "at most"
        return f"{least} {self.least} and {most} {self.most}"


@dataclass(frozen=True)
class FormField:
    """How a form asks for an axis.

    `several` values can be chosen at once, or one. `first` are the values that it begins with, those of the spec's
    default where there are none; `offered` are the numbers that it suggests. `most` is the greatest number that it
    takes, that of the axis where there is none. `key` and `label` are the axis' own unless they are given. A `count`
    asks how many values there are, 0 and up. What is `advanced` stands behind what is asked more often.
    """

    several: bool = False
    first: tuple[Any, ...] = ()
    offered: tuple[str, ...] = ()
    most: int | None = None
    key: str = ""
    label: str = ""
    count: bool = False
    advanced: bool = False


@dataclass(frozen=True, kw_only=True)
class Axis:
    """One thing that runs can differ in, as its entry in a spec describes it.

    `column` is its name in tables of runs and in grids, `field` its name in the spec. `kind` is str, int or float.
    An axis of `choices` takes names of a registry (`mammo.heads.choices`). `shares_bank` says whether heads that
    differ in it can train in one bank, for all heads or for those of which it is true.

    `since` is the version of the spec that the axis came with, 1 for the first. Specs of earlier versions lack it and
    mean `absent`; where a spec has that value, the axis is no part of an identity, so that stored names stay.
    A head for which it is not `used` has the value `absent`. A probe has `in_probe`, or what the spec says where that
    is None. `form` says how a form asks for it, `label` and `help` what people read.
    """

    field: str = ""
    column: str = ""
    label: str
    help: str = ""
    kind: type = str
    default: Any = None
    choices: bool = False
    bounds: Bounds | None = None
    logarithmic: bool = False
    shares_bank: bool | Callable[[Any], bool] = False
    since: int = 1
    absent: Any = None
    used: Callable[[Any], bool] | None = None
    in_probe: Any = None
    form: FormField = FormField()

    def shared_by(self, head: Any) -> bool:
        """Whether a head can share its bank with heads that differ from it in this axis alone."""
        return self.shares_bank(head) if callable(self.shares_bank) else self.shares_bank

    def used_by(self, head: Any) -> bool:
        """Whether the axis means anything for a head; the learning rate of a tail does only where a tail learns."""
        return self.used is None or bool(self.used(head))

    def applies_to(self, head: Any) -> bool:
        """The same, with what does not apply to probes: they have no learning rate, for one."""
        return not (head.solved and self.in_probe is not None) and self.used_by(head)

    def check(self, value: Any) -> None:
        """Raise MammoError where a number lies outside its bounds."""
        if self.bounds is not None and not self.bounds.contains(value):
            name = self.label[:1].lower() + self.label[1:]
            raise MammoError(f"The {name} must be {self.bounds.words}, not {brief(value)}.")

    def read(self, text: str) -> Any:
        """The value that a command line's word stands for; raises ValueError where it is no number."""
        return self.kind(text)


def axis(default: Value, **facts: Any) -> Value:
    """A field of a spec that is an axis; `facts` are fields of `Axis`. The type is that of the default."""
    field: Value = dataclasses.field(default=default, metadata={METADATA: facts})
    return field


def axes_of(spec: type) -> Mapping[str, Axis]:
    """The axes of a spec by the name of their column, in the order of its fields."""
    kinds = get_type_hints(spec)
    axes = {}
    for field in dataclasses.fields(spec):
        if METADATA in field.metadata:
            facts = field.metadata[METADATA]
            column = facts.get("column", field.name)
            known = {"field": field.name, "column": column, "kind": kinds[field.name], "default": field.default}
            axes[column] = Axis(**{**facts, **known})
    return axes
