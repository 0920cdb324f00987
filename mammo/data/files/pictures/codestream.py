"""One compressed frame: the header of its code stream, and its values (JPEG, JPEG-LS, JPEG 2000)."""

from __future__ import annotations

import importlib
import io
import struct
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mammo.data.files.raster import ReadingNote
from mammo.errors import MammoError

_J2K_START = b"\xff\x4f\xff\x51"
_FRAMES = frozenset({*range(0xC0, 0xD0), 0xF7}) - {0xC4, 0xC8, 0xCC}
"""JPEG's markers of frame headers: every process of T.81, and JPEG-LS."""
_BARE = frozenset({0x01, *range(0xD0, 0xD8)})
"""JPEG's markers without a length."""
_SEQUENTIAL, _LOSSY = (0xC0, 0xC1), (0xC0, 0xC1, 0xC2)
_SCAN = 0xDA
_LAST_COEFFICIENT = 63
_JPEG_2000 = 0x51
_BYTES_TO_DECODE = 10
"""Memory that OpenJPEG takes per value; it does not report a lack of memory."""

PACKAGES = {"openjpeg": "pylibjpeg-openjpeg", "libjpeg": "pylibjpeg pylibjpeg-libjpeg"}
"""The module of each decoder beside Pillow, and what to install for it."""

PIXELS_PER_BYTE = 512
"""JPEG takes at least one bit for a block of 64 pixels; libjpeg silently fills missing blocks with grey."""


@dataclass(frozen=True)
class CodeStream:
    """A compressed frame and its own header: size, bits per value, sign, channels."""

    content: bytes
    rows: int
    columns: int
    bits: int
    signed: bool
    channels: int
    marker: int

    @property
    def is_jpeg_2000(self) -> bool:
        """Whether it is JPEG 2000, whose values may be signed."""
        return self.marker == _JPEG_2000

    def decode(self) -> NDArray[np.integer]:
        """Return the values (rows, columns), or (rows, columns, channels) for several channels, signed or unsigned.

        Raises MammoError where a package is missing or the stream is damaged.
        """
        if self.is_jpeg_2000:
            return self._decode_jpeg_2000()
        if self.marker in _LOSSY and self.bits == 8:
            return _decode_by_pillow(self.content)
        return _decode_other_jpeg(self.content)

    def _decode_jpeg_2000(self) -> NDArray[np.integer]:
        try:
            decoded: NDArray[np.integer] = _decoder("openjpeg").decode(io.BytesIO(self.content), 0)
        except RuntimeError:
            # raises MemoryError where the memory was too small
            np.empty(self.rows * self.columns * self.channels * _BYTES_TO_DECODE, np.uint8)
            raise
        return decoded

    def refuse_other_size(self, rows: int, columns: int) -> None:
        """Raise MammoError where the stream's size is not that of the file: decoders use the stream's."""
        if (self.rows, self.columns) != (rows, columns):
            size = f"{self.rows} × {self.columns}"
            raise MammoError(f"damaged DICOM: {rows} × {columns} pixels whose codestream has {size}")
        if self.marker in _LOSSY:
            refuse_sparse_jpeg(len(self.content), rows, columns)

    def repaired(self) -> tuple[CodeStream, tuple[ReadingNote, ...]]:
        """Return the stream with the scan header of a sequential JPEG, and notes: decoders refuse an end at 0."""
        at = _find_scan(self.content) if self.marker in _SEQUENTIAL else None
        if at is None or self.content[at] == _LAST_COEFFICIENT:
            return self, ()
        content = self.content[:at] + bytes([_LAST_COEFFICIENT]) + self.content[at + 1 :]
        sentence = f"its JPEG scan says that it ends at coefficient {self.content[at]}; it is decoded to the last, 63"
        return replace(self, content=content), (ReadingNote("scan-header", sentence),)


def read_code_stream(content: bytes) -> CodeStream | None:
    """Return the code stream in `content`, None where it does not begin like JPEG, JPEG-LS or JPEG 2000."""
    start = content[:1024].find(_J2K_START)
    return _jpeg_2000(content[start:]) if start >= 0 else _jpeg(content)


def refuse_sparse_jpeg(length: int, rows: int, columns: int) -> None:
    """Raise MammoError where a lossy JPEG of `length` bytes is too short for its pixels."""
    if length * PIXELS_PER_BYTE < rows * columns:
        raise MammoError(f"truncated: {length} bytes of JPEG for {rows} × {columns} pixels")


def _jpeg_2000(content: bytes) -> CodeStream | None:
    """Read the SIZ segment: image area, components, depth and sign of the first component (ISO/IEC 15444-1, A.5.1)."""
    if len(content) < 43:
        return None
    right, bottom, left, top = struct.unpack_from(">4I", content, 8)
    channels, depth = struct.unpack_from(">HB", content, 40)
    return CodeStream(content, bottom - top, right - left, depth % 128 + 1, depth >= 128, channels, _JPEG_2000)


def _jpeg(content: bytes) -> CodeStream | None:
    """Read the frame header (ITU-T T.81, B.2.2; the same for JPEG-LS)."""
    at = 2
    while at + 10 <= len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        if marker in _FRAMES:
            bits, rows, columns, channels = struct.unpack_from(">BHHB", content, at + 4)
            return CodeStream(content, rows, columns, bits, False, channels, marker)
        at = _next_segment(content, at)
    return None


def _find_scan(content: bytes) -> int | None:
    """Return the offset of the last coefficient's number in the first scan header (T.81, B.2.3)."""
    at = 2
    while at + 5 <= len(content) and content[at] == 0xFF:
        if content[at + 1] == _SCAN:
            offset = at + 5 + 2 * content[at + 4] + 1
            return offset if offset < len(content) else None
        at = _next_segment(content, at)
    return None


def _next_segment(content: bytes, at: int) -> int:
    """Return the offset of the segment after that at `at`."""
    marker = content[at + 1]
    if marker == 0xFF:  # a fill byte
        return at + 1
    return at + 2 + (0 if marker in _BARE else int(struct.unpack_from(">H", content, at + 2)[0]))


def _decode_by_pillow(content: bytes) -> NDArray[np.integer]:
    from PIL import Image

    with Image.open(io.BytesIO(content), formats=("JPEG",)) as picture:
        if picture.info.get("adobe_transform") != 0:  # keep three channels as they are: the file's header defines them
            picture.draft("YCbCr", picture.size)
        return np.asarray(picture)


def _decode_other_jpeg(content: bytes) -> NDArray[np.integer]:
    decoded: NDArray[np.integer] = _decoder("libjpeg").decode(content)
    return decoded


def _decoder(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError:
        raise MammoError(f"its compression takes another package: pip install {PACKAGES[module]}") from None
