"""Resizing: a mammogram of any shape becomes a square of the size a trunk takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float32]
"""A greyscale image: float32 (rows, columns) in 0..1."""


Place = tuple[int, int, int, int]
"""Where a picture comes to lie in its square: top, left, rows and columns."""


@dataclass(frozen=True)
class Resize:
    """One way to reach a square; `version` rises when its result changes.

    `place` says where in the square of a size a picture of a shape comes to lie.
    """

    label: str
    description: str
    version: int
    apply: Callable[[Picture, int], Picture]
    place: Callable[[tuple[int, ...], int], Place]


def _skimage(picture: Picture, rows: int, columns: int) -> Picture:
    transform: Any = import_module("skimage.transform")
    shrunk: Picture = transform.resize(picture, (rows, columns), preserve_range=True).astype(np.float32)
    return shrunk


def stretch(picture: Picture, size: int) -> Picture:
    """Resize both sides to `size`, as scikit-image's `resize` with its defaults; the ratio is lost."""
    return _skimage(picture, size, size)


def letterbox(picture: Picture, size: int) -> Picture:
    """Resize the longer side to `size`, keeping the ratio, and fill the rest with black on both sides."""
    top, left, rows, columns = _middle(picture.shape, size)
    canvas = np.zeros((size, size), dtype=np.float32)
    canvas[top : top + rows, left : left + columns] = _skimage(picture, rows, columns)
    return canvas


def fitted(shape: tuple[int, ...], size: int) -> tuple[int, int]:
    """The largest (rows, columns) of the ratio of `shape` that fit into a square of `size`."""
    scale = size / max(shape[:2])
    return max(1, round(shape[0] * scale)), max(1, round(shape[1] * scale))


def _everywhere(_: tuple[int, ...], size: int) -> Place:
    return 0, 0, size, size


def _middle(shape: tuple[int, ...], size: int) -> Place:
    rows, columns = fitted(shape, size)
    return (size - rows) // 2, (size - columns) // 2, rows, columns


RESIZES: dict[str, Resize] = {
    "stretch": Resize(
        "Stretch", "Both sides to the size, as scikit-image's resize: the ratio is lost.", 1, stretch, _everywhere
    ),
    "letterbox": Resize(
        "Letterbox", "Keeps the height/width ratio and fills the rest with black.", 1, letterbox, _middle
    ),
}
