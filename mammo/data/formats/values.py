"""Arrays of any number type to the values of a grey picture: what NPY and TIFF hold beside 8 and 16 bits."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mammo.data.formats.colour import EQUAL, grey_of
from mammo.data.raster import CONTAINER_BITS, Container, Note, Raster
from mammo.errors import MammoError

_WHITE = 2**CONTAINER_BITS - 1
_SHIFT = 2 ** (CONTAINER_BITS - 1)
_BAND = 256
"""Rows of floats that are scaled at a time, so that no second copy of a picture in floats is held."""


def raster_of(array: NDArray[Any], bits: int | None = None, colour_marks: bool = False) -> Raster:
    """An array of shape (rows, columns) as it is, or with channels or axes of length one, as a grey raster.

    bool has 1 bit, uint8 has 8. Wider integers, and floats within 0..1, stand in a container of 16 bits; whole numbers
    must fit into it. `bits` below 16 says which of a wider integer's are used. Raises MammoError where values or shape
    are those of no grey picture.
    """
    array, channels = _layers(array)
    notes: tuple[Note, ...] = ()
    if channels:
        if array.dtype.kind != "u" or array.dtype.itemsize > 2:
            raise MammoError(f"not one greyscale image: {channels} channels of {array.dtype.name}")
        grey, notes = grey_of(array, 2 ** (8 * array.dtype.itemsize) - 1, colour_marks)
        array, notes = grey, (*notes, EQUAL)
    if array.dtype == np.bool_:
        return Raster(np.array(array, dtype=np.uint8, order="C"), 1, notes=notes)
    if array.dtype == np.uint8:
        return Raster(np.array(array, order="C"), 8, notes=notes)
    if array.dtype.kind == "f":
        return Raster(_from_unit(array), CONTAINER_BITS, container=Container(), notes=notes)
    if array.dtype.kind not in "iu":
        raise MammoError(
            f"an array of {array.dtype.name[:16]}; save integers of at most 16 bits, or floats within 0..1"
        )
    pixels, signed, more = _from_integers(array)
    if bits is not None and bits < CONTAINER_BITS and not signed and int(pixels.max()) < 2**bits:
        return Raster(pixels.astype(np.uint8) if bits <= 8 else pixels, bits, notes=notes + more)
    return Raster(pixels, CONTAINER_BITS, container=Container(signed), notes=notes + more)


def _layers(array: NDArray[Any]) -> tuple[NDArray[Any], int]:
    """The array as (rows, columns), or (rows, columns, 3) and its number of channels; alpha is left out."""
    if array.ndim == 2:
        return array, 0
    shape = tuple(array.shape)
    long = [size for size in shape if size != 1]
    if array.ndim > 2 and len(long) == 2:
        return array.reshape(long), 0
    if array.ndim == 3 and shape[0] in (3, 4) and shape[2] > 4:
        array = np.moveaxis(array, 0, 2)
    if array.ndim == 3 and array.shape[2] in (3, 4):
        return array[..., :3], array.shape[2]
    raise MammoError(f"not one greyscale image: an array of the shape {shape}")


def _from_integers(array: NDArray[Any]) -> tuple[NDArray[np.uint16], bool, tuple[Note, ...]]:
    """Whole numbers in 16 bits, signed ones 2^15 higher, and whether they are signed."""
    if array.dtype == np.uint16:
        return np.array(array, dtype=np.uint16, order="C"), False, ()
    if array.dtype == np.int16:
        return (np.array(array, dtype=np.int16, order="C").view(np.uint16) ^ np.uint16(_SHIFT)), True, ()
    low, high = int(array.min()), int(array.max())
    wide = (Note("wide-integers", f"its values, {array.dtype.name}, fit into 16 bits"),)
    if low >= 0 and high <= _WHITE:
        return np.array(array, dtype=np.uint16, order="C"), False, wide
    if low >= -_SHIFT and high < _SHIFT:
        return np.array(array, dtype=np.int16, order="C").view(np.uint16) ^ np.uint16(_SHIFT), True, wide
    raise MammoError(f"integers from {low} to {high}; save them within 16 bits, 0..65535")


def _from_unit(array: NDArray[Any]) -> NDArray[np.uint16]:
    low, high = float(array.min()), float(array.max())
    if np.isnan(low) or np.isnan(high):
        raise MammoError("an array that holds NaN")
    if low < 0 or high > 1:
        raise MammoError(f"floats from {low:.4g} to {high:.4g}; save uint8, uint16, or floats within 0..1")
    pixels = np.empty(array.shape, np.uint16)
    for start in range(0, len(array), _BAND):
        pixels[start : start + _BAND] = np.round(array[start : start + _BAND].astype(np.float64) * _WHITE)
    return pixels
