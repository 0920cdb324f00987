"""Padding: what was put around a film to make it fit a size, black or white, and tells nothing of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

FINE = 320
"""Cells along each side of an image in which padding is looked for."""
EVEN = 0.008
"""How far padding may be from one value, as a share of the brightest: two of 255 levels, as JPEG leaves it."""
BESIDE = 2
"""Cells beside padding that are not counted as film."""
ENDS = 0.02
"""Padding is black or white: nearer than this to an end of the values that the image has."""


def cell_means(pixels: NDArray[np.unsignedinteger]) -> NDArray[np.float64]:
    """The means of cells of an image, as many as it has rows and columns but at most FINE each."""
    rows = pixels[:: max(1, len(pixels) // (2 * FINE))]
    down, across = (np.linspace(0, side, min(FINE, side) + 1).astype(np.intp) for side in rows.shape)
    sums = np.add.reduceat(np.add.reduceat(rows, across[:-1], axis=1, dtype=np.float64), down[:-1], axis=0)
    means: NDArray[np.float64] = sums / np.outer(np.diff(down), np.diff(across))
    return means


def film_in(means: NDArray[np.float64]) -> tuple[NDArray[np.bool_], tuple[slice, slice]]:
    """Which cells of a picture (rows, columns) are film and not padding, and the part of it in which they lie.

    Padding is what is even from an edge on, at black or at white; a frame of one within the other is padding too. A
    picture that is even throughout is film.
    """
    padding = np.zeros(means.shape, dtype=bool)
    best = ~padding, (slice(0, means.shape[0]), slice(0, means.shape[1]))
    while True:
        padding[best[1]] |= padding_of(means[best[1]])
        film = ~beside(padding)
        rows, columns = np.flatnonzero(film.any(axis=1)), np.flatnonzero(film.any(axis=0))
        if not len(rows):
            return best
        before, best = best[1], (film, (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)))
        if before == best[1]:
            return best


def padding_of(means: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which cells are as even as the edge in their row or column, all the way to it, and as black or white."""
    low, high = float(means.min()), float(means.max())
    dark, even = ENDS * (high - low), EVEN * high
    padding = np.zeros(means.shape, dtype=bool)
    for turns in range(4):
        turned = np.rot90(means, turns)
        edge = turned[:, :1]
        ends = (edge <= low + dark) | (edge >= high - dark)
        run = np.logical_and.accumulate((np.abs(turned - edge) <= even) & ends, axis=1)
        padding |= np.rot90(run, -turns)
    return padding


def beside(padding: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Padding with the cells beside it, which hold some of it, or its blurred edge."""
    wide = padding.copy()
    for axis in (0, 1):
        padding = wide.copy()
        for steps in range(1, BESIDE + 1):
            here, there = [slice(None)] * 2, [slice(None)] * 2
            here[axis], there[axis] = slice(steps, None), slice(None, -steps)
            wide[tuple(here)] |= padding[tuple(there)]
            wide[tuple(there)] |= padding[tuple(here)]
    return wide
