"""Grids of heads: lists of settings, counted and multiplied out."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mammo.data.splits.labels import LABELS
from mammo.errors import MammoError, brief
from mammo.heads.choices import CHOICES
from mammo.processes.memory import free_memory
from mammo.specs import HeadSpec, SplitSpec, pick
from mammo.specs.head_spec import HEAD_AXES

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_RUNS = 10_000
"""The most runs that whoever follows a link or fills a form may ask for."""
MOST_REDRAWS = 50
"""And the most draws of train and validation."""
BYTES_A_HEAD = 280
"""What a head of an expanded grid takes with its place in the table of those already seen; a split takes as much."""


@dataclass(frozen=True)
class Grid:
    """What a grid file says: the axes of its heads, and the sweep settings that it fixes (None where it does not)."""

    axes: dict[str, tuple[Any, ...]]
    protocol: tuple[str, ...] | None = None
    labels: tuple[str, ...] | None = None
    trunk: tuple[str, ...] | None = None
    split_seed: int | None = None
    redraws: int | None = None

    @property
    def heads(self) -> tuple[HeadSpec, ...]:
        """The heads of the grid, as `expand` gives them."""
        return expand(self.axes)


def count_heads(axes: Mapping[str, Any]) -> int:
    """How many heads the axes multiply out to, none of them made; `expand` may give fewer, never more.

    Raises MammoError naming an unknown axis and an empty one.
    """
    return math.prod(len(set(map(_key, values))) for values in _listed_axes(axes).values())


def expand(axes: Mapping[str, Any], at_most: int | None = None) -> tuple[HeadSpec, ...]:
    """Every combination of the axes, the last varying fastest; a head named twice comes once.

    `axes` maps fields of `HeadSpec` to a value or a list of values; other fields keep their defaults. They are counted
    before any head is made. Raises MammoError naming an unknown axis, an empty one, and a value that is of a wrong
    type or cannot train; and where there are more than `at_most` heads, or more than memory holds.
    """
    listed = _listed_axes(axes)
    refuse_many(count_heads(axes), at_most)
    names = tuple(listed)
    values = [_checked(name, values) for name, values in listed.items()]
    heads = (HeadSpec(**dict(zip(names, chosen, strict=True))) for chosen in itertools.product(*values))
    return tuple(dict.fromkeys(heads))


def refuse_many(number: int, at_most: int | None = None, what: str = "heads") -> None:
    """Raise MammoError where so many heads, splits or runs are more than `at_most`, or more than memory holds."""
    if at_most is not None and number > at_most:
        raise MammoError(
            f"These settings multiply out to {number:,} {what}, and at most {at_most:,} can be asked for here: choose "
            "fewer values, or train them with `mammo sweep --grid FILE`, which takes any number."
        )
    if (needed := number * BYTES_A_HEAD) > (free := free_memory()):
        raise MammoError(
            f"These settings multiply out to {number:,} {what}, whose list alone takes {needed / 1e9:,.0f} GB of "
            f"memory, and {free / 1e9:,.1f} GB are free: make several sweeps of them."
        )


def check_values(name: str, values: Sequence[Any]) -> None:
    """Raise MammoError where a value of one axis is of a wrong type or cannot train, whatever the other axes hold."""
    for value in _checked(name, tuple(values)):
        HEAD_AXES[name].check(value)


def check_names(head: HeadSpec) -> None:
    """Raise MammoError where the head's pool, optimiser, way to fine-tune or to score is not one of ours."""
    for name, choices in CHOICES.items():
        pick(choices.entries, getattr(head, name), choices.what)


def check_probes(splits: Iterable[SplitSpec]) -> None:
    """Raise MammoError where the labels of a split are more than a probe can learn."""
    for split in splits:
        if LABELS[split.labels].outputs > 1:
            raise MammoError(
                f"A probe learns malignant or not, no third class: take other labels than {split.labels!r} for it, "
                "or another optimiser."
            )


def listed_values(name: str, value: Any) -> tuple[Any, ...]:
    """A value or a list of values as a tuple; raises MammoError where it is empty."""
    listed = tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else (value,)
    if not listed:
        raise MammoError(f"The grid's {name!r} is empty; give it at least one value, or leave it out.")
    return listed


def _listed_axes(axes: Mapping[str, Any]) -> dict[str, tuple[Any, ...]]:
    for name in axes:
        if name not in HEAD_AXES:
            raise MammoError(f"A grid of heads has no axis {brief(name)}; its axes are: {', '.join(HEAD_AXES)}.")
    return {name: listed_values(name, value) for name, value in axes.items()}


def _key(value: Any) -> Any:
    """What tells a value of an axis from others, also one that is refused later, such as a list."""
    return value if isinstance(value, str | int | float) else id(value)


def _checked(name: str, values: tuple[Any, ...]) -> tuple[Any, ...]:
    """The values of an axis, each once and of the axis' type: checked here, and not again for every head."""
    typed = tuple(dict.fromkeys(HeadSpec.field_value(name, value) for value in values))
    if name in CHOICES:
        for value in typed:
            pick(CHOICES[name].entries, value, CHOICES[name].what)
    return typed
