"""Padding: black or white pixels that were added around a film to fit a size and carry no information."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

FINE = 320
"""The largest number of cells along each side of an image in the search for padding."""
EVEN = 0.008
"""How much padding may vary, as a share of the brightest value: two of 255 levels, as after JPEG compression."""
BESIDE = 2
"""The number of cells next to padding that do not count as film."""
ENDS = 0.02
"""Padding is black or white: within this share of the image's range from its minimum or maximum."""


def cell_means(pixels: NDArray[np.unsignedinteger]) -> NDArray[np.float64]:
    """The mean of each cell of an image; as many cells a side as pixels, at most FINE."""
    rows = pixels[:: max(1, len(pixels) // (2 * FINE))]
    down, across = (np.linspace(0, side, min(FINE, side) + 1).astype(np.intp) for side in rows.shape)
    sums = np.add.reduceat(np.add.reduceat(rows, across[:-1], axis=1, dtype=np.float64), down[:-1], axis=0)
    means: NDArray[np.float64] = sums / np.outer(np.diff(down), np.diff(across))
    return means


def film_cells(means: NDArray[np.float64]) -> tuple[NDArray[np.bool_], tuple[slice, slice]]:
    """Return which cells of a picture are film and not padding, bool (rows, columns), and the slices around them.

    Padding is even from an edge inwards, black or white; a black frame inside a white one is padding too, and vice
    versa. A picture that is even throughout counts as film.
    """
    padding = np.zeros(means.shape, dtype=bool)
    best = ~padding, (slice(0, means.shape[0]), slice(0, means.shape[1]))
    while True:
        padding[best[1]] |= even_border(means[best[1]])
        film = ~dilate(padding)
        rows, columns = np.flatnonzero(film.any(axis=1)), np.flatnonzero(film.any(axis=0))
        if not len(rows):
            return best
        before, best = best[1], (film, (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)))
        if before == best[1]:
            return best


def even_border(means: NDArray[np.float64]) -> NDArray[np.bool_]:
    """The cells that equal the edge of their row or column, with all cells between, where it is black or white."""
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


def dilate(padding: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Padding extended by the BESIDE cells next to it, which contain part of it or its blurred edge."""
    dilated = padding.copy()
    for axis in (0, 1):
        padding = dilated.copy()
        for steps in range(1, BESIDE + 1):
            later, earlier = [slice(None)] * 2, [slice(None)] * 2
            later[axis], earlier[axis] = slice(steps, None), slice(None, -steps)
            dilated[tuple(later)] |= padding[tuple(earlier)]
            dilated[tuple(earlier)] |= padding[tuple(later)]
    return dilated
