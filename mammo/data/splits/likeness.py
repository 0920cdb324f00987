"""Likeness: which images may show the same film, by a perceptual hash of their pixels and not by their names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mammo.data.splits.padding import cell_means, film_cells

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

GRID = 40
"""The number of blocks along each side of an image; a hash has one digit a block."""
DIGITS = GRID * GRID
VERSION = "2-"
"""The prefix of a hash; hashes of earlier versions, which include padding, have none."""
RING = 3
"""The number of blocks along each edge that are not compared: they contain film edges and cropped borders."""
CONTRAST = 0.01
"""The contrast of a block with its surroundings, as a share of the brightest value, that almost saturates its digit."""
ALIKE = 0.7
"""Films whose hashes correlate at least this much after alignment may be the same."""
ALIGNABLE = 0.45
"""Films whose hashes correlate less than this before alignment are not aligned."""
SHARED_BLOCKS = 0.12
"""The share of blocks that must be free of padding in both films for a comparison."""
CROPS = ((0, 0), (2, 0), (0, 2), (1, 1), (2, 2), (-2, 0), (0, -2), (-1, -1), (-2, -2))
"""Percentages that one image may lack at the start and the end of a side of the other."""
ROWS = 2048
"""The number of images that are compared at once."""

_DIGITS = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)


def image_hash(pixels: NDArray[np.unsignedinteger]) -> str:
    """The perceptual hash of an image (rows, columns): `VERSION` and hexadecimal digits, one a block, row by row.

    A digit says how much a block is brighter (9 to f) or darker (7 to 1) than its surroundings. It is computed on the
    square root of the pixels and saturates early, so that texture counts as much as the outline and the labels, which
    all films share, and size, depth, brightness and gamma change little. Blocks of padding are 0. The digits of the
    complete picture come first, then those of the picture without padding at its edges, which identify a padded copy.
    An image without structure has 8 in every block.
    """
    means = cell_means(pixels)
    film, inside = film_cells(means)
    return VERSION + _digits(means, film) + _digits(means[inside], film[inside])


def _digits(means: NDArray[np.float64], film: NDArray[np.bool_]) -> str:
    """The digits of a picture of which the cells `film` count."""
    shares = _blocks(film.astype(np.float64))
    roots = np.sqrt(_blocks(np.where(film, means, 0.0)) / np.maximum(shares, 1e-9))
    valid = shares > 0.5
    white = float(np.quantile(roots[valid], 0.99)) if valid.any() else 1.0
    around = _SMOOTH @ (roots * valid) @ _SMOOTH.T / np.maximum(_SMOOTH @ valid @ _SMOOTH.T, 1e-9)
    contrast = (roots - around) / (white or 1.0)
    levels = np.rint(8 + 7 * np.tanh(contrast / CONTRAST)).astype(np.intp)
    return str(_DIGITS[np.where(valid, levels, 0)].tobytes(), "ascii")


def near_duplicates(test: Iterable[object], train: Iterable[object]) -> NDArray[np.bool_]:
    """The hashes of `test` that may show the film of a hash of `train`; bool (test images,)."""
    duplicates: NDArray[np.bool_] = likeness(test, train, ALIKE).max(axis=1, initial=0.0) >= ALIKE
    return duplicates


def likeness(test: Iterable[object], train: Iterable[object], enough: float = 1.0) -> NDArray[np.float32]:
    """The likeness of hashes from 0 to 1, symmetric in its arguments; float32 (test images, train images).

    Images are compared as they are and mirrored and, where their likeness is at least `ALIGNABLE` but below `enough`,
    also as if either had lost up to 2 % along its edges. The likeness is 0 for a hash that is missing or invalid, for
    an image without structure, and between hashes of different versions.
    """
    alike = np.zeros((len(test_hashes := list(test)), len(train_hashes := list(train))), dtype=np.float32)
    if not alike.size:
        return alike
    for test_reading, train_reading in zip(_readings(test_hashes), _readings(train_hashes), strict=True):
        for start in range(0, len(alike), ROWS):
            rows = slice(start, start + ROWS)
            for mirrored in (False, True):
                aligned = _aligned(test_reading.part(rows, mirrored), train_reading, enough)
                alike[rows] = np.maximum(alike[rows], aligned)
    return alike


def _aligned(test: _Hashes, train: _Hashes, enough: float) -> NDArray[np.float32]:
    alike = _correlation(test, train)
    for row, column in np.argwhere((alike >= ALIGNABLE) & (alike < enough)):
        test_hash, train_hash = test.part(slice(row, row + 1)), train.part(slice(column, column + 1))
        alike[row, column] = max(
            _correlation(test_hash.cropped(), train_hash).max(), _correlation(test_hash, train_hash.cropped()).max()
        )
    return alike


def _readings(hashes: list[object]) -> tuple[_Hashes, _Hashes, _Hashes]:
    """Parse hashes: of complete pictures, of pictures without padding, and of the earlier version."""
    texts = [text if isinstance(text, str) and text.isascii() else "" for text in hashes]
    current = [text.removeprefix(VERSION) if text.startswith(VERSION) else "" for text in texts]
    current = [text if len(text) == 2 * DIGITS else "" for text in current]
    complete, inner = ([text[part] for text in current] for part in (slice(DIGITS), slice(DIGITS, None)))
    return _Hashes(complete), _Hashes(inner), _Hashes([text if len(text) == DIGITS else "" for text in texts])


class _Hashes:
    """The digits of hashes as levels from -7 to 7, (hashes, GRID, GRID); `valid` is 0 for padding and empty hashes."""

    def __init__(self, digits: list[str]) -> None:
        codes = np.frombuffer("".join(text or "0" * DIGITS for text in digits).encode(), dtype=np.uint8)
        codes = codes.reshape(-1, GRID, GRID)
        value = np.zeros(256, dtype=np.float32)
        value[_DIGITS[1:]] = np.arange(1, 16) - 8
        self.levels = value[codes]
        self.valid = np.isin(codes, _DIGITS[1:]).astype(np.float32)

    def part(self, rows: slice, mirrored: bool = False) -> _Hashes:
        """The hashes of some rows, mirrored on request."""
        columns = slice(None, None, -1) if mirrored else slice(None)
        return self._of(self.levels[rows, :, columns], self.valid[rows, :, columns])

    def cropped(self) -> _Hashes:
        """The only hash, as it would be after each pair of `CROPS`; (pairs, GRID, GRID)."""
        levels, valid = (
            np.einsum("aij,jk,blk->abil", _CROP, blocks[0], _CROP, optimize=True).reshape(-1, GRID, GRID)
            for blocks in (self.levels, self.valid)
        )
        complete = (valid > 0.99).astype(np.float32)
        return self._of(levels.astype(np.float32) * complete, complete)

    @classmethod
    def _of(cls, levels: NDArray[np.float32], valid: NDArray[np.float32]) -> _Hashes:
        hashes = cls([])
        hashes.levels, hashes.valid = levels, valid
        return hashes

    @property
    def inner(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Levels and validity of the blocks that are compared; each (hashes, blocks)."""
        inside = slice(RING, GRID - RING)
        flat = (blocks[:, inside, inside].reshape(len(blocks), -1) for blocks in (self.levels, self.valid))
        return next(flat), next(flat)


def _correlation(test: _Hashes, train: _Hashes) -> NDArray[np.float32]:
    """The uncentred correlation of levels over the blocks that both have; float32 (test hashes, train hashes)."""
    (test_levels, test_valid), (train_levels, train_valid) = test.inner, train.inner
    product = test_levels @ train_levels.T
    lengths = np.sqrt((test_levels**2 @ train_valid.T) * (test_valid @ (train_levels**2).T))
    comparable = test_valid @ train_valid.T >= SHARED_BLOCKS * test_valid.shape[1]
    return np.where(comparable, product / np.maximum(lengths, 1e-6), 0).astype(np.float32)


def _blocks(fine: NDArray[np.float64]) -> NDArray[np.float64]:
    """The means of GRID x GRID blocks of a picture."""
    down, across = (_averaging(side) for side in fine.shape)
    means: NDArray[np.float64] = down @ fine @ across.T
    return means


def _averaging(side: int) -> NDArray[np.float64]:
    """The matrix that averages GRID equal parts of a side; border pixels count in part: (GRID, side)."""
    edges = np.arange(GRID + 1) * side / GRID
    pixels = np.arange(side)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    shares: NDArray[np.float64] = np.clip(overlap, 0, None) * GRID / side
    return shares


def _smoothing() -> NDArray[np.float64]:
    """The matrix that smooths with the binomial weights 1 4 6 4 1 and repeated edges: (GRID, GRID)."""
    matrix = np.zeros((GRID, GRID))
    for step, weight in zip(range(-2, 3), (1, 4, 6, 4, 1), strict=True):
        np.add.at(matrix, (np.arange(GRID), np.clip(np.arange(GRID) + step, 0, GRID - 1)), weight / 16)
    return matrix


def _cropping(start: float, end: float) -> NDArray[np.float64]:
    """The matrix that gives the blocks of a side without its shares `start` and `end`: (GRID, GRID)."""
    positions = (start + (np.arange(GRID) + 0.5) / GRID * (1 - start - end)) * GRID - 0.5
    positions = np.clip(positions, 0, GRID - 1)
    low = np.minimum(positions.astype(np.intp), GRID - 2)
    matrix = np.zeros((GRID, GRID))
    matrix[np.arange(GRID), low] = 1 - (positions - low)
    matrix[np.arange(GRID), low + 1] = positions - low
    return matrix


_SMOOTH = _smoothing()
_CROP = np.stack([_cropping(start / 100, end / 100) for start, end in CROPS])
