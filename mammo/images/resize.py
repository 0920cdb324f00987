"""Resizing: a mammogram of any shape becomes a square of the size a trunk takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mammo.images.shrink import Grey, shrink

Picture = NDArray[np.float32]
"""A greyscale image: float32 (rows, columns) in 0..1."""

Placement = tuple[int, int, int, int]
"""Where a picture comes to lie in its square: top, left, rows and columns."""


@dataclass(frozen=True)
class Resize:
    """One way to reach a square, black where the picture is not; `version` rises when its result changes.

    `place` says where in the square of a size a picture of a shape comes to lie.
    """

    label: str
    description: str
    version: int
    placement: Callable[[tuple[int, ...], int], Placement]

    def apply(self, picture: Picture, size: int) -> Picture:
        """The picture in a square of `size`."""
        return to_squares(picture, [(self, size)])[0]


def to_squares(pixels: Grey, wanted: Sequence[tuple[Resize, int]], white: float = 1.0) -> list[Picture]:
    """The picture (rows, columns) in every square that is wanted; values up to `white` become 0..1."""
    places = [resize.placement(pixels.shape, size) for resize, size in wanted]
    shrunk = shrink(pixels, [(rows, columns) for _, _, rows, columns in places], white)
    made = []
    for (_, size), (top, left, rows, columns), picture in zip(wanted, places, shrunk, strict=True):
        square = np.zeros((size, size), dtype=np.float32)
        square[top : top + rows, left : left + columns] = picture
        made.append(square)
    return made


def fit_size(shape: tuple[int, ...], size: int) -> tuple[int, int]:
    """The largest (rows, columns) of the ratio of `shape` that fit into a square of `size`."""
    scale = size / max(shape[:2])
    return max(1, round(shape[0] * scale)), max(1, round(shape[1] * scale))


def _everywhere(_: tuple[int, ...], size: int) -> Placement:
    return 0, 0, size, size


def _middle(shape: tuple[int, ...], size: int) -> Placement:
    rows, columns = fit_size(shape, size)
    return (size - rows) // 2, (size - columns) // 2, rows, columns


RESIZES: dict[str, Resize] = {
    "stretch": Resize("Stretch", "Both sides to the size as scikit-image's resize: the ratio is lost.", 2, _everywhere),
    "letterbox": Resize("Letterbox", "Keeps the height/width ratio and fills the rest with black.", 2, _middle),
}
