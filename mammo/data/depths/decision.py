"""The depth of a group of films: the smallest that holds nearly all pixels of nearly all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from mammo.data.files.levels import CONTAINER_BITS, HALF, Levels
from mammo.data.files.raster import Depth

CANDIDATES = (8, 10, 12, 14, 16)
FILMS_PERCENT = 95
"""The percentage of a group's films that a depth must hold."""
DARKER = 4
"""A film is dark if its values reach at most the group's level divided by this."""
OF_CONTAINER = Depth(CONTAINER_BITS, 0)


@dataclass(frozen=True)
class DepthScale:
    """How the values of a group count from black: from 0, from the zero of signed values, or on both sides of it."""

    signed: bool
    positive: bool = True

    @classmethod
    def of(cls, films: Sequence[Levels], signed: bool) -> DepthScale:
        """Return the scale of films: signed values count from zero unless many pixels of many films are negative."""
        return cls(signed, not signed or _level(HALF - film.low for film in films) <= 0)

    def extent(self, film: Levels) -> int:
        """Return how far a film's values reach from black, or from the zero in the middle."""
        if not self.positive:
            return film.reach
        return max(0, film.high - HALF) if self.signed else film.high

    def depth(self, bits: int) -> Depth:
        """Return the stored values of black and white at a depth of `bits`."""
        if not self.signed:
            return Depth(bits, 0)
        return Depth(bits, HALF if self.positive else HALF - 2 ** (bits - 1))

    @property
    def widest(self) -> Depth:
        """The full range of the container: signed values have one bit less above zero."""
        return self.depth(CONTAINER_BITS - (self.signed and self.positive))

    def bits(self, extent: int) -> int:
        """Return the smallest of `CANDIDATES` that holds values up to `extent`, at most the container's bits."""
        needed = extent.bit_length() + (not self.positive)
        return min(next((bits for bits in CANDIDATES if bits >= needed), CONTAINER_BITS), self.widest.bits)


def _level(values: Iterable[int]) -> int:
    """Return the smallest value that at least `FILMS_PERCENT` % of the values do not exceed."""
    ordered = sorted(values)
    return ordered[-(-len(ordered) * FILMS_PERCENT // 100) - 1]


@dataclass(frozen=True)
class DepthEstimate:
    """The depth that the films of a group need, the level that it rests on, and the dark films.

    `level` is the value, counted from black, that 99.9 % of the pixels of 95 % of the films do not exceed; `dark` maps
    the films that reach at most a quarter of the median of their kind to their levels.
    """

    scale: DepthScale
    bits: int
    level: int
    dark: dict[str, int]


def estimate_depth(kinds: Sequence[Mapping[str, Levels]], signed: bool) -> DepthEstimate:
    """Return the depth of one group of films, given by kind (full mammograms, crops) and by name.

    The depth must hold the films of each kind, so that a crop has the grey of its film, and many small crops do not
    outvote the films. Raises ValueError where there is no film.
    """
    kinds = [films for films in kinds if films]
    scales = [DepthScale.of(list(films.values()), signed) for films in kinds]
    scale = DepthScale(signed, all(kind_scale.positive for kind_scale in scales))
    extents = [{name: scale.extent(film) for name, film in films.items()} for films in kinds]
    level = max(_level(films.values()) for films in extents)
    dark = {
        name: extent for films in extents for name, extent in films.items() if extent * DARKER <= median(films.values())
    }
    return DepthEstimate(scale, scale.bits(level), level, dark)
