"""Plain formats: PGM and NumPy's NPY."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mammo.data.files.pictures.values import raster_of
from mammo.data.files.raster import (
    CONTAINER_BITS,
    Container,
    Raster,
    choose_frame,
    clear_file_errors,
    refuse_large,
    refuse_unfit,
)
from mammo.errors import MammoError

_GAP = rb"(?:\s|#[^\n]*\n)+"
PGM_HEADER = re.compile(rb"P5" + _GAP + rb"(\d{1,9})" + _GAP + rb"(\d{1,9})" + _GAP + rb"(\d{1,5})\s")
PGM_HEADER_BYTES = 4096


def read_pgm(path: Path, frame: int = 0, colour_marks: bool = False) -> Raster:  # noqa: ARG001 (every reader has it)
    """Read a binary PGM; white is the header's maxval (a maxval other than 2^n - 1 is scaled to 16 bits).

    A maxval of 65535 makes an untrusted container. Not read by Pillow, which scales such values one by one in Python.
    Raises MammoError where the file is damaged, truncated or too large.
    """
    refuse_unfit(path)
    choose_frame(frame, 1)
    with clear_file_errors("PGM", path), path.open("rb") as stream:
        header = PGM_HEADER.match(stream.read(PGM_HEADER_BYTES))
        if header is None:
            raise MammoError("damaged PGM: its header cannot be read")
        columns, rows, white = map(int, header.groups())
        refuse_large(rows, columns)
        if not 1 <= white <= 65535:
            raise MammoError(f"damaged PGM: a maxval of {white}")
        stream.seek(header.end())
        kind = np.dtype(np.uint8 if white < 256 else ">u2")
        content = stream.read(rows * columns * kind.itemsize)
        if len(content) < rows * columns * kind.itemsize:
            raise MammoError(f"truncated: it holds {len(content)} of {rows * columns * kind.itemsize} bytes of pixels")
        pixels = np.frombuffer(content, kind).reshape(rows, columns)
    return _from_white(pixels.astype(kind.newbyteorder("="), copy=False), white)


def _from_white(pixels: NDArray[np.unsignedinteger], white: int) -> Raster:
    if int(pixels.max()) > white:
        raise MammoError(f"damaged PGM: values above its maxval of {white}")
    bits = white.bit_length()
    if white == 2**bits - 1:
        return Raster(pixels, bits, container=Container() if bits == CONTAINER_BITS else None)
    scaled = np.round(np.arange(white + 1) * (65535 / white)).astype(np.uint16)
    return Raster(scaled[pixels], CONTAINER_BITS)


def read_npy(path: Path, frame: int = 0, colour_marks: bool = False) -> Raster:
    """Read an NPY array of one grey picture: integers that fit 16 bits, bool, or floats within 0..1.

    Three equal channels, and axes of length one, are read as one picture. Nothing is unpickled. Raises MammoError where
    the file is damaged or has other content.
    """
    refuse_unfit(path)
    choose_frame(frame, 1)
    with clear_file_errors("NPY", path):
        array = np.load(path, mmap_mode="r", allow_pickle=False, max_header_size=4096)
        if 0 in array.shape:
            raise MammoError(f"an array of the shape {array.shape}, without pixels")
        refuse_large(*sorted(array.shape)[-2:] if array.ndim > 1 else (1, len(array)))
        return raster_of(array, colour_marks=colour_marks)
