"""Augmentation: the altered versions of an image beside the plain one. Nothing here needs torch."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mammo.errors import MammoError
from mammo.specs import pick

ROTATION = 40.0
"""Degrees, to either side."""
SHIFT = 0.2
"""Share of the side, to either side."""
SHEAR = 0.2
"""Degrees, as in Keras, to either side."""
ZOOM = 0.2
"""Largest share by which each axis becomes longer or shorter, independently."""
TILT = 30.0
"""Degrees by which BreastNet18 turns its copies."""


@dataclass(frozen=True)
class Warp:
    """One affine change of a square picture, then flips.

    The parameters are those of Keras' `apply_affine_transform`: `theta` and `shear` in degrees, `zx` and `zy` as
    factors, `tx` and `ty` as shares of the side. As there, the nearest pixel continues beyond the edges.
    """

    theta: float = 0.0
    tx: float = 0.0
    ty: float = 0.0
    shear: float = 0.0
    zx: float = 1.0
    zy: float = 1.0
    flip_rows: bool = False
    flip_columns: bool = False

    @property
    def needs_sampling(self) -> bool:
        """Whether the change is more than flips."""
        return (self.theta, self.tx, self.ty, self.shear, self.zx, self.zy) != (0, 0, 0, 0, 1, 1)

    def matrix(self, size: int) -> NDArray[np.float64]:
        """Return the matrix (2, 3) from the result's (row, column, 1) to (row, column) in a picture of `size`.

        As in Keras it is rotation · shift · shear · zoom about the picture's centre, with its axes in the order column,
        row. Flips are not included.
        """
        turn, lean = math.radians(self.theta), math.radians(self.shear)
        cosine, sine = math.cos(turn), math.sin(turn)
        rotation = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])
        shift = np.array([[1, 0, self.tx * size], [0, 1, self.ty * size], [0, 0, 1]])
        shear = np.array([[1, -math.sin(lean), 0], [0, math.cos(lean), 0], [0, 0, 1]])
        zoom = np.diag([self.zx, self.zy, 1.0])
        middle = size / 2 - 0.5
        to_centre, from_centre = (np.array([[1, 0, by], [0, 1, by], [0, 0, 1]]) for by in (middle, -middle))
        swap = [1, 0, 2]
        matrix: NDArray[np.float64] = (to_centre @ rotation @ shift @ shear @ zoom @ from_centre)[swap][:, swap]
        return matrix[:2]


def _unchanged(_: str, __: int) -> Warp:
    return Warp()


@dataclass(frozen=True)
class Augmentation:
    """One augmentation; `version` rises when its result changes, `draws` bounds the number of its versions.

    With `all_in_every_epoch`, all versions train in every epoch; otherwise an epoch takes one draw of each image, and
    the next epoch the next draw. `default_draws` holds unless the user names a number. `draw(image, number)` returns
    the change for version `number` (from 1) of an image.
    """

    label: str
    description: str
    version: int
    draws: tuple[int, int]
    all_in_every_epoch: bool = False
    default_draws: int = 0
    draw: Callable[[str, int], Warp] = _unchanged


def _generator(image: str, number: int) -> Warp:
    """Draw every parameter uniformly, as Keras' ImageDataGenerator does.

    The numbers come from a digest: they are equal on every machine, and independent of other images and draws.
    """
    digest = hashlib.sha512(f"generator 1 {number} {image}".encode()).digest()
    parts = [int.from_bytes(digest[start : start + 8], "big") / 2**64 for start in range(0, 56, 8)]
    theta, tx, ty, shear, zx, zy = (2 * part - 1 for part in parts[:6])
    return Warp(
        ROTATION * theta, SHIFT * tx, SHIFT * ty, SHEAR * shear, 1 + ZOOM * zx, 1 + ZOOM * zy,
        flip_columns=parts[6] < 0.5,
    )  # fmt: skip


COPIES = (
    Warp(flip_rows=True),
    Warp(flip_columns=True),
    Warp(flip_rows=True, flip_columns=True),
    Warp(theta=TILT),
    Warp(theta=-TILT),
    Warp(theta=-TILT, flip_columns=True),
    Warp(theta=TILT, flip_columns=True),
)
"""BreastNet18's seven. A mirrored picture rotated by an angle is the picture rotated the other way, then mirrored."""


def _sevenfold(_: str, number: int) -> Warp:
    return COPIES[number - 1]


AUGMENTATIONS: dict[str, Augmentation] = {
    "none": Augmentation("None", "The plain image alone.", 1, (0, 0)),
    "generator": Augmentation(
        "Random draws",
        "As Keras' ImageDataGenerator in the report: turned by up to 40°, shifted by up to 0.2 of the side, sheared "
        "by 0.2°, stretched by up to 0.2 along each axis, mirrored half the time. An epoch sees one draw.",
        1,
        (1, 1000),
        default_draws=10,
        draw=_generator,
    ),
    "sevenfold": Augmentation(
        "Seven copies",
        "After BreastNet18: flipped upside down, sideways and both; turned by 30° either way, mirrored and not. "
        "An epoch sees the plain image and all copies.",
        1,
        (7, 7),
        all_in_every_epoch=True,
        default_draws=7,
        draw=_sevenfold,
    ),
}


def default_draws(augment: str) -> int:
    """Return the default number of draws of an augmentation; raise MammoError where it is unknown."""
    return pick(AUGMENTATIONS, augment, "augmentation").default_draws


def versions(augment: str, draws: int) -> int:
    """Return the number of versions of each image in a cache, including the plain one, which is version 0.

    Raises MammoError where the augmentation is unknown or cannot give so many draws.
    """
    low, high = pick(AUGMENTATIONS, augment, "augmentation").draws
    if not low <= draws <= high:
        takes = f"{low} to {high}" if low < high else str(low)
        raise MammoError(f"The augmentation {augment!r} takes {takes} draws, not {draws}.")
    return 1 + draws


def training_versions(augment: str, draws: int, epoch: int) -> range:
    """Return the versions of each training image in an epoch (from 1); other images use version 0.

    With as many draws as epochs no draw is used twice, as in augmentation on the fly.
    """
    if not draws:
        return range(1)
    if AUGMENTATIONS[augment].all_in_every_epoch:
        return range(1 + draws)
    draw = 1 + (epoch - 1) % draws
    return range(draw, draw + 1)
