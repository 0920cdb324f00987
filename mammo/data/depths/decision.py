"""The depth of a group of films: the smallest that holds nearly all pixels of nearly all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from mammo.data.files.levels import CONTAINER_BITS, HALF, Levels
from mammo.data.files.raster import Depth

CANDIDATES = (8, 10, 12, 14, 16)
FILMS_PERCENT = 95
"""So many of a group's films a depth must hold."""
DARKER = 4
"""A film is listed as dark whose values reach only one in so many of what its group's do."""
OF_CONTAINER = Depth(CONTAINER_BITS, 0)


@dataclass(frozen=True)
class DepthScale:
    """How a group's values are counted from black: from 0, from the zero of signed values, or to both sides of it."""

    signed: bool
    positive: bool = True

    @classmethod
    def of(cls, films: Sequence[Levels], signed: bool) -> DepthScale:
        """Signed values count from zero where nearly all pixels of nearly all films are not negative."""
        return cls(signed, not signed or _level(HALF - film.low for film in films) <= 0)

    def extent(self, film: Levels) -> int:
        """How far a film's values reach from black, or from the zero in the middle."""
        if not self.positive:
            return film.reach
        return max(0, film.high - HALF) if self.signed else film.high

    def depth(self, bits: int) -> Depth:
        """Which stored values are black and white at a depth of `bits`."""
        if not self.signed:
            return Depth(bits, 0)
        return Depth(bits, HALF if self.positive else HALF - 2 ** (bits - 1))

    @property
    def widest(self) -> Depth:
        """The range of the container itself: above zero, signed values have a bit less."""
        return self.depth(CONTAINER_BITS - (self.signed and self.positive))

    def bits(self, extent: int) -> int:
        """The smallest of `CANDIDATES` that holds values up to `extent`, and no more than the container has."""
        wanted = extent.bit_length() + (not self.positive)
        return min(next((bits for bits in CANDIDATES if bits >= wanted), CONTAINER_BITS), self.widest.bits)


def _level(values: Iterable[int]) -> int:
    """The smallest value that at least `FILMS_PERCENT` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[-(-len(ordered) * FILMS_PERCENT // 100) - 1]


@dataclass(frozen=True)
class DepthEstimate:
    """What the films of a group say: the depth they call for, the level it rests on, and which films are dark.

    `level` is the value that 99.9 % of the pixels of 95 % of the films do not exceed, counted from black; `dark` holds
    the films that reach no more than a quarter of what the films of their kind do, with the level of each.
    """

    scale: DepthScale
    bits: int
    level: int
    dark: dict[str, int]


def estimate_depth(kinds: Sequence[Mapping[str, Levels]], signed: bool) -> DepthEstimate:
    """The depth of films of one group, by kind (full mammograms, crops) and by name.

    It must hold the films of each kind, so that a crop has the grey of its film and many small crops of one do not
    outvote it. Raises ValueError where there is no film.
    """
    kinds = [films for films in kinds if films]
    scales = [DepthScale.of(list(films.values()), signed) for films in kinds]
    scale = DepthScale(signed, all(one.positive for one in scales))
    extents = [{name: scale.extent(film) for name, film in films.items()} for films in kinds]
    level = max(_level(films.values()) for films in extents)
    dark = {
        name: extent for films in extents for name, extent in films.items() if extent * DARKER <= median(films.values())
    }
    return DepthEstimate(scale, scale.bits(level), level, dark)
