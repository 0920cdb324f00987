"""What a compressed frame says of its own size, read from its header before a decoder believes it."""

from __future__ import annotations

import struct

from mammo.errors import MammoError

_J2K_START = b"\xff\x4f\xff\x51"
_SIZES = frozenset({*range(0xC0, 0xD0), 0xF7}) - {0xC4, 0xC8, 0xCC}
"""JPEG's markers of a frame header: every process of T.81, and JPEG-LS."""
_BARE = frozenset({0x01, *range(0xD0, 0xD8)})
"""JPEG's markers that no length follows."""

PIXELS_A_BYTE = 512
"""JPEG spends at least one bit on a block of 64 pixels; libjpeg fills what is missing with grey and says nothing."""


def refuse_other_size(frame: bytes, rows: int, columns: int) -> None:
    """Raise MammoError where a JPEG, JPEG-LS or JPEG 2000 codestream has no header or one of another size."""
    size = _j2k_size(frame) if _J2K_START in frame[:1024] else _jpeg_size(frame)
    if size is None:
        raise MammoError("damaged DICOM: its compressed pixels have no header")
    if size != (rows, columns):
        raise MammoError(f"damaged DICOM: {rows} × {columns} pixels whose codestream has {size[0]} × {size[1]}")


def refuse_sparse_jpeg(length: int, rows: int, columns: int) -> None:
    """Raise MammoError where a lossy JPEG of `length` bytes is too short to hold its pixels."""
    if length * PIXELS_A_BYTE < rows * columns:
        raise MammoError(f"truncated: {length} bytes of JPEG for {rows} × {columns} pixels")


def _j2k_size(frame: bytes) -> tuple[int, int] | None:
    """Rows and columns of the image area in the SIZ segment (ISO/IEC 15444-1, A.5.1)."""
    place = frame.index(_J2K_START) + 8
    if len(frame) < place + 16:
        return None
    right, bottom, left, top = struct.unpack_from(">4I", frame, place)
    return bottom - top, right - left


def _jpeg_size(frame: bytes) -> tuple[int, int] | None:
    """Rows and columns in the frame header (ITU-T T.81, B.2.2)."""
    place = 2
    while place + 9 <= len(frame) and frame[place] == 0xFF:
        marker = frame[place + 1]
        if marker in _SIZES:
            rows, columns = struct.unpack_from(">HH", frame, place + 5)
            return rows, columns
        if marker == 0xFF:  # a fill byte
            place += 1
        elif marker in _BARE:
            place += 2
        else:
            place += 2 + struct.unpack_from(">H", frame, place + 2)[0]
    return None
