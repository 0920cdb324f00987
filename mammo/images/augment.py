"""Augmentation: which altered versions of an image stand beside the plain one."""

from __future__ import annotations

from dataclasses import dataclass

from mammo.errors import MammoError
from mammo.specs import pick


@dataclass(frozen=True)
class Augmentation:
    """One augmentation; `version` rises when its result changes, `draws` bounds how many versions it can give.

    Where its versions stand `together`, all of them train in every epoch; otherwise an epoch takes one draw of each
    image, the next epoch the next.
    """

    label: str
    description: str
    version: int
    draws: tuple[int, int]
    together: bool = False


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


def training_versions(augment: str, draws: int, epoch: int) -> range:
    """The versions of each training image that train in an epoch, counted from 1; all else sees version 0.

    As many draws as epochs are augmentation on the fly: no draw is seen twice.
    """
    if not draws:
        return range(1)
    if AUGMENTATIONS[augment].together:
        return range(1 + draws)
    draw = 1 + (epoch - 1) % draws
    return range(draw, draw + 1)
