"""Likeness: which images may show the same film, by a perceptual hash of their pixels rather than by their names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mammo.data.splits.padding import cell_means, film_in

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

GRID = 40
"""Blocks along each side of an image: a hash has a digit for each block."""
DIGITS = GRID * GRID
VERSION = "2-"
"""How a hash begins; those of earlier versions, in which padding takes part, begin with their digits."""
RING = 3
"""Blocks along each edge that are not compared: film edges and cut-off borders stand there."""
CONTRAST = 0.01
"""How far a block must stand out from its surroundings, as a share of the brightest, to count nearly fully."""
ALIKE = 0.7
"""Films whose hashes correlate at least so much, once brought into line, may be the same."""
WORTH = 0.45
"""Films whose hashes correlate less than this as they are, are not brought into line."""
COMMON = 0.12
"""The share of the blocks that two films must both have, beside their padding, to be compared at all."""
CUTS = ((0, 0), (2, 0), (0, 2), (1, 1), (2, 2), (-2, 0), (0, -2), (-1, -1), (-2, -2))
"""Percent that one image may lack at the start and the end of a side of the other."""
ROWS = 2048
"""Images that are compared at once."""

_DIGITS = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)


def image_hash(pixels: NDArray[np.unsignedinteger]) -> str:
    """The perceptual hash of an image (rows, columns): `VERSION` and hexadecimal digits, one a block, row by row.

    A digit says how much a block is brighter (9 to f) or darker (7 to 1) than its surroundings, on the square root
    of the pixels and soon saturated: so texture counts as much as the outline and the labels, which all films share,
    and neither size, depth, brightness nor gamma changes much. Padding takes no part: a block of it is 0. The digits of
    the whole picture come first, then those of what is left where padding is taken off its edges, by which a padded
    copy is known. An image without structure is 8 throughout.
    """
    means = cell_means(pixels)
    film, inside = film_in(means)
    return VERSION + _digits(means, film) + _digits(means[inside], film[inside])


def _digits(means: NDArray[np.float64], whole: NDArray[np.bool_]) -> str:
    """The digits of a picture of which the cells `whole` count."""
    shares = _blocks(whole.astype(np.float64))
    roots = np.sqrt(_blocks(np.where(whole, means, 0.0)) / np.maximum(shares, 1e-9))
    valid = shares > 0.5
    white = float(np.quantile(roots[valid], 0.99)) if valid.any() else 1.0
    around = _SMOOTH @ (roots * valid) @ _SMOOTH.T / np.maximum(_SMOOTH @ valid @ _SMOOTH.T, 1e-9)
    contrast = (roots - around) / (white or 1.0)
    levels = np.rint(8 + 7 * np.tanh(contrast / CONTRAST)).astype(np.intp)
    return str(_DIGITS[np.where(valid, levels, 0)].tobytes(), "ascii")


def near_duplicates(test: Iterable[object], train: Iterable[object]) -> NDArray[np.bool_]:
    """Which of the hashes `test` may show the film of one of the hashes `train`: (test images,)."""
    found: NDArray[np.bool_] = likeness(test, train, ALIKE).max(axis=1, initial=0.0) >= ALIKE
    return found


def likeness(test: Iterable[object], train: Iterable[object], enough: float = 1.0) -> NDArray[np.float32]:
    """How much hashes are alike, from 0 to 1, the same either way round: (test images, train images).

    Images are compared as they are and mirrored and, where they are somewhat alike but not `enough`, as if either had
    lost up to 2 % along its edges. A hash that is missing or none of `image_hash`, that of an image without structure,
    and hashes of different versions are alike to none.
    """
    found = np.zeros((len(ours := list(test)), len(theirs := list(train))), dtype=np.float32)
    if not found.size:
        return found
    for mine, yours in zip(_readings(ours), _readings(theirs), strict=True):
        for start in range(0, len(found), ROWS):
            rows = slice(start, start + ROWS)
            for mirrored in (False, True):
                alike = _aligned(mine.part(rows, mirrored), yours, enough)
                found[rows] = np.maximum(found[rows], alike)
    return found


def _aligned(ours: _Hashes, theirs: _Hashes, enough: float) -> NDArray[np.float32]:
    alike = _correlation(ours, theirs)
    for row, column in np.argwhere((alike >= WORTH) & (alike < enough)):
        one, other = ours.part(slice(row, row + 1)), theirs.part(slice(column, column + 1))
        alike[row, column] = max(_correlation(one.cut(), other).max(), _correlation(one, other.cut()).max())
    return alike


def _readings(hashes: list[object]) -> tuple[_Hashes, _Hashes, _Hashes]:
    """Hashes of this version, of whole pictures and of those without padding, and hashes of the version before."""
    texts = [text if isinstance(text, str) and text.isascii() else "" for text in hashes]
    current = [text.removeprefix(VERSION) if text.startswith(VERSION) else "" for text in texts]
    current = [text if len(text) == 2 * DIGITS else "" for text in current]
    whole, inner = ([text[part] for text in current] for part in (slice(DIGITS), slice(DIGITS, None)))
    return _Hashes(whole), _Hashes(inner), _Hashes([text if len(text) == DIGITS else "" for text in texts])


class _Hashes:
    """The digits of hashes as -7..7 around none, where `valid`: (hashes, GRID, GRID); of an empty one, none are."""

    def __init__(self, digits: list[str]) -> None:
        codes = np.frombuffer("".join(text or "0" * DIGITS for text in digits).encode(), dtype=np.uint8)
        codes = codes.reshape(-1, GRID, GRID)
        value = np.zeros(256, dtype=np.float32)
        value[_DIGITS[1:]] = np.arange(1, 16) - 8
        self.levels = value[codes]
        self.valid = np.isin(codes, _DIGITS[1:]).astype(np.float32)

    def part(self, rows: slice, mirrored: bool = False) -> _Hashes:
        """Some of them, perhaps as those of mirrored pictures."""
        columns = slice(None, None, -1) if mirrored else slice(None)
        return self._of(self.levels[rows, :, columns], self.valid[rows, :, columns])

    def cut(self) -> _Hashes:
        """The only one, as it would be under every pair of `CUTS`."""
        levels, valid = (
            np.einsum("aij,jk,blk->abil", _CUT, blocks[0], _CUT, optimize=True).reshape(-1, GRID, GRID)
            for blocks in (self.levels, self.valid)
        )
        whole = (valid > 0.99).astype(np.float32)
        return self._of(levels.astype(np.float32) * whole, whole)

    @classmethod
    def _of(cls, levels: NDArray[np.float32], valid: NDArray[np.float32]) -> _Hashes:
        made = cls([])
        made.levels, made.valid = levels, valid
        return made

    @property
    def inner(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Levels and validity of the blocks that are compared, (hashes, blocks)."""
        inside = slice(RING, GRID - RING)
        flat = (blocks[:, inside, inside].reshape(len(blocks), -1) for blocks in (self.levels, self.valid))
        return next(flat), next(flat)


def _correlation(ours: _Hashes, theirs: _Hashes) -> NDArray[np.float32]:
    """The correlation of levels, around none, over the blocks that both have: (our hashes, their hashes)."""
    (ours_levels, ours_valid), (their_levels, their_valid) = ours.inner, theirs.inner
    product = ours_levels @ their_levels.T
    lengths = np.sqrt((ours_levels**2 @ their_valid.T) * (ours_valid @ (their_levels**2).T))
    comparable = ours_valid @ their_valid.T >= COMMON * ours_valid.shape[1]
    return np.where(comparable, product / np.maximum(lengths, 1e-6), 0).astype(np.float32)


def _blocks(fine: NDArray[np.float64]) -> NDArray[np.float64]:
    """Means of GRID x GRID blocks of a picture."""
    down, across = (_averaging(side) for side in fine.shape)
    means: NDArray[np.float64] = down @ fine @ across.T
    return means


def _averaging(side: int) -> NDArray[np.float64]:
    """The mean over each of GRID equal parts of a side, pixels at a border shared: (GRID, side)."""
    edges = np.arange(GRID + 1) * side / GRID
    places = np.arange(side)
    overlap = np.minimum(edges[1:, None], places + 1) - np.maximum(edges[:-1, None], places)
    shares: NDArray[np.float64] = np.clip(overlap, 0, None) * GRID / side
    return shares


def _smoothing() -> NDArray[np.float64]:
    """The mean of a block and two on either side, by the binomial weights 1 4 6 4 1, edges repeated: (GRID, GRID)."""
    matrix = np.zeros((GRID, GRID))
    for step, weight in zip(range(-2, 3), (1, 4, 6, 4, 1), strict=True):
        np.add.at(matrix, (np.arange(GRID), np.clip(np.arange(GRID) + step, 0, GRID - 1)), weight / 16)
    return matrix


def _cutting(start: float, end: float) -> NDArray[np.float64]:
    """What the blocks of a side would be, were the shares `start` and `end` of it cut off: (GRID, GRID)."""
    where = (start + (np.arange(GRID) + 0.5) / GRID * (1 - start - end)) * GRID - 0.5
    where = np.clip(where, 0, GRID - 1)
    low = np.minimum(where.astype(np.intp), GRID - 2)
    matrix = np.zeros((GRID, GRID))
    matrix[np.arange(GRID), low] = 1 - (where - low)
    matrix[np.arange(GRID), low + 1] = where - low
    return matrix


_SMOOTH = _smoothing()
_CUT = np.stack([_cutting(start / 100, end / 100) for start, end in CUTS])
