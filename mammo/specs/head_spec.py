"""The spec of a classification head and of its training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mammo.errors import MammoError, brief
from mammo.specs.spec import LARGEST, Spec

PROBE = "probe"
"""The optimiser of a head that is solved at every strength of regularisation instead of trained epoch by epoch."""
STRENGTHS = tuple(10 ** (half / 2) for half in range(-8, 9))
"""C of every step of a probe's path, the strongest regularisation first."""
SOLVED = {
    "lr": 0.0,
    "batch": 0,
    "epochs": len(STRENGTHS),
    "patience": 0,
    "seed": 0,
    "first_draws": 0,
    "scoring": "plain",
}
"""What a probe's settings of training come to: it has a step of the path for an epoch, and none of the others."""
HEAD_BOUNDS = {
    "hidden": (0, 8192),
    "batch": (1, 65536),
    "epochs": (1, 10_000),
    "patience": (0, 10_000),
    "first_draws": (0, 1000),
}
"""The least and the greatest of every whole number of a head that trains."""


@dataclass(frozen=True)
class HeadSpec(Spec):
    """One classification head and how it is trained.

    `hidden` is the number of ReLU units between pooled features and the logit, 0 for none. `patience`
    is the number of epochs without a better validation AUC after which training stops and the best
    epoch's weights are kept; 0 trains all `epochs` and keeps the last. `seed` fixes the initial weights,
    the order of batches and the dropout. `finetune` names the layers behind the tap `last-layer` that
    learn too, an entry of `mammo.heads.finetune.FINETUNES`, at their own learning rate `tail_lr`, which
    is 0 where none does. `first_draws` is how many of a cache's augmented versions may train, the first
    ones; 0 for all. `scoring` names how images that do not train are scored, an entry of
    `mammo.heads.scoring.SCORINGS`. The optimiser `PROBE` solves a linear head instead of training it, on plain images:
    learning rate, batch, epochs, patience, seed, draws and scoring fall away.
    """

    what: ClassVar[str] = "head spec"

    pool: str = "flatten"
    hidden: int = 0
    dropout: float = 0.0
    optimizer: str = "adam"
    lr: float = 1e-4
    batch: int = 32
    epochs: int = 50
    patience: int = 0
    seed: int = 0
    finetune: str = "none"
    tail_lr: float = 1e-5
    first_draws: int = 0
    scoring: str = "plain"

    def __post_init__(self) -> None:
        """Refuse settings that cannot train."""
        if self.finetune == "none":
            object.__setattr__(self, "tail_lr", 0.0)
        elif not 0 < self.tail_lr <= 10:
            raise MammoError(f"The tail's learning rate must be above 0 and at most 10, not {brief(self.tail_lr)}.")
        if self.solved:
            self._solve()
        elif not 0 < self.lr <= 10:
            raise MammoError(f"The learning rate must be above 0 and at most 10, not {brief(self.lr)}.")
        if not 0 <= self.dropout < 1:
            raise MammoError(f"The dropout must be at least 0 and below 1, not {brief(self.dropout)}.")
        if abs(self.seed) > LARGEST:
            raise MammoError(f"The head's seed must be below 2^63, not {brief(self.seed)}.")
        if self.solved:
            return
        for name, (low, high) in HEAD_BOUNDS.items():
            number = getattr(self, name)
            if not low <= number <= high:
                raise MammoError(f"The head's {name} must be between {low} and {high}, not {brief(number)}.")

    @property
    def solved(self) -> bool:
        """Whether the head is a probe."""
        return self.optimizer == PROBE

    def _solve(self) -> None:
        if self.hidden or self.dropout or self.finetune != "none":
            raise MammoError(
                "A probe is a linear head on frozen features: leave its hidden units and dropout at 0 and fine-tuning "
                "at none, or run the probes as a sweep of their own with `mammo probe`."
            )
        for name, value in SOLVED.items():
            object.__setattr__(self, name, value)
