"""Greyscale pictures that are no DICOM: PNG, JPEG, TIFF, PGM and NumPy's NPY."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mammo.data.codestream import refuse_sparse_jpeg
from mammo.data.raster import SYNTHETIC, Container, Raster, choose_frame, in_one_sentence, refuse_large, refuse_unfit
from mammo.errors import MammoError

if TYPE_CHECKING:
    from PIL.Image import Image

TINT = 8
"""The largest difference between two channels, of 255 levels, that still counts as grey (lossy JPEG tints a little)."""

_GAP = rb"(?:\s|#[^\n]*\n)+"
PGM_HEADER = re.compile(rb"P5" + _GAP + rb"(\d{1,9})" + _GAP + rb"(\d{1,9})" + _GAP + rb"(\d{1,5})\s")
PGM_HEADER_BYTES = 4096

DEPTHS = {"1": 1, "L": 8, "LA": 8, "P": 8, "PA": 8, "RGB": 8, "RGBA": 8, "RGBX": 8, "I;16": 16, "I;16B": 16}
"""The bits of a picture in each of Pillow's modes that may hold grey."""

_SAMPLE_FORMAT, _PHOTOMETRIC, _UNSIGNED, _WHITE_IS_ZERO = 339, 262, 1, 0
_TEXTS = (270, 271, 305)
"""TIFF's description, maker and software."""

COMMENTS = ("comment", "description", "software", "source")
"""Texts of a file that may call it synthetic."""


def read_picture(path: Path, frame: int = 0) -> Raster:
    """Read a grey PNG, JPEG or TIFF of 1, 8, 12 or 16 bits; a TIFF's pages are its frames, counted from 1.

    Channels that are equal but for a tint of `TINT` levels count as grey; alpha is ignored; EXIF's orientation is
    applied. Raises MammoError where the file is damaged, too large, coloured, or holds no plain grey values.
    """
    from PIL import Image, UnidentifiedImageError

    refuse_unfit(path)
    with in_one_sentence("picture", path):
        try:
            # by a stream: given a path, Pillow maps an uncompressed TIFF by its turned size and garbles it
            with path.open("rb") as stream, Image.open(stream, formats=("PNG", "JPEG", "TIFF")) as picture:
                return _raster(picture, frame, path.stat().st_size)
        except Image.DecompressionBombError:
            raise MammoError("its header claims far more pixels than are read") from None
        except UnidentifiedImageError:
            raise MammoError("damaged picture: its header cannot be read") from None


def _raster(picture: Any, frame: int, length: int) -> Raster:
    from PIL import ImageOps

    index = choose_frame(frame, 1 if picture.format in ("JPEG", "MPO") else getattr(picture, "n_frames", 1))
    if index:
        picture.seek(index)
    refuse_large(picture.height, picture.width)
    if picture.format in ("JPEG", "MPO"):
        refuse_sparse_jpeg(length, picture.height, picture.width)
    bits = _bits(picture)
    tags = getattr(picture, "tag_v2", {})
    inverted = bits > 8 and tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO  # Pillow inverts up to 8 bits only
    picture.load()
    pixels = _grey(ImageOps.exif_transpose(picture), bits)
    if int(pixels.max()) >= 2**bits:
        raise MammoError(f"damaged picture: values above its {bits} bits")
    said = [str(value) for key, value in picture.info.items() if str(key).lower() in COMMENTS]
    said += [str(tags.get(tag)) for tag in _TEXTS]
    synthetic = SYNTHETIC in " ".join(said).lower()
    container = Container(inverted=inverted) if bits == 16 else None
    return Raster(2**bits - 1 - pixels if inverted else pixels, bits, synthetic, container)


def _bits(picture: Any) -> int:
    """The bits of each grey value, from the header; raises MammoError where Pillow would lose some of them."""
    formats = getattr(picture, "tag_v2", {}).get(_SAMPLE_FORMAT, (_UNSIGNED,))
    if set(formats) != {_UNSIGNED}:
        raise MammoError("pixels that are not unsigned integers; save them with 8 or 16 bits")
    arguments = picture.tile[0][3] if picture.tile else ""
    layout = str(arguments if isinstance(arguments, str) else arguments[0])
    if picture.mode == "I" and picture.format == "PNG":
        return 16
    if picture.mode not in DEPTHS:
        raise MammoError(f"not greyscale of up to 16 bits (Pillow calls it {picture.mode})")
    if ";16" in layout and DEPTHS[picture.mode] < 16:
        raise MammoError("16-bit colour or alpha channels; save it as plain 16-bit grey")
    return 12 if layout == "I;12" else DEPTHS[picture.mode]


def _grey(picture: Image, bits: int) -> NDArray[np.unsignedinteger]:
    """The grey values (rows, columns) as uint8 up to 8 bits, else as uint16."""
    if bits == 1:
        return np.asarray(picture).astype(np.uint8)
    if bits > 8:
        return np.ascontiguousarray(np.asarray(picture), dtype=np.uint16)
    if picture.mode not in ("L", "LA"):
        picture = _without_tint(
            picture.convert("RGBA").convert("RGB") if picture.mode == "PA" else picture.convert("RGB")
        )
    return np.array(picture.getchannel(0))


def _without_tint(picture: Image) -> Image:
    from PIL import ImageChops

    red, green, blue = picture.split()
    for one, other in ((red, green), (green, blue), (red, blue)):
        difference = int(np.asarray(ImageChops.difference(one, other)).max())
        if difference > TINT:
            raise MammoError(f"coloured: its channels differ by up to {difference} of 255 levels")
    return picture.convert("L")


def read_pgm(path: Path, frame: int = 0) -> Raster:
    """Read a binary PGM; white is its header's maxval, whichever that is (others than 2^n - 1 are scaled to 16 bits).

    Read here because Pillow scales such values one by one in Python. Raises MammoError where the file is damaged,
    truncated or too large.
    """
    refuse_unfit(path)
    choose_frame(frame, 1)
    with in_one_sentence("PGM", path), path.open("rb") as stream:
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
        return Raster(pixels, bits, container=Container() if bits == 16 else None)
    scaled = np.round(np.arange(white + 1) * (65535 / white)).astype(np.uint16)
    return Raster(scaled[pixels], 16)


def read_npy(path: Path, frame: int = 0) -> Raster:
    """Read a two-dimensional NPY array of uint8, uint16, bool, or floats within 0..1 (scaled to 16 bits).

    Nothing is unpickled. Raises MammoError where the file is damaged or holds anything else.
    """
    refuse_unfit(path)
    choose_frame(frame, 1)
    with in_one_sentence("NPY", path):
        array = np.load(path, mmap_mode="r", allow_pickle=False, max_header_size=4096)
        if array.ndim != 2:
            raise MammoError(f"not one greyscale image: an array of the shape {array.shape}")
        refuse_large(*array.shape)
        kind = array.dtype.newbyteorder("=")
        if kind in (np.uint8, np.uint16):
            bits = 8 * kind.itemsize
            return Raster(np.array(array, dtype=kind, order="C"), bits, container=Container() if bits == 16 else None)
        if kind == np.bool_:
            return Raster(np.array(array, dtype=np.uint8, order="C"), 1)
        if kind.kind != "f":
            raise MammoError(f"an array of {kind}; save uint8, uint16, or floats within 0..1")
        return Raster(_from_unit(array), 16, container=Container())


def _from_unit(array: NDArray[np.floating]) -> NDArray[np.uint16]:
    low, high = float(array.min()), float(array.max())
    if np.isnan(low) or np.isnan(high):
        raise MammoError("an array that holds NaN")
    if low < 0 or high > 1:
        raise MammoError(f"floats from {low:.4g} to {high:.4g}; save uint8, uint16, or floats within 0..1")
    pixels = np.empty(array.shape, np.uint16)
    for start in range(0, len(array), 256):  # a band at a time: no second copy in floats
        pixels[start : start + 256] = np.round(array[start : start + 256].astype(np.float64) * 65535)
    return pixels
