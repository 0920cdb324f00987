"""The rules by which a file is read beyond its plain values, each one entry."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """What a rule does, and whether it gives other pixels than the plain reading: such a rule is part of identity."""

    description: str
    changes_pixels: bool


RULES: dict[str, Rule] = {}
