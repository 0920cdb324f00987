"""The pixels of one file, and the limits that every reader of image files keeps."""

from __future__ import annotations

import contextlib
import re
import stat
import struct
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mammo.errors import MammoError, TransientError, read_error

MAX_BYTES = 256_000_000
"""The largest file that is opened; an uncompressed mammogram of one frame has 15 to 60 MB."""

MAX_PIXELS = 64_000_000
"""The most pixels a frame may have; a mammogram has at most 30 million."""


CONTAINER_BITS = 16
"""The bits of a container that says nothing of the film's own depth; wider values are read where they fit."""

SYNTHETIC = "synthetic"
"""A file whose maker or comment holds this word is called synthetic wherever it is shown."""


@dataclass(frozen=True)
class Depth:
    """Which stored values of an untrusted container are black and white: `zero`, and 2^`bits` - 1 above it."""

    bits: int
    zero: int = 0


@dataclass(frozen=True)
class Container:
    """A container whose depth says nothing of the film's own: 16 bits that may hold 12, floats, wide integers.

    `signed` values stand 2^15 higher in the pixels, so that none is negative; `inverted` ones were turned round within
    the container (MONOCHROME1), or within its depth where one was decided.
    """

    signed: bool = False
    inverted: bool = False


@dataclass(frozen=True)
class Note:
    """What a reader did beyond the plain reading of a file: an entry of `rules.RULES`, and a sentence."""

    rule: str
    sentence: str


@dataclass(frozen=True)
class Raster:
    """The pixels of one file: unsigned integers (rows, columns), brighter is denser, `bits` of depth.

    `container` is there where `bits` is that of a container which may be wider than the film; such a film's depth is
    decided for its data set and handed to the reader. `clipped` counts the pixels that a depth cut off.
    """

    pixels: NDArray[np.unsignedinteger]
    bits: int
    synthetic: bool = False
    container: Container | None = None
    notes: tuple[Note, ...] = ()
    clipped: int = 0

    @property
    def white(self) -> int:
        """The highest value that the depth allows."""
        return int(2**self.bits - 1)

    def to_float(self) -> NDArray[np.float32]:
        """The pixels as float32 in 0..1, the full depth kept; shape (rows, columns)."""
        return self.pixels.astype(np.float32) / np.float32(self.white)

    def at_depth(self, depth: Depth) -> Raster:
        """The raster with black and white where `depth` has them; itself where its own depth can be trusted.

        Values beyond are cut off and counted as `clipped`; an inversion happens within the depth.
        """
        if self.container is None:
            return self
        stored = self.white - self.pixels if self.container.inverted else self.pixels
        low, high = depth.zero, min(depth.zero + 2**depth.bits - 1, self.white)
        clipped = int(np.count_nonzero(stored < low)) + int(np.count_nonzero(stored > high))
        pixels = np.clip(stored, low, high) - stored.dtype.type(low)
        if self.container.inverted:
            pixels = pixels.dtype.type(2**depth.bits - 1) - pixels
        return replace(self, pixels=pixels, bits=depth.bits, container=None, clipped=clipped)

    def inverted_grey(self) -> Raster:
        """The raster with black and white exchanged."""
        container = self.container and replace(self.container, inverted=not self.container.inverted)
        return replace(self, pixels=self.pixels.dtype.type(self.white) - self.pixels, container=container)


@contextlib.contextmanager
def clear_file_errors(kind: str, path: Path) -> Iterator[None]:
    """Turn whatever a library raises over a damaged file of this `kind` into a MammoError that does not name `path`.

    MemoryError and TransientError go through: the file may be sound, and who reads it knows what to do.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except (MemoryError, TransientError):
            raise
        except MammoError as error:
            raise MammoError(_plain(str(error))) from None
        except OSError as error:
            if error.strerror:
                raise read_error(error) from None
            raise MammoError(f"damaged {kind}: {_of_the_file(error, path)}") from None
        except Exception as error:  # damaged files raise nearly anything
            raise MammoError(f"damaged {kind}: {_of_the_file(error, path)}") from None


_OF_PYTHON = (TypeError, AttributeError, LookupError, AssertionError, ArithmeticError, struct.error, UnicodeError)
"""Errors whose words are Python's own: they tell nobody anything of a file."""

_PYTHONS_WORDS = re.compile(
    r"object at 0x|null character|unpack|reshape|invalid literal|could not convert|NoneType|' object|buffer size"
)


def _of_the_file(error: Exception, path: Path) -> str:
    """What an error says of a damaged file, in no words of Python's."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    words = _plain(str(error), path)
    if not words or isinstance(error, _OF_PYTHON) or _PYTHONS_WORDS.search(words):
        return "its parts contradict each other"
    return words


def _plain(words: str, path: Path | None = None) -> str:
    """At most 160 printable letters of what a library or a damaged file says, in one line, without the path."""
    words = words.replace(str(path), "the file") if path else words
    return "".join(letter if letter.isprintable() else "?" for letter in " ".join(words.split()))[:160]


def refuse_unfit(path: Path, at_most: int | None = MAX_BYTES) -> None:
    """Raise MammoError where `path` is no plain file, or is larger than `at_most` bytes."""
    try:
        found = path.stat()
    except OSError as error:
        raise read_error(error) from None
    if not stat.S_ISREG(found.st_mode):
        raise MammoError("not a plain file")
    if at_most is not None and found.st_size > at_most:
        raise MammoError(f"larger than {at_most // 10**6} MB, the most that is read")


def refuse_large(rows: int, columns: int) -> None:
    """Raise MammoError where a frame of this size has no pixels or more than `MAX_PIXELS`."""
    if rows < 1 or columns < 1:
        raise MammoError(f"its header claims {rows} × {columns} pixels")
    if rows * columns > MAX_PIXELS:
        raise MammoError(f"its header claims {rows} × {columns} pixels; at most {MAX_PIXELS // 10**6} million are read")


def choose_frame(frame: int, frames: int) -> int:
    """The index from 0 of frame number `frame` (from 1; 0 means the only one) of a file that holds `frames`.

    Raises MammoError where the file holds no such frame, or holds several and none is named.
    """
    if frame == 0 and frames > 1:
        raise MammoError(f"it holds {frames} frames; name one in the manifest's column `frame`")
    if not max(frame, 1) <= frames:
        raise MammoError(f"it holds {frames} frame{'s' * (frames != 1)}; there is no frame {frame}")
    return max(frame, 1) - 1
