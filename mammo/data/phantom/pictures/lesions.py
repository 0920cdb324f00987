"""The appearance of a lesion: a stamp of added brightness, and the radiologist's outline."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from mammo.data.phantom.pictures.arrays import Field, Mask

_CONTRASTED = 1.8

_ANGLES = 512


@dataclass(frozen=True)
class Stamp:
    """A square window around a lesion: brightness to add (about 0 to 1 before contrast), and the outlined region."""

    values: Field
    region: Mask


@dataclass(frozen=True)
class Polar:
    """Polar coordinates of a square window: distance from its centre, and index into a table of angles."""

    distance: Field
    angle: NDArray[np.intp]


def appearance(suspicion: float) -> float:
    """Return how suspicious a lesion looks, 0 to 1, from its latent suspicion (standard normal); few are in between."""
    return NormalDist().cdf(_CONTRASTED * suspicion)


def polar_window(half: int) -> Polar:
    """Return the polar coordinates of a window `2 half + 1` pixels wide."""
    axis = np.arange(-half, half + 1, dtype=np.float32)
    y, x = axis[:, None], axis[None, :]
    turn = np.arctan2(y, x) * np.float32(_ANGLES / (2 * np.pi))
    return Polar(np.hypot(y, x), turn.astype(np.intp) % _ANGLES)


def ragged_circle(rng: np.random.Generator, amplitudes: dict[int, float]) -> Field:
    """Return a closed outline of mean radius 1 as a table over angles; `amplitudes` maps numbers of lobes to sizes."""
    angles = np.linspace(0, 2 * np.pi, _ANGLES, endpoint=False)
    outline = np.ones(_ANGLES)
    for lobes, amplitude in amplitudes.items():
        outline += amplitude * np.cos(lobes * angles + rng.uniform(0, 2 * np.pi))
    return np.maximum(outline, 0.35).astype(np.float32)


def add_stamp(canvas: Field, stamp: Stamp, row: int, column: int, contrast: float) -> Mask:
    """Add `stamp` to `canvas` in place around (row, column); return its region as a mask of the canvas's shape."""
    half = stamp.values.shape[0] // 2
    top, left = row - half, column - half
    rows = slice(max(0, top), min(canvas.shape[0], row + half + 1))
    columns = slice(max(0, left), min(canvas.shape[1], column + half + 1))
    inner = (slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left))
    canvas[rows, columns] += np.float32(contrast) * stamp.values[inner]
    mask = np.zeros(canvas.shape, np.bool_)
    mask[rows, columns] = stamp.region[inner]
    return mask
