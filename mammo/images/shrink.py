"""scikit-image's `resize` as two banded matrix products, many times as fast."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.unsignedinteger] | NDArray[np.float32]

GROUP = 8
"""Rows of the result per matrix product: more would multiply zeros, fewer would need more calls."""
REACH = 4.0
"""Standard deviations after which scipy truncates its Gaussian."""


@dataclass(frozen=True)
class _Band:
    """Results `first` to `first + len(weights)` of one axis, computed from pixels `start` to `stop`."""

    first: int
    start: int
    stop: int
    weights: NDArray[np.float32]


def shrink(pixels: Grey, shapes: list[tuple[int, int]], white: float = 1.0) -> list[NDArray[np.float32]]:
    """Resize a picture (rows, columns) to each of `shapes`; values up to `white` become 0..1.

    The same arithmetic as `skimage.transform.resize(pixels / white, shape)` with its defaults: when shrinking, a
    Gaussian of standard deviation (factor - 1) / 2, then linear interpolation, mirrored at the edges. Both are linear
    and separable into rows and columns, so each axis is one matrix with a band of non-zero weights; all shapes of equal
    height share the pass over the rows, which reads all pixels.
    """
    down = {rows: _along_rows(pixels, rows, 1 / white) for rows in {rows for rows, _ in shapes}}
    return [np.ascontiguousarray(_along_rows(down[rows].T, columns, 1.0).T) for rows, columns in shapes]


def _along_rows(pixels: Grey, length: int, scale: float) -> NDArray[np.float32]:
    result = np.empty((length, pixels.shape[1]), dtype=np.float32)
    for band in _bands(len(pixels), length):
        part = np.asarray(pixels[band.start : band.stop], dtype=np.float32)
        np.matmul(band.weights, part, out=result[band.first : band.first + len(band.weights)])
    return np.multiply(result, np.float32(scale), out=result) if scale != 1 else result


@functools.lru_cache(maxsize=256)
def _bands(length: int, new_length: int) -> tuple[_Band, ...]:
    """Return the weights from `length` pixels to `new_length` results, in groups that share their pixels."""
    indices, weights = _taps(length, new_length)
    bands = []
    for first in range(0, new_length, GROUP):
        group = slice(first, min(first + GROUP, new_length))
        start, stop = int(indices[group].min()), int(indices[group].max()) + 1
        dense = np.zeros((group.stop - first, stop - start))
        rows = np.arange(group.stop - first)[:, None]
        np.add.at(dense, (rows, indices[group] - start), weights[group])
        bands.append(_Band(first, start, stop, dense.astype(np.float32)))
    return tuple(bands)


def _taps(length: int, new_length: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return the indices of the pixels for each result, and their weights: both (new_length, taps)."""
    factor = length / new_length
    centre = (np.arange(new_length) + 0.5) * factor - 0.5
    below = np.floor(centre)
    share = (centre - below)[:, None]
    kernel = _gaussian(max(0.0, (factor - 1) / 2))
    radius = len(kernel) // 2
    offsets = np.arange(-radius, radius + 2)
    weights = (1 - share) * np.append(kernel, 0.0) + share * np.append(0.0, kernel)
    return _mirrored(below[:, None].astype(np.intp) + offsets, length), weights


def _gaussian(sigma: float) -> NDArray[np.float64]:
    if sigma == 0:
        return np.ones(1)
    radius = int(REACH * sigma + 0.5)
    bell = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    kernel: NDArray[np.float64] = bell / math.fsum(bell)
    return kernel


def _mirrored(indices: NDArray[np.intp], length: int) -> NDArray[np.intp]:
    """Return the indices with those beyond the edges reflected at the outermost pixels, repeatedly if needed."""
    if length == 1:
        return np.zeros_like(indices)
    period = 2 * (length - 1)
    folded = np.abs(indices) % period
    reflected: NDArray[np.intp] = np.minimum(folded, period - folded)
    return reflected
