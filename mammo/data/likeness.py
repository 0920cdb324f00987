"""Likeness: which images show the same film, told by a perceptual hash of their pixels rather than by their names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

GRID = 40
"""Blocks along each side of an image: a hash has a digit for each block."""
DIGITS = GRID * GRID
RING = 3
"""Blocks along each edge that are not compared: film edges and cut-off borders stand there."""
CONTRAST = 0.01
"""How far a block must stand out from its surroundings, as a share of the brightest, to count nearly fully."""
ALIKE = 0.82
"""Films whose hashes correlate at least so much, once brought into line, are called near-duplicates."""
WORTH = 0.55
"""Films whose hashes correlate less than this as they are, are not brought into line."""
CLOSEST = 8
"""So many of the most alike images are brought into line with each image."""
CUTS = ((0, 0), (2, 0), (0, 2), (1, 1), (2, 2), (-2, 0), (0, -2), (-1, -1), (-2, -2))
"""Percent that one image may lack at the start and the end of a side of the other."""
SAMPLED = 512
"""A film of several thousand rows is read in at least so many evenly spaced rows."""
ROWS = 2048
"""Images that are compared at once."""

_DIGITS = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)


def image_hash(pixels: NDArray[np.unsignedinteger]) -> str:
    """The perceptual hash of an image (rows, columns): `DIGITS` hexadecimal digits, one a block, row by row.

    A digit says how much a block is brighter (9 to f) or darker (7 to 1) than its surroundings, on the square root
    of the pixels and soon saturated: so texture counts as much as the outline and the labels, which all films share,
    and neither size, depth, brightness nor gamma changes much. An image without structure is 8 throughout.
    """
    roots = np.sqrt(_block_means(pixels))
    white = float(np.quantile(roots, 0.99)) or 1.0
    contrast = (roots - _SMOOTH @ roots @ _SMOOTH.T) / white
    levels = np.rint(8 + 7 * np.tanh(contrast / CONTRAST)).astype(np.intp)
    return str(_DIGITS[levels].tobytes(), "ascii")


def near_duplicates(test: Iterable[object], train: Iterable[object]) -> NDArray[np.bool_]:
    """Which of the hashes `test` has a near-duplicate among the hashes `train`: (test images,).

    Images are compared as they are and, where they are somewhat alike, as if either had lost up to 2 % along its
    edges. A hash that is missing or none of `image_hash`, or that of an image without structure, has no duplicate.
    """
    ours, theirs = _levels(test), _levels(train)
    duplicate = np.zeros(len(ours), dtype=bool)
    if not len(theirs):
        return duplicate
    known = _unit(_inner(theirs))
    for start in range(0, len(ours), ROWS):
        here = slice(start, start + ROWS)
        likeness = _unit(_inner(ours[here])) @ known.T
        best = likeness.max(axis=1)
        duplicate[here] = best >= ALIKE
        for row in np.flatnonzero((best >= WORTH) & (best < ALIKE)):
            closest = np.argsort(likeness[row])[-CLOSEST:]
            closest = closest[likeness[row, closest] >= WORTH]
            duplicate[start + row] = bool((_unit(_shifted(ours[start + row])) @ known[closest].T >= ALIKE).any())
    return duplicate


def _block_means(pixels: NDArray[np.unsignedinteger]) -> NDArray[np.float64]:
    """Means of GRID x GRID blocks, from at least SAMPLED of the rows."""
    rows = pixels[:: max(1, len(pixels) // SAMPLED)]
    down, across = (np.linspace(0, side, GRID + 1).astype(np.intp) for side in rows.shape)
    sums = np.add.reduceat(np.add.reduceat(rows, across[:-1], axis=1, dtype=np.float64), down[:-1], axis=0)
    means: NDArray[np.float64] = sums / np.outer(np.maximum(np.diff(down), 1), np.maximum(np.diff(across), 1))
    return means


def _smoothing() -> NDArray[np.float64]:
    """The mean of a block and two on either side, by the binomial weights 1 4 6 4 1, edges repeated: (GRID, GRID)."""
    matrix = np.zeros((GRID, GRID))
    for step, weight in zip(range(-2, 3), (1, 4, 6, 4, 1), strict=True):
        np.add.at(matrix, (np.arange(GRID), np.clip(np.arange(GRID) + step, 0, GRID - 1)), weight / 16)
    return matrix


def _cutting(start: float, end: float) -> NDArray[np.float64]:
    """What the blocks of a side would be, were the shares `start` and `end` of it cut off: (GRID, GRID)."""
    place = (start + (np.arange(GRID) + 0.5) / GRID * (1 - start - end)) * GRID - 0.5
    place = np.clip(place, 0, GRID - 1)
    low = np.minimum(place.astype(np.intp), GRID - 2)
    matrix = np.zeros((GRID, GRID))
    matrix[np.arange(GRID), low] = 1 - (place - low)
    matrix[np.arange(GRID), low + 1] = place - low
    return matrix


_SMOOTH = _smoothing()
_CUT = np.stack([_cutting(start / 100, end / 100) for start, end in CUTS])


def _levels(hashes: Iterable[object]) -> NDArray[np.float32]:
    """The digits of hashes as -8..7 around none, (hashes, GRID, GRID); zeros where a hash is missing."""
    blank = "8" * DIGITS
    whole = [text if isinstance(text, str) and len(text) == DIGITS and text.isascii() else blank for text in hashes]
    codes = np.frombuffer("".join(whole).encode("ascii"), dtype=np.uint8).reshape(-1, GRID, GRID)
    value = np.zeros(256, dtype=np.float32)
    value[_DIGITS] = np.arange(16) - 8
    return value[codes]


def _inner(levels: NDArray[np.float32]) -> NDArray[np.float32]:
    """The blocks that are compared, (images, blocks)."""
    inside = slice(RING, GRID - RING)
    return levels[:, inside, inside].reshape(len(levels), -1)


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows at length 1, so that products are correlations; a row of zeros stays."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(length > 0, length, 1)).astype(np.float32, copy=False)


def _shifted(levels: NDArray[np.float32]) -> NDArray[np.float32]:
    """One image as it would be under every pair of `CUTS`: (cuts, blocks)."""
    down = np.einsum("aij,jk->aik", _CUT, levels)
    both = np.einsum("aik,blk->abil", down, _CUT, optimize=True)
    return _inner(both.reshape(-1, GRID, GRID).astype(np.float32))
