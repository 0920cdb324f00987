"""The registries behind the axes of a head whose values are names. Nothing here needs numpy or torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from mammo.heads.finetune import FINETUNES
from mammo.heads.losses import LOSSES
from mammo.heads.methods import METHODS
from mammo.heads.optimizers import OPTIMIZERS
from mammo.heads.pools import POOLS
from mammo.heads.scoring import SCORINGS
from mammo.specs import PROBE


class Choice(Protocol):
    """An entry of a registry."""

    @property
    def label(self) -> str:
        """The entry as people read it."""
        ...

    @property
    def description(self) -> str:
        """One sentence that explains it."""
        ...


@dataclass(frozen=True)
class Choices:
    """The entries of a registry by name, and what such a name is called in an error."""

    what: str
    entries: Mapping[str, Choice]


CHOICES: dict[str, Choices] = {
    "pool": Choices("pool", POOLS),
    "optimizer": Choices("optimiser", {**OPTIMIZERS, PROBE: METHODS["probe"]}),
    "loss": Choices("loss", LOSSES),
    "finetune": Choices("way to fine-tune", FINETUNES),
    "scoring": Choices("way to score", SCORINGS),
}
"""By the name of their axis."""
