"""Grids of heads: lists of settings, multiplied out."""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from mammo.data.labels import LABELS
from mammo.errors import MammoError
from mammo.heads.finetune import FINETUNES
from mammo.heads.optimizers import OPTIMIZERS
from mammo.heads.pools import POOLS
from mammo.heads.scoring import SCORINGS
from mammo.specs import PROBE, HeadSpec, SplitSpec, pick

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

AXES = tuple(field.name for field in fields(HeadSpec))
NAMES, NUMBERS = ("protocol", "labels", "trunk"), ("split_seed", "redraws")
"""What a grid file may hold beside its axes: names or lists of them, and numbers."""


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


def expand(axes: Mapping[str, Any]) -> tuple[HeadSpec, ...]:
    """Every combination of the axes, the last varying fastest; a head named twice comes once.

    `axes` maps fields of `HeadSpec` to a value or a list of values; other fields keep their defaults.
    Raises MammoError naming an unknown axis, an empty one, and a value that is of a wrong type or cannot train.
    """
    for name in axes:
        if name not in AXES:
            raise MammoError(f"A grid of heads has no axis {name!r}; its axes are: {', '.join(AXES)}.")
    values = [_listed(name, value) for name, value in axes.items()]
    heads = (HeadSpec.from_json(dict(zip(axes, chosen, strict=True))) for chosen in itertools.product(*values))
    distinct = tuple(dict.fromkeys(heads))
    for head in distinct:
        check_names(head)
    return distinct


def check_names(head: HeadSpec) -> None:
    """Raise MammoError where the head's pool, optimiser, way to fine-tune or to score is not one of ours."""
    pick(POOLS, head.pool, "pool")
    pick({**OPTIMIZERS, PROBE: None}, head.optimizer, "optimiser")
    pick(FINETUNES, head.finetune, "way to fine-tune")
    pick(SCORINGS, head.scoring, "way to score")


def check_probes(splits: Iterable[SplitSpec]) -> None:
    """Raise MammoError where the labels of a split are more than a probe can learn."""
    for split in splits:
        if LABELS[split.labels].outputs > 1:
            raise MammoError(
                f"A probe learns malignant or not, no third class: take other labels than {split.labels!r} for it, "
                "or another optimiser."
            )


def load_grid(path: Path) -> Grid:
    """`read_grid` of a file; raises MammoError where it cannot be read."""
    try:
        return read_grid(path.read_text(), f"grid {path}")
    except OSError as error:
        raise MammoError(f"The grid {path} cannot be read: {error.strerror or error}.") from None
    except UnicodeDecodeError as error:
        raise MammoError(f"The grid {path} is not valid TOML: {error}.") from None


def read_grid(text: str, named: str = "grid") -> Grid:
    """A grid from TOML such as `pool = ["flatten", "gap"]` or `lr = 1e-4`, an axis a line.

    Beside the axes it may hold `protocol`, `labels`, `trunk` (a name or a list), `split_seed`, `redraws` (numbers).
    Raises MammoError, which calls the grid `named`, where the text is no TOML or names something else.
    """
    try:
        content = tomllib.loads(text)
    except ValueError as error:
        raise MammoError(f"The {named} is not valid TOML: {error}.") from None
    axes = {name: _listed(name, content.pop(name)) for name in list(content) if name in AXES}
    names = {name: _names(name, content.pop(name)) for name in NAMES if name in content}
    numbers = {name: _number(name, content.pop(name)) for name in NUMBERS if name in content}
    if content:
        known = ", ".join((*AXES, *NAMES, *NUMBERS))
        raise MammoError(f"The {named} has an unknown entry {next(iter(content))!r}; it may hold: {known}.")
    return Grid(axes, **names, **numbers)  # type: ignore[arg-type]


def _listed(name: str, value: Any) -> tuple[Any, ...]:
    listed = tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else (value,)
    if not listed:
        raise MammoError(f"The grid's {name!r} is empty; give it at least one value, or leave it out.")
    return listed


def _names(name: str, value: Any) -> tuple[str, ...]:
    listed = _listed(name, value)
    if not all(isinstance(item, str) for item in listed):
        raise MammoError(f"The grid's {name!r} must be a name or a list of names, not {value!r}.")
    return listed


def _number(name: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise MammoError(f"The grid's {name!r} must be a whole number of at least 0, not {value!r}.")
    return value
