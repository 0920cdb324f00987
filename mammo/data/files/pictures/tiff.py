"""TIFF pages that Pillow does not open: other depths and number types, separate channels."""

from __future__ import annotations

import logging
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mammo.data.files.pictures.values import raster_of
from mammo.data.files.raster import SYNTHETIC, Raster, choose_frame, refuse_large
from mammo.errors import MammoError

_WHITE_IS_ZERO, _SEPARATE_CHANNELS = 0, 2
_UNCOMPRESSED, _DEFLATE = (1,), (8, 32946)
_BYTE_ALIGNED = (1, 8, 16, 32, 64)


def read_tiff(path: Path, frame: int, colour_marks: bool) -> Raster:
    """Read one page of a TIFF with tifffile; raise MammoError for a compression other than deflate."""
    import tifffile

    logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # it logs the errors that it raises
    try:
        file = tifffile.TiffFile(path)
    except tifffile.TiffFileError:
        raise MammoError("damaged picture: its header cannot be read") from None
    with file:
        page: Any = file.pages[choose_frame(frame, len(file.pages))]
        refuse_large(page.imagelength, page.imagewidth)
        if not isinstance(page.bitspersample, int):
            raise MammoError("a TIFF whose channels differ in depth")
        packed = page.bitspersample not in _BYTE_ALIGNED
        raster = raster_of(_unpacked(page, path) if packed else _decoded(page), page.bitspersample, colour_marks)
        synthetic = SYNTHETIC in f"{page.description} {page.software}".lower()
        raster = raster.inverted_grey() if page.photometric == _WHITE_IS_ZERO else raster
    return replace(raster, synthetic=synthetic)


def _decoded(page: Any) -> NDArray[Any]:
    try:
        array: NDArray[Any] = page.asarray(maxworkers=1)
    except (ValueError, NotImplementedError) as error:
        if "imagecodecs" in str(error):
            raise _compressed(page) from None
        raise
    if page.samplesperpixel == 2:  # grey and alpha
        return array[0] if page.planarconfig == _SEPARATE_CHANNELS else array[..., 0]
    return array


def _compressed(page: Any) -> MammoError:
    name = getattr(page.compression, "name", page.compression)
    return MammoError(f"a TIFF of {page.bitspersample} bits compressed by {name}; save it uncompressed or with 16 bits")


def _unpacked(page: Any, path: Path) -> NDArray[np.uint16]:
    """Unpack values that are not aligned to bytes; each row begins with a new byte (TIFF 6.0)."""
    bits, rows, columns = page.bitspersample, page.imagelength, page.imagewidth
    if page.is_tiled or page.samplesperpixel != 1 or page.predictor != 1 or bits > 16:
        raise _compressed(page)
    if page.compression not in (*_UNCOMPRESSED, *_DEFLATE):
        raise _compressed(page)
    row_bytes, rows_per_strip = (columns * bits + 7) // 8, min(page.rowsperstrip, rows)
    weights = 2 ** np.arange(bits - 1, -1, -1, dtype=np.uint16)
    pixels = np.zeros((rows, columns), np.uint16)
    with path.open("rb") as stream:
        for number, (at, length) in enumerate(zip(page.dataoffsets, page.databytecounts, strict=True)):
            first = number * rows_per_strip
            count = min(rows_per_strip, rows - first)
            stream.seek(at)
            content = stream.read(min(length, path.stat().st_size))
            if page.compression in _DEFLATE:
                content = zlib.decompressobj().decompress(content, count * row_bytes)
            if len(content) < count * row_bytes:
                raise MammoError("truncated: a strip of its pixels is too short")
            strip = np.frombuffer(content, np.uint8, count * row_bytes).reshape(count, row_bytes)
            for row in range(count):
                single = np.unpackbits(strip[row])[: columns * bits].reshape(columns, bits)
                pixels[first + row] = single @ weights
    return pixels
