"""Preprocessing of a mammogram before it is resized."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mammo.images.enhance import enhance
from mammo.images.resize import Picture


@dataclass(frozen=True)
class Preprocessing:
    """One preprocessing; `version` rises when its result changes.

    `apply` is None where the picture stays as it is, which avoids a copy.
    """

    label: str
    description: str
    version: int
    apply: Callable[[Picture], Picture] | None


PREPROCESSINGS: dict[str, Preprocessing] = {
    "builtin": Preprocessing("Built-in", "Only what the trunk's weights ask for: scale and normalise.", 1, None),
    "enhanced": Preprocessing(
        "Enhanced", "Keeps the breast alone, on the left; gamma and CLAHE twice, after BreastNet18.", 1, enhance
    ),
}
