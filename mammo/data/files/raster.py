"""The pixels of one file, and the limits that all readers of image files share."""

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
"""The most pixels that a frame may have; a mammogram has at most 30 million."""

CONTAINER_BITS = 16
"""The bits of a container that does not name the film's depth; wider values are read where they fit."""

SYNTHETIC = "synthetic"
"""A file with this word in its maker or comment is marked as synthetic wherever it is shown."""


@dataclass(frozen=True)
class Depth:
    """The stored values of an untrusted container that are black and white: `zero` and `zero` + 2^`bits` - 1."""

    bits: int
    zero: int = 0


@dataclass(frozen=True)
class Container:
    """A container whose depth may exceed the film's: 16 bits that may hold 12, floats, wide integers.

    `signed` values are stored 2^15 higher in the pixels, so that none is negative; `inverted` values were inverted
    within the container (MONOCHROME1), or within the depth where one is set.
    """

    signed: bool = False
    inverted: bool = False


@dataclass(frozen=True)
class ReadingNote:
    """What a reader did beyond reading the plain values: an entry of `rules.RULES`, and a sentence."""

    rule: str
    sentence: str


@dataclass(frozen=True)
class Raster:
    """The pixels of one file: unsigned integers (rows, columns) of `bits` bits, brighter is denser.

    `container` is set where `bits` is the depth of a container that may be wider than the film; the data set decides
    such a film's depth and passes it to the reader. `clipped` counts the pixels outside that depth.
    """

    pixels: NDArray[np.unsignedinteger]
    bits: int
    synthetic: bool = False
    container: Container | None = None
    notes: tuple[ReadingNote, ...] = ()
    clipped: int = 0

    @property
    def white(self) -> int:
        """The highest value of the depth."""
        return int(2**self.bits - 1)

    def to_float(self) -> NDArray[np.float32]:
        """Return the pixels as float32 in 0..1, shape (rows, columns)."""
        return self.pixels.astype(np.float32) / np.float32(self.white)

    def at_depth(self, depth: Depth) -> Raster:
        """Return the raster with black and white at those of `depth`; unchanged where it has no untrusted container.

        Values outside are clipped and counted in `clipped`; an inversion happens within the depth.
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
        """Return the raster with black and white exchanged."""
        container = self.container and replace(self.container, inverted=not self.container.inverted)
        return replace(self, pixels=self.pixels.dtype.type(self.white) - self.pixels, container=container)


@contextlib.contextmanager
def clear_file_errors(kind: str, path: Path) -> Iterator[None]:
    """Turn any exception over a damaged file of this `kind` into a MammoError that does not name `path`.

    MemoryError and TransientError pass through: the file may be sound, and the caller handles them.
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
            raise MammoError(f"damaged {kind}: {_file_fault(error, path)}") from None
        except Exception as error:  # damaged files raise nearly anything
            raise MammoError(f"damaged {kind}: {_file_fault(error, path)}") from None


_PYTHON_ERRORS = (TypeError, AttributeError, LookupError, AssertionError, ArithmeticError, struct.error, UnicodeError)
"""Errors whose messages are about Python objects, not about the file."""

_PYTHON_MESSAGES = re.compile(
    r"object at 0x|null character|unpack|reshape|invalid literal|could not convert|NoneType|' object|buffer size"
)


def _file_fault(error: Exception, path: Path) -> str:
    """Return the error's message about a damaged file; a general one where it is about Python objects."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    message = _plain(str(error), path)
    if not message or isinstance(error, _PYTHON_ERRORS) or _PYTHON_MESSAGES.search(message):
        return "its parts contradict each other"
    return message


def _plain(message: str, path: Path | None = None) -> str:
    """Return a message as one line of at most 160 printable characters, without the path."""
    message = message.replace(str(path), "the file") if path else message
    return "".join(letter if letter.isprintable() else "?" for letter in " ".join(message.split()))[:160]


def refuse_unfit(path: Path, max_bytes: int | None = MAX_BYTES) -> None:
    """Raise MammoError where `path` is no regular file, or is larger than `max_bytes`."""
    try:
        status = path.stat()
    except OSError as error:
        raise read_error(error) from None
    if not stat.S_ISREG(status.st_mode):
        raise MammoError("not a plain file")
    if max_bytes is not None and status.st_size > max_bytes:
        raise MammoError(f"larger than {max_bytes // 10**6} MB, the most that is read")


def refuse_large(rows: int, columns: int) -> None:
    """Raise MammoError where a frame of this size has no pixels, or more than `MAX_PIXELS`."""
    if rows < 1 or columns < 1:
        raise MammoError(f"its header claims {rows} × {columns} pixels")
    if rows * columns > MAX_PIXELS:
        raise MammoError(f"its header claims {rows} × {columns} pixels; at most {MAX_PIXELS // 10**6} million are read")


def choose_frame(frame: int, frames: int) -> int:
    """Return the index from 0 of frame number `frame` (from 1; 0 is the only one) in a file of `frames` frames.

    Raises MammoError where there is no such frame, or where there are several and `frame` is 0.
    """
    if frame == 0 and frames > 1:
        raise MammoError(f"it holds {frames} frames; name one in the manifest's column `frame`")
    if not max(frame, 1) <= frames:
        raise MammoError(f"it holds {frames} frame{'s' * (frames != 1)}; there is no frame {frame}")
    return max(frame, 1) - 1
