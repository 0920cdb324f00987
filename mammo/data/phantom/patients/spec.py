"""The specification of a phantom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mammo.errors import MammoError

VERSION = 2
"""Increased whenever the same spec gives different pixels, labels or files."""


@dataclass(frozen=True)
class PhantomSpec:
    """The number of synthetic mammograms, their seed and their height in pixels.

    `images` counts the full images; a view listed under mass and under calcification counts twice, as in CBIS-DDSM.
    The width follows from an aspect drawn for each patient, 0.5 to 0.7. Raises MammoError where a number is out of
    range.
    """

    images: int
    seed: int = 0
    height: int = 640
    VERSION: ClassVar[int] = VERSION

    def __post_init__(self) -> None:
        if self.images < 1:
            raise MammoError(f"A phantom holds at least one image, not {self.images}.")
        if self.seed < 0:
            raise MammoError(f"A phantom's seed is zero or more, not {self.seed}.")
        if not 128 <= self.height <= 8192:
            raise MammoError(f"A phantom's images are 128 to 8192 pixels high, not {self.height}.")
