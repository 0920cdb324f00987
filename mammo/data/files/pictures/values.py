"""From arrays of any number type, as in NPY and TIFF, to the values of a grey picture."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mammo.data.files.pictures.colour import EQUAL, grey_of
from mammo.data.files.raster import CONTAINER_BITS, Container, Raster, ReadingNote
from mammo.errors import MammoError

_WHITE = 2**CONTAINER_BITS - 1
_SHIFT = 2 ** (CONTAINER_BITS - 1)
_ROUNDING = 1e-5
"""By how much floats may exceed 0..1: arithmetic in single precision, as in resizing, may do so."""
_BAND = 256
"""Rows of floats that are scaled at a time, to avoid a second copy of the picture as floats."""


def raster_of(array: NDArray[Any], bits: int | None = None, colour_marks: bool = False) -> Raster:
    """Return an array (rows, columns), or one with channels or axes of length one, as a grey raster.

    bool has 1 bit, uint8 has 8. Wider integers, and floats within 0..1, are stored in a container of 16 bits; integers
    must fit into it. `bits` below 16 is the number of bits that wider integers use. Raises MammoError where values or
    shape are not those of a grey picture.
    """
    pixels, depth, container, notes = _unsigned(_layers(array))
    if pixels.ndim == 3:
        white = int(pixels.max()) - int(pixels.min()) if container else 2**depth - 1
        pixels, marks = grey_of(pixels, max(1, white), colour_marks)
        notes = (*marks, EQUAL, *notes)
    pixels = np.array(pixels, order="C") if pixels.base is not None else np.ascontiguousarray(pixels)
    unsigned = container is not None and not container.signed
    if bits is not None and bits < CONTAINER_BITS and unsigned and array.dtype.kind != "f" and pixels.max() < 2**bits:
        return Raster(pixels.astype(np.uint8) if bits <= 8 else pixels, bits, notes=notes)
    return Raster(pixels, depth, container=container, notes=notes)


def _layers(array: NDArray[Any]) -> NDArray[Any]:
    """Return the array as (rows, columns) or (rows, columns, 3), without alpha."""
    shape = tuple(array.shape)
    long = [size for size in shape if size != 1]
    if array.ndim > 2 and len(long) == 2:
        return array.reshape(long)
    if array.ndim > 3 and len(long) == 3:
        array = array.reshape(long)
    if array.ndim == 3 and array.shape[0] in (3, 4) and array.shape[2] > 4:
        array = np.moveaxis(array, 0, 2)
    if array.ndim == 3 and array.shape[2] in (3, 4):
        return array[..., :3]
    if array.ndim != 2:
        raise MammoError(f"not one greyscale image: an array of the shape {shape}")
    return array


Unsigned = tuple[NDArray[np.unsignedinteger], int, Container | None, tuple[ReadingNote, ...]]
"""Unsigned values, their bits, their container where it does not name the depth, and notes."""


def _unsigned(array: NDArray[Any]) -> Unsigned:
    """Return values of any number type as unsigned integers of 8 or 16 bits; signed ones are shifted up by 2^15."""
    if array.dtype == np.bool_:
        return array.astype(np.uint8), 1, None, ()
    if array.dtype == np.uint8:
        return array, 8, None, ()
    if array.dtype.kind == "f":
        return _from_unit(array), CONTAINER_BITS, Container(), ()
    if array.dtype.kind not in "iu":
        kind = array.dtype.name[:16]
        raise MammoError(f"an array of {kind}; save integers of at most 16 bits, or floats within 0..1")
    pixels, signed, notes = _from_integers(array)
    return pixels, CONTAINER_BITS, Container(signed), notes


def _from_integers(array: NDArray[Any]) -> tuple[NDArray[np.uint16], bool, tuple[ReadingNote, ...]]:
    """Return integers in 16 bits, signed ones shifted up by 2^15; whether they are signed; and notes."""
    if array.dtype == np.uint16:
        return np.array(array, dtype=np.uint16, order="C"), False, ()
    if array.dtype == np.int16:
        return (np.array(array, dtype=np.int16, order="C").view(np.uint16) ^ np.uint16(_SHIFT)), True, ()
    low, high = int(array.min()), int(array.max())
    wide = (ReadingNote("wide-integers", f"its values, {array.dtype.name}, fit into 16 bits"),)
    if low >= 0 and high <= _WHITE:
        return np.array(array, dtype=np.uint16, order="C"), False, wide
    if low >= -_SHIFT and high < _SHIFT:
        return np.array(array, dtype=np.int16, order="C").view(np.uint16) ^ np.uint16(_SHIFT), True, wide
    raise MammoError(f"integers from {low} to {high}; save them within 16 bits, 0..65535")


def _from_unit(array: NDArray[Any]) -> NDArray[np.uint16]:
    low, high = float(array.min()), float(array.max())
    if np.isnan(low) or np.isnan(high):
        raise MammoError("an array that holds NaN")
    if low < -_ROUNDING or high > 1 + _ROUNDING:
        raise MammoError(f"floats from {low:.4g} to {high:.4g}; save uint8, uint16, or floats within 0..1")
    pixels = np.empty(array.shape, np.uint16)
    for start in range(0, len(array), _BAND):
        unit = np.clip(array[start : start + _BAND].astype(np.float64), 0, 1)
        pixels[start : start + _BAND] = np.round(unit * _WHITE)
    return pixels
