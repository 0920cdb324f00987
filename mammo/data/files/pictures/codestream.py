"""One compressed frame: what its code stream says of itself, and its values (JPEG, JPEG-LS, JPEG 2000)."""

from __future__ import annotations

import importlib
import io
import struct
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mammo.data.files.raster import Note
from mammo.errors import MammoError

_J2K_START = b"\xff\x4f\xff\x51"
_FRAMES = frozenset({*range(0xC0, 0xD0), 0xF7}) - {0xC4, 0xC8, 0xCC}
"""JPEG's markers of a frame header: every process of T.81, and JPEG-LS."""
_BARE = frozenset({0x01, *range(0xD0, 0xD8)})
"""JPEG's markers that no length follows."""
_SEQUENTIAL, _LOSSY = (0xC0, 0xC1), (0xC0, 0xC1, 0xC2)
_SCAN = 0xDA
_LAST_COEFFICIENT = 63
_JPEG_2000 = 0x51
_BYTES_TO_DECODE = 10
"""What OpenJPEG takes for a value while it decodes; it does not say when it failed for want of memory."""

PACKAGES = {"openjpeg": "pylibjpeg-openjpeg", "libjpeg": "pylibjpeg pylibjpeg-libjpeg"}
"""The module of each decoder beside Pillow, and what to install for it."""

PIXELS_A_BYTE = 512
"""JPEG spends at least one bit on a block of 64 pixels; libjpeg fills what is missing with grey and says nothing."""


@dataclass(frozen=True)
class CodeStream:
    """A compressed frame and what its own header says: the size, the bits of a value, its sign, the channels."""

    content: bytes
    rows: int
    columns: int
    bits: int
    signed: bool
    channels: int
    marker: int

    @property
    def is_jpeg_2000(self) -> bool:
        """Whether values carry a sign of their own."""
        return self.marker == _JPEG_2000

    def decode(self) -> NDArray[np.integer]:
        """The values (rows, columns), or (rows, columns, channels) where there are several, signed or not.

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
            np.empty(
                self.rows * self.columns * self.channels * _BYTES_TO_DECODE, np.uint8
            )  # was it for want of memory?
            raise
        return decoded

    def refuse_other_size(self, rows: int, columns: int) -> None:
        """Raise MammoError where the stream has another size than the file says: decoders believe the stream."""
        if (self.rows, self.columns) != (rows, columns):
            size = f"{self.rows} × {self.columns}"
            raise MammoError(f"damaged DICOM: {rows} × {columns} pixels whose codestream has {size}")
        if self.marker in _LOSSY:
            refuse_sparse_jpeg(len(self.content), rows, columns)

    def repaired(self) -> tuple[CodeStream, tuple[Note, ...]]:
        """The stream with the scan header that a sequential JPEG must have: decoders refuse one that ends at 0."""
        at = _find_scan(self.content) if self.marker in _SEQUENTIAL else None
        if at is None or self.content[at] == _LAST_COEFFICIENT:
            return self, ()
        content = self.content[:at] + bytes([_LAST_COEFFICIENT]) + self.content[at + 1 :]
        sentence = f"its JPEG scan says that it ends at coefficient {self.content[at]}; it is decoded to the last, 63"
        return replace(self, content=content), (Note("scan-header", sentence),)


def read_code_stream(content: bytes) -> CodeStream | None:
    """The code stream in `content`, None where it begins with no header of JPEG, JPEG-LS or JPEG 2000."""
    start = content[:1024].find(_J2K_START)
    return _jpeg_2000(content[start:]) if start >= 0 else _jpeg(content)


def refuse_sparse_jpeg(length: int, rows: int, columns: int) -> None:
    """Raise MammoError where a lossy JPEG of `length` bytes is too short to hold its pixels."""
    if length * PIXELS_A_BYTE < rows * columns:
        raise MammoError(f"truncated: {length} bytes of JPEG for {rows} × {columns} pixels")


def _jpeg_2000(content: bytes) -> CodeStream | None:
    """What the SIZ segment says: image area, components, depth and sign of the first (ISO/IEC 15444-1, A.5.1)."""
    if len(content) < 43:
        return None
    right, bottom, left, top = struct.unpack_from(">4I", content, 8)
    channels, depth = struct.unpack_from(">HB", content, 40)
    return CodeStream(content, bottom - top, right - left, depth % 128 + 1, depth >= 128, channels, _JPEG_2000)


def _jpeg(content: bytes) -> CodeStream | None:
    """What the frame header says (ITU-T T.81, B.2.2; JPEG-LS the same)."""
    at = 2
    while at + 10 <= len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        if marker in _FRAMES:
            bits, rows, columns, channels = struct.unpack_from(">BHHB", content, at + 4)
            return CodeStream(content, rows, columns, bits, False, channels, marker)
        at = _next_segment(content, at)
    return None


def _find_scan(content: bytes) -> int | None:
    """Where the first scan header says which coefficient is its last (T.81, B.2.3)."""
    at = 2
    while at + 5 <= len(content) and content[at] == 0xFF:
        if content[at + 1] == _SCAN:
            place = at + 5 + 2 * content[at + 4] + 1
            return place if place < len(content) else None
        at = _next_segment(content, at)
    return None


def _next_segment(content: bytes, at: int) -> int:
    """Where the segment after that at `at` begins."""
    marker = content[at + 1]
    if marker == 0xFF:  # a fill byte
        return at + 1
    return at + 2 + (0 if marker in _BARE else int(struct.unpack_from(">H", content, at + 2)[0]))


def _decode_by_pillow(content: bytes) -> NDArray[np.integer]:
    from PIL import Image

    with Image.open(io.BytesIO(content), formats=("JPEG",)) as picture:
        if (
            picture.info.get("adobe_transform") != 0
        ):  # three channels as they are: the file's header says what they mean
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
