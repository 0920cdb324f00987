"""Resizing: a mammogram of any shape becomes a square of the trunk's input size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mammo.images.shrink import Grey, shrink

Picture = NDArray[np.float32]
"""A greyscale image: float32 (rows, columns) in 0..1."""

Placement = tuple[int, int, int, int]
"""Position of a picture in its square: top, left, rows and columns."""


@dataclass(frozen=True)
class Resize:
    """One way to make a square, black outside the picture; `version` rises when its result changes.

    `placement(shape, size)` returns the position of a picture of a shape in the square of a size.
    """

    label: str
    description: str
    version: int
    placement: Callable[[tuple[int, ...], int], Placement]

    def apply(self, picture: Picture, size: int) -> Picture:
        """Return the picture in a square of `size`."""
        return to_squares(picture, [(self, size)])[0]


def to_squares(pixels: Grey, targets: Sequence[tuple[Resize, int]], white: float = 1.0) -> list[Picture]:
    """Return the picture (rows, columns) in the square of every target; values up to `white` become 0..1."""
    placements = [resize.placement(pixels.shape, size) for resize, size in targets]
    shrunk = shrink(pixels, [(rows, columns) for _, _, rows, columns in placements], white)
    results = []
    for (_, size), (top, left, rows, columns), picture in zip(targets, placements, shrunk, strict=True):
        square = np.zeros((size, size), dtype=np.float32)
        square[top : top + rows, left : left + columns] = picture
        results.append(square)
    return results


def fit_size(shape: tuple[int, ...], size: int) -> tuple[int, int]:
    """Return the largest (rows, columns) with the ratio of `shape` that fit into a square of `size`."""
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
