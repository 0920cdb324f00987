"""Greyscale pictures of the formats that Pillow opens: PNG, JPEG and TIFF."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from mammo.data.files.pictures.codestream import read_code_stream, refuse_sparse_jpeg
from mammo.data.files.pictures.significant import (
    png_significant_bits,
    tiff_significant_bits,
    with_significant_bits,
)
from mammo.data.files.pictures.tiff import read_tiff
from mammo.data.files.pictures.values import raster_of
from mammo.data.files.raster import (
    SYNTHETIC,
    Container,
    Raster,
    choose_frame,
    clear_file_errors,
    refuse_large,
    refuse_unfit,
)
from mammo.errors import MammoError

FORMATS = ("PNG", "JPEG", "TIFF")
MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "I;16", "I;16B", "I", "F")
"""Pillow's modes that may hold grey."""

_EIGHT_BIT_MODES = ("LA", "RGB", "RGBA", "RGBX")

_SAMPLE_FORMAT, _PHOTOMETRIC, _BITS = 339, 262, 258
_UNSIGNED, _SIGNED, _WHITE_IS_ZERO = 1, 2, 0
_TEXTS = (270, 271, 305)
"""TIFF's description, maker and software."""

COMMENTS = ("comment", "description", "software", "source")
"""Texts of a file that may mark it as synthetic."""


def read_picture(path: Path, frame: int = 0, colour_marks: bool = False) -> Raster:
    """Read a grey PNG, JPEG or TIFF; a TIFF's pages are its frames, counted from 1.

    Channels that are equal up to a slight tint count as grey; alpha is ignored; EXIF's orientation is applied. What
    Pillow cannot open is read by tifffile (TIFF) or by the decoders for DICOM (JPEG of 12 bits or lossless, JPEG-LS).
    Raises MammoError where the file is damaged, too large, coloured, or has no grey values.
    """
    from PIL import Image, UnidentifiedImageError

    refuse_unfit(path)
    # from a stream: from a path, Pillow maps a rotated uncompressed TIFF with the wrong size
    with clear_file_errors("picture", path), path.open("rb") as stream:
        try:
            with Image.open(stream, formats=FORMATS) as picture:
                return _raster(picture, frame, stream, colour_marks)
        except Image.DecompressionBombError:
            raise MammoError("its header claims far more pixels than are read") from None
        except UnidentifiedImageError:
            stream.seek(0)
            return _without_pillow(path, stream.read(), frame, colour_marks)


def _raster(picture: Any, frame: int, stream: BinaryIO, colour_marks: bool) -> Raster:
    jpeg = picture.format in ("JPEG", "MPO")
    index = choose_frame(frame, 1 if jpeg else getattr(picture, "n_frames", 1))
    if index:
        picture.seek(index)
    refuse_large(picture.height, picture.width)
    if jpeg:
        refuse_sparse_jpeg(Path(stream.name).stat().st_size, picture.height, picture.width)
    if picture.mode not in MODES:
        raise MammoError(f"not greyscale of up to 16 bits (Pillow calls it {picture.mode})")
    tags, layout = dict(getattr(picture, "tag_v2", {})), _layout(picture)
    if picture.mode in _EIGHT_BIT_MODES and max(tags.get(_BITS, (8,))) > 8 and ";16" not in layout:
        return read_tiff(
            Path(stream.name), frame, colour_marks
        )  # separate channels, of which Pillow drops half the bits
    significant_bits = png_significant_bits(stream) if picture.format == "PNG" else tiff_significant_bits(tags)
    values = _values(picture, stream, index, layout)
    bits = 12 if layout == "I;12" else None
    if bits and int(values.max()) >= 2**bits:
        raise MammoError(f"damaged picture: values above its {bits} bits")
    raster = raster_of(values, bits, colour_marks)
    if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO and values.itemsize > 1:
        raster = raster.inverted_grey()  # Pillow inverts 1 and 8 bits, and no others
    texts = [str(value) for key, value in picture.info.items() if str(key).lower() in COMMENTS]
    texts += [str(tags.get(tag)) for tag in _TEXTS]
    return replace(with_significant_bits(raster, significant_bits), synthetic=SYNTHETIC in " ".join(texts).lower())


def _layout(picture: Any) -> str:
    """Return Pillow's layout of the values: the raw mode of the first tile."""
    arguments = picture.tile[0][3] if picture.tile else ""
    return str(arguments if isinstance(arguments, str) else arguments[0])


def _values(picture: Any, stream: BinaryIO, index: int, layout: str) -> NDArray[Any]:
    """Return the values (rows, columns), or (rows, columns, channels), in the file's own number type."""
    if ";16" in layout and picture.mode in _EIGHT_BIT_MODES:
        return _wide_channels(picture, stream, index, layout)
    tags = dict(getattr(picture, "tag_v2", {}))
    upright = _upright(picture)
    if upright.mode in ("P", "PA"):
        upright = upright.convert("RGBA").convert("RGB")
    values = np.asarray(upright)
    if upright.mode == "LA":
        return values[..., 0]
    if upright.mode == "L" and set(tags.get(_SAMPLE_FORMAT, (_UNSIGNED,))) == {_SIGNED}:
        return values.view(np.int8)
    if upright.mode != "I":
        return values
    if picture.format == "PNG" or layout.startswith("I;16S"):
        return values.astype(np.uint16 if picture.format == "PNG" else np.int16)
    unsigned = set(tags.get(_SAMPLE_FORMAT, (_UNSIGNED,))) == {_UNSIGNED}
    return values.view(np.uint32) if unsigned else values


def _wide_channels(picture: Any, stream: BinaryIO, index: int, layout: str) -> NDArray[np.uint16]:
    """Return channels of 16 bits (rows, columns, channels); Pillow unpacks one byte of each, so unpack twice."""
    if layout == "LA;16B":  # four bytes per pixel: grey and alpha, each with its high byte first
        pairs = _unpacked_as(stream, index, "RGBA", "RGBA")
        return _words(pairs[..., 0], pairs[..., 1])
    swapped = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}
    high = np.asarray(_upright(picture))
    low = _unpacked_as(stream, index, picture.mode, layout[:-1] + swapped[layout[-1]])
    return _words(high, low)[..., :3]


def _words(high: NDArray[np.uint8], low: NDArray[np.uint8]) -> NDArray[np.uint16]:
    return np.left_shift(high, 8, dtype=np.uint16) | low


def _unpacked_as(stream: BinaryIO, index: int, mode: str, layout: str) -> NDArray[np.uint8]:
    """Return the bytes that Pillow unpacks from a picture with this mode and raw mode."""
    from PIL import Image

    stream.seek(0)
    with Image.open(stream, formats=FORMATS) as picture:
        reopened: Any = picture
        reopened.seek(index)
        reopened._mode = mode
        reopened.tile = [
            tile._replace(args=layout if isinstance(tile.args, str) else (layout, *tile.args[1:]))
            for tile in reopened.tile
        ]
        return np.asarray(_upright(reopened))


def _upright(picture: Any) -> Any:
    """Return the decoded picture, rotated by its EXIF orientation."""
    from PIL import ImageOps

    picture.load()
    return ImageOps.exif_transpose(picture)


def _without_pillow(path: Path, content: bytes, frame: int, colour_marks: bool) -> Raster:
    """Read a TIFF or JPEG that Pillow does not support."""
    if content[:2] in (b"II", b"MM"):
        return read_tiff(path, frame, colour_marks)
    code = read_code_stream(content) if content[:2] == b"\xff\xd8" else None
    if code is None:
        raise MammoError("damaged picture: its header cannot be read")
    choose_frame(frame, 1)
    refuse_large(code.rows, code.columns)
    code.refuse_other_size(code.rows, code.columns)
    raster = raster_of(code.repaired()[0].decode(), code.bits, colour_marks)
    return raster if code.bits < 16 else replace(raster, container=Container())
