"""What the score of an image that does not train comes from. Early stopping looks at plain images either way."""

from __future__ import annotations

from dataclasses import dataclass

from mammo.specs import HeadSpec

PLAIN, AVERAGED = "plain", "averaged"


@dataclass(frozen=True)
class Scoring:
    """One way to score images."""

    label: str
    description: str


SCORINGS: dict[str, Scoring] = {
    PLAIN: Scoring("Plain", "The plain image alone."),
    AVERAGED: Scoring(
        "Averaged", "The mean of the logits of the plain image and of all its augmented versions that can train."
    ),
}


def scored_versions(head: HeadSpec, versions: int) -> int:
    """The number of an image's versions, the plain one first, that make a head's score; a cache holds `versions`."""
    if head.scoring == PLAIN:
        return 1
    return min(versions, 1 + head.first_draws) if head.first_draws else versions
