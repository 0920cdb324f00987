"""The spec of a sweep: caches × heads × splits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mammo.errors import MammoError
from mammo.specs.head_spec import HeadSpec
from mammo.specs.spec import Spec
from mammo.specs.split_spec import SplitSpec


@dataclass(frozen=True)
class SweepSpec(Spec):
    """Caches × heads × splits of one data set; `caches` holds the names of their folders."""

    what: ClassVar[str] = "sweep spec"

    dataset: str
    caches: tuple[str, ...]
    heads: tuple[HeadSpec, ...]
    splits: tuple[SplitSpec, ...]

    def __post_init__(self) -> None:
        """Refuse an empty grid; what is named twice comes once."""
        for name in ("caches", "heads", "splits"):
            if not getattr(self, name):
                raise MammoError(f"A sweep needs at least one entry in its {name}.")
            object.__setattr__(self, name, tuple(dict.fromkeys(getattr(self, name))))

    @property
    def runs(self) -> int:
        """The number of heads that the sweep trains."""
        return len(self.caches) * len(self.heads) * len(self.splits)
