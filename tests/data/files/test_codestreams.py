"""Compressed frames: the code stream overrides the header, and is repaired where it is odd."""

import io
from pathlib import Path

import numpy as np
import pydicom
import pytest
from openjpeg.utils import encode_array
from PIL import Image
from pydicom.data import data_manager
from pydicom.encaps import encapsulate, get_frame
from pydicom.uid import (
    JPEG2000,
    HTJ2KLossless,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLSLossless,
)

from mammo.data.files.pictures.codestream import read_code_stream
from mammo.data.files.raster import Container, Depth
from mammo.data.files.reading import read_image
from mammo.errors import MammoError

BUNDLED = Path(data_manager.__file__).parent / "test_files"
ROWS, COLUMNS = np.mgrid[0:96, 0:64]
FILM = np.where(COLUMNS < 48, (2447 + 600 * np.sin(ROWS / 7) * np.cos(COLUMNS / 5)).astype(int), 0).astype(np.uint16)
"""A film of 12 bits."""


def j2k(pixels, bits=12):
    return bytes(encode_array(np.ascontiguousarray(pixels), bits_stored=bits))


@pytest.fixture
def wrap(tmp_path, write_dicom):
    """Write a code stream as a DICOM file whose header describes `pixels`."""

    def write(stream, syntax=JPEG2000Lossless, pixels=FILM, **tags):
        path = write_dicom(tmp_path / "a.dcm", pixels, **tags)
        data = pydicom.dcmread(path)
        data.file_meta.TransferSyntaxUID = syntax
        data.PixelData = encapsulate([stream + b"\0" * (len(stream) % 2)])
        data["PixelData"].is_undefined_length = True
        data["PixelData"].VR = "OB"
        data.save_as(path, implicit_vr=False, little_endian=True)
        return path

    return write


def rules(raster):
    return [note.rule for note in raster.notes]


def test_the_precision_of_a_code_stream_outranks_the_headers(wrap):
    raster = read_image(wrap(j2k(FILM), BitsStored=16), depth=Depth(8))
    assert raster.bits == 12 and raster.container is None and np.array_equal(raster.pixels, FILM)
    assert rules(raster) == ["stream-depth"]


def test_a_header_of_12_bits_is_believed_within_a_code_stream_of_16(wrap):
    raster = read_image(wrap(j2k(FILM, bits=16), BitsStored=12))
    assert raster.bits == 12 and raster.container is None and np.array_equal(raster.pixels, FILM) and not raster.notes


def test_a_code_stream_of_16_bits_under_such_a_header_is_not_trusted(wrap):
    raster = read_image(wrap(j2k(FILM, bits=16), BitsStored=16))
    assert raster.container == Container()


def test_other_code_streams_name_their_precision_too(wrap):
    stream = get_frame(pydicom.dcmread(BUNDLED / "JPGExtended.dcm").PixelData, 0, number_of_frames=1)
    header = read_code_stream(stream)
    assert (header.rows, header.columns, header.bits, header.channels) == (1024, 256, 12, 1)
    path = wrap(stream, JPEGExtended12Bit, np.zeros((1024, 256), np.uint16), BitsStored=16)
    assert read_image(path).bits == 12


def test_a_signed_code_stream_under_an_unsigned_header_is_believed(wrap):
    signed = FILM.astype(np.int16) - 2048
    raster = read_image(wrap(j2k(signed), BitsStored=12))
    assert np.array_equal(raster.pixels, FILM) and rules(raster) == ["stream-sign"]
    raster = read_image(wrap(j2k(signed, bits=16), BitsStored=16), depth=Depth(12, 32768 - 2048))
    assert np.array_equal(raster.pixels, FILM)


def test_an_unsigned_code_stream_under_a_signed_header_is_believed(wrap):
    raster = read_image(wrap(j2k(FILM), BitsStored=12, PixelRepresentation=1))
    assert raster.bits == 12 and np.array_equal(raster.pixels, FILM) and rules(raster) == ["stream-sign"]


def test_a_signed_code_stream_under_a_signed_header_is_plain(wrap):
    raster = read_image(wrap(j2k(FILM.astype(np.int16) - 2048), BitsStored=12, PixelRepresentation=1))
    assert np.array_equal(raster.pixels, FILM) and not raster.notes


@pytest.mark.parametrize("signed", [False, True])
def test_a_few_values_beyond_the_stored_bits_are_cut_off(wrap, signed):
    over = np.minimum(FILM.astype(int) + 1500, 4095)
    over[10, 10:14] = 4100
    expected = np.minimum(over, 4095)
    stream = j2k((over - 2048).astype(np.int16), 13) if signed else j2k(over.astype(np.uint16), 13)
    raster = read_image(wrap(stream, JPEG2000, BitsStored=12, PixelRepresentation=int(signed)))
    assert raster.bits == 12 and np.array_equal(raster.pixels, expected)
    assert raster.notes[0].sentence == "4 of its values lie beyond the 12 bits that are stored; they are cut off"


def test_many_values_beyond_the_stored_bits_are_the_streams(wrap):
    raster = read_image(wrap(j2k(FILM * 2, 13), BitsStored=12))
    assert raster.bits == 13 and np.array_equal(raster.pixels, FILM * 2) and rules(raster) == ["more-bits"]


@pytest.mark.parametrize("declared", [False, True])
def test_an_overlay_beside_the_stored_bits_is_masked_away(wrap, declared):
    film_with_overlay = FILM.copy()
    film_with_overlay[20:40, 5:25] |= 1 << 12
    tags = {"BitsStored": 12}
    path = wrap(j2k(film_with_overlay, 16), **tags)
    if declared:
        data = pydicom.dcmread(path)
        data.add_new(0x60000100, "US", 16)
        data.add_new(0x60000102, "US", 12)
        data.save_as(path)
    raster = read_image(path)
    assert raster.bits == 12 and np.array_equal(raster.pixels, FILM) and rules(raster) == ["other-bits"]


def test_left_justified_values_in_a_code_stream_are_shifted(wrap):
    raster = read_image(wrap(j2k(FILM << 4, 16), BitsStored=12, HighBit=15))
    assert raster.bits == 12 and np.array_equal(raster.pixels, FILM) and rules(raster) == ["high-bit"]


def test_a_high_bit_beyond_the_code_stream_shifts_nothing(wrap):
    raster = read_image(wrap(j2k(FILM), BitsStored=12, HighBit=15))
    assert raster.bits == 12 and np.array_equal(raster.pixels, FILM)


def test_an_old_window_over_a_code_stream_of_8_bits_is_passed_over(wrap):
    eight = (FILM >> 4).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(eight).save(stream, "JPEG", quality=100)
    tags = {"BitsStored": 12, "WindowCenter": 2048, "WindowWidth": 4096}
    raster = read_image(wrap(stream.getvalue(), JPEGBaseline8Bit, **tags))
    assert raster.bits == 8 and np.abs(raster.pixels.astype(int) - eight).max() <= 3
    assert rules(raster) == ["stream-depth", "window-unfit"]


def test_a_scan_that_says_it_ends_at_once_is_decoded_to_its_end(wrap):
    data = pydicom.dcmread(BUNDLED / "JPGExtended.dcm")
    stream = bytearray(get_frame(data.PixelData, 0, number_of_frames=1))
    offset = stream.index(b"\xff\xda") + 2 + 2 + 1 + 2 + 1
    assert stream[offset] == 63
    stream[offset] = 0
    pixels = np.zeros((1024, 256), np.uint16)
    raster = read_image(wrap(bytes(stream), JPEGExtended12Bit, pixels, BitsStored=12))
    assert np.array_equal(raster.pixels, read_image(BUNDLED / "JPGExtended.dcm").pixels)
    assert rules(raster) == ["scan-header"]


def test_a_jpeg_in_three_channels_under_a_header_of_one_is_grey(wrap):
    eight = (FILM >> 4).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(eight).convert("RGB").save(stream, "JPEG", quality=100)
    tags = {"BitsStored": 8, "PhotometricInterpretation": "MONOCHROME1"}
    raster = read_image(wrap(stream.getvalue(), JPEGBaseline8Bit, eight, **tags))
    assert raster.bits == 8 and np.abs(raster.pixels.astype(int) - (255 - eight)).max() <= 3
    assert rules(raster) == ["equal-channels"]


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL_422"])
def test_a_jpeg_of_grey_in_three_channels_is_grey(wrap, photometric):
    eight = (FILM >> 4).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(eight).convert("RGB").save(stream, "JPEG", quality=100)
    channels = np.repeat(eight[..., None], 3, axis=2)
    tags = {"BitsStored": 8, "PhotometricInterpretation": photometric, "PlanarConfiguration": 0}
    raster = read_image(wrap(stream.getvalue(), JPEGBaseline8Bit, channels, **tags))
    assert np.abs(raster.pixels.astype(int) - eight).max() <= 3


def test_equal_channels_in_jpeg_2000_are_grey(wrap):
    channels = np.repeat(FILM[..., None], 3, axis=2)
    stream = bytes(encode_array(channels, bits_stored=12, photometric_interpretation=1))
    tags = {"BitsStored": 12, "PhotometricInterpretation": "YBR_RCT", "PlanarConfiguration": 0}
    raster = read_image(wrap(stream, JPEG2000Lossless, channels, **tags))
    assert raster.bits == 12 and np.array_equal(raster.pixels, FILM)


HT = bytes.fromhex(
    "ff4fff5100294000000000100000001000000000000000000000001000000010000000000000000000010f0101ff50000800020000000aff"
    "52000c00020001000504044001ff5c00132088909090909090909090909090888888ff90000a0000000000810001ff93c000266df7050774"
    "0000c0001340001300dafe0207740046fe03077400c00013400013806c6c018274002007f900a35400c000153000055832994cf6aa710275"
    "00820b162cf8c04201ecb600c0002ba00016908ee3388ee338e7ca7a7a708278008e1d1d1d1d1d1d1dfd8c607bf63181ecba00ffd9"
)
"""High-throughput JPEG 2000, lossless, of 200 per row and 40 per column."""


def test_high_throughput_jpeg_2000_is_read(wrap):
    ramp = np.add.outer(np.arange(16) * 200, np.arange(16) * 40).astype(np.uint16)
    raster = read_image(wrap(HT, HTJ2KLossless, ramp, BitsStored=12))
    assert raster.bits == 12 and np.array_equal(raster.pixels, ramp)


def test_a_code_stream_is_read_whatever_the_transfer_syntax_calls_it(wrap):
    for syntax in (JPEGLSLossless, JPEGBaseline8Bit, JPEG2000):
        assert np.array_equal(read_image(wrap(j2k(FILM), syntax, BitsStored=12)).pixels, FILM)


def test_a_jpeg_of_12_bits_outside_dicom_is_read(tmp_path):
    data = pydicom.dcmread(BUNDLED / "JPGExtended.dcm")
    (tmp_path / "a.jpg").write_bytes(get_frame(data.PixelData, 0, number_of_frames=1))
    raster = read_image(tmp_path / "a.jpg")
    assert raster.bits == 12 and np.array_equal(raster.pixels, read_image(BUNDLED / "JPGExtended.dcm").pixels)


def test_a_damaged_code_stream_is_said_to_be(wrap):
    with pytest.raises(MammoError, match="damaged DICOM: .*J2K"):
        read_image(wrap(j2k(FILM)[:200], BitsStored=12))
    with pytest.raises(MammoError, match="its compressed pixels have no header"):
        read_image(wrap(b"\xff\xd8\xff\xd9", BitsStored=12))
