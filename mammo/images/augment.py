"""Augmentation: which altered versions of an image stand beside the plain one."""

from __future__ import annotations

from dataclasses import dataclass

from mammo.errors import MammoError
from mammo.specs import pick


@dataclass(frozen=True)
class Augmentation:
    """One augmentation; `version` rises when its result changes, `draws` bounds how many versions it can give."""

    label: str
    description: str
    version: int
    draws: tuple[int, int]


AUGMENTATIONS: dict[str, Augmentation] = {
    "none": Augmentation("None", "The plain image alone.", 1, (0, 0)),
}


def versions(augment: str, draws: int) -> int:
    """How many versions of each image a cache holds, the plain one first.

    Raises MammoError where the augmentation is unknown or cannot give so many draws.
    """
    low, high = pick(AUGMENTATIONS, augment, "augmentation").draws
    if not low <= draws <= high:
        raise MammoError(f"The augmentation {augment!r} takes {low} to {high} draws, not {draws}.")
    return 1 + draws
