"""What the score of an image that does not train comes from. Early stopping looks at plain images either way."""

from __future__ import annotations

from mammo.specs import HeadSpec

PLAIN, AVERAGED = "plain", "averaged"

SCORINGS: dict[str, str] = {
    PLAIN: "The plain image alone.",
    AVERAGED: "The mean of the logits of the plain image and of all its augmented versions that may train.",
}


def scored_versions(head: HeadSpec, versions: int) -> int:
    """How many versions of an image, the plain one first, make a head's score, of so many that a cache holds."""
    if head.scoring == PLAIN:
        return 1
    return min(versions, 1 + head.first_draws) if head.first_draws else versions
