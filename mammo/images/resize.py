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


@dataclass(frozen=True)
class Resize:
    """One way to reach a square; `version` rises when its result changes."""

    label: str
    description: str
    version: int
    apply: Callable[[Picture, int], Picture]


def _skimage(picture: Picture, rows: int, columns: int) -> Picture:
    transform: Any = import_module("skimage.transform")
    shrunk: Picture = transform.resize(picture, (rows, columns), preserve_range=True).astype(np.float32)
    return shrunk


def stretch(picture: Picture, size: int) -> Picture:
    """Resize both sides to `size`, as scikit-image's `resize` with its defaults; the ratio is lost."""
    return _skimage(picture, size, size)


def letterbox(picture: Picture, size: int) -> Picture:
    """Resize the longer side to `size`, keeping the ratio, and fill the rest with black on both sides."""
    rows, columns = fitted(picture.shape, size)
    canvas = np.zeros((size, size), dtype=np.float32)
    top, left = (size - rows) // 2, (size - columns) // 2
    canvas[top : top + rows, left : left + columns] = _skimage(picture, rows, columns)
    return canvas


def fitted(shape: tuple[int, ...], size: int) -> tuple[int, int]:
    """The largest (rows, columns) of the ratio of `shape` that fit into a square of `size`."""
    scale = size / max(shape[:2])
    return max(1, round(shape[0] * scale)), max(1, round(shape[1] * scale))


RESIZES: dict[str, Resize] = {
    "stretch": Resize("Stretch", "Both sides to the size, as scikit-image's resize: the ratio is lost.", 1, stretch),
    "letterbox": Resize("Letterbox", "Keeps the height/width ratio and fills the rest with black.", 1, letterbox),
}
