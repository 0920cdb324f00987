"""The bits of a 16-bit container that a picture uses, by its own header."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, BinaryIO

from mammo.data.files.raster import CONTAINER_BITS, Raster, ReadingNote

_PNG_SIGNATURE = 8
_HEADER_CHUNKS = 64
_MAX_SAMPLE_TAGS = (281, 341)
"""TIFF's MaxSampleValue and SMaxSampleValue."""


def png_significant_bits(stream: BinaryIO) -> int | None:
    """Return the significant bits of a PNG by its chunk sBIT, None without one; keep the stream's position."""
    start = stream.tell()
    try:
        stream.seek(_PNG_SIGNATURE)
        for _ in range(_HEADER_CHUNKS):
            head = stream.read(8)
            if len(head) < 8 or head[4:] == b"IDAT":
                return None
            if head[4:] == b"sBIT":
                bits = stream.read(1)
                return bits[0] if bits else None
            stream.seek(struct.unpack(">I", head[:4])[0] + 4, 1)
        return None
    finally:
        stream.seek(start)


def tiff_significant_bits(tags: Mapping[int, Any]) -> int | None:
    """Return the bits of a TIFF's highest sample value, where that is one less than a power of two."""
    for tag in _MAX_SAMPLE_TAGS:
        value = tags.get(tag)
        white = value[0] if isinstance(value, tuple) and value else value
        if isinstance(white, int) and white > 0 and white & (white + 1) == 0:
            return white.bit_length()
    return None


def with_significant_bits(raster: Raster, bits: int | None) -> Raster:
    """Return the raster at the depth that its file names, where its values agree; otherwise unchanged.

    Values may use the lowest bits, or be scaled to the container's range as in PNG (shifted up, with the lowest bits
    empty or a repetition of the highest).
    """
    if raster.container is None or raster.container.signed or bits is None or not 8 <= bits < CONTAINER_BITS:
        return raster
    stored = raster.white - raster.pixels if raster.container.inverted else raster.pixels
    spare = CONTAINER_BITS - bits
    if int(stored.max()) >= 2**bits:
        low = stored & stored.dtype.type(2**spare - 1)
        if low.any() and not bool((low == stored >> stored.dtype.type(bits)).all()):
            return raster
        stored = stored >> stored.dtype.type(spare)
    if raster.container.inverted:
        stored = stored.dtype.type(2**bits - 1) - stored
    note = ReadingNote("significant-bits", f"it names {bits} significant bits of {CONTAINER_BITS}")
    return replace(raster, pixels=stored, bits=bits, container=None, notes=(*raster.notes, note))
