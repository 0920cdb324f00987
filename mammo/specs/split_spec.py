"""The spec of a split into train, validation and test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mammo.errors import MammoError, brief
from mammo.specs.axis import axes_of, axis
from mammo.specs.spec import LARGEST, Spec


@dataclass(frozen=True)
class SplitSpec(Spec):
    """How images are divided into train, validation and test.

    `seed` fixes the test set; `redraw` draws train and validation anew from what is left. The fractions
    are of all images; what neither validation nor test takes is train. `labels` says which images take
    part and the classes that heads learn: a name of `mammo.data.splits.labels.LABELS`.
    """

    what: ClassVar[str] = "split spec"

    protocol: str = axis("patient", label="Split", choices=True)
    seed: int = axis(0, column="split_seed", label="Seed of the test set")
    redraw: int = axis(0, label="Draw of train and validation")
    validation: float = 0.1
    test: float = 0.2
    labels: str = axis("merged", label="Labels", choices=True, since=2, absent="merged")

    def __post_init__(self) -> None:
        """Refuse fractions that leave nothing to train on, and seeds that draw nothing."""
        for name in ("seed", "redraw"):
            if not 0 <= getattr(self, name) <= LARGEST:
                raise MammoError(
                    f"The split's {name} must be between 0 and 2^63 - 1, not {brief(getattr(self, name))}."
                )
        if not (0 < self.validation < 0.5 and 0 < self.test < 0.5):
            raise MammoError("The validation and test fractions must each lie between 0 and 0.5.")


SPLIT_AXES = axes_of(SplitSpec)
"""The axes of a split by the name of their column in tables of runs."""
