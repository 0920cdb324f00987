"""DICOM files without preamble or transfer syntax, and single frames of large files."""

import io
import struct
import time
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEG2000Lossless

from mammo.data.files.raster import MAX_BYTES
from mammo.data.files.reading import read_image
from mammo.errors import MammoError

RAMP = np.arange(4096, dtype=np.uint16).reshape(64, 64)
NO_PREAMBLE, NO_SYNTAX = "no-preamble", "no-transfer-syntax"


SYNTAXES = {"implicit": ImplicitVRLittleEndian, "explicit": ExplicitVRLittleEndian, "big endian": ExplicitVRBigEndian}


@pytest.fixture(params=SYNTAXES.values(), ids=list(SYNTAXES))
def parts(request, tmp_path, write_dicom):
    """Return the meta header and the data set of a file, as bytes."""
    data = pydicom.dcmread(write_dicom(tmp_path / "whole.dcm", RAMP, BitsStored=12))
    data.file_meta.TransferSyntaxUID = request.param
    stream = io.BytesIO()
    implicit, little = request.param == ImplicitVRLittleEndian, request.param != ExplicitVRBigEndian
    data.PixelData = RAMP.astype("<u2" if little else ">u2").tobytes()
    data.preamble = bytes(128)
    pydicom.dcmwrite(stream, data, implicit_vr=implicit, little_endian=little, force_encoding=True)
    content = stream.getvalue()
    end = 144 + struct.unpack_from("<I", content, 140)[0]
    return content[132:end], content[end:]


def without_syntax(meta):
    """Return the meta header without its transfer syntax, with the right length."""
    offset = meta.index(b"\x02\x00\x10\x00UI")
    (length,) = struct.unpack_from("<H", meta, offset + 6)
    remainder = meta[:offset] + meta[offset + 8 + length :]
    return remainder[:8] + struct.pack("<I", len(remainder) - 12) + remainder[12:]


LAYOUTS = {
    "a data set alone": (lambda meta, body: body, [NO_PREAMBLE, NO_SYNTAX]),
    "no preamble": (lambda meta, body: meta + body, [NO_PREAMBLE]),
    "DICM at the start": (lambda meta, body: b"DICM" + meta + body, [NO_PREAMBLE]),
    "a preamble without DICM": (lambda meta, body: bytes(128) + meta + body, [NO_PREAMBLE]),
    "a preamble and no meta header": (lambda meta, body: bytes(128) + b"DICM" + body, [NO_SYNTAX]),
    "no transfer syntax": (lambda meta, body: bytes(128) + b"DICM" + without_syntax(meta) + body, [NO_SYNTAX]),
    "no preamble, no transfer syntax": (lambda meta, body: without_syntax(meta) + body, [NO_PREAMBLE, NO_SYNTAX]),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_data_set_is_read_without_what_stands_before_it(tmp_path, parts, layout):
    arrange, rules = LAYOUTS[layout]
    path = tmp_path / "a.dcm"
    path.write_bytes(arrange(*parts))
    raster = read_image(path)
    assert raster.bits == 12 and np.array_equal(raster.pixels, RAMP)
    assert [note.rule for note in raster.notes] == rules


@pytest.mark.parametrize("start", [b"\x08\x00\x05\x00CS\x0a\x00", b"\x02\x00\x00\x00UL\x04\x00", b"\x08\x00", b"DICM"])
def test_what_only_begins_like_dicom_is_refused(tmp_path, start):
    path = tmp_path / "a"
    path.write_bytes(start + np.random.default_rng(0).bytes(100_000))
    with pytest.raises(MammoError) as caught:
        read_image(path)
    assert "\n" not in str(caught.value)


def test_a_file_whose_rest_was_never_copied_is_refused_at_once(tmp_path, write_dicom):
    path = write_dicom(tmp_path / "a.dcm", RAMP)
    path.write_bytes(path.read_bytes()[:600] + bytes(20_000_000))
    start = time.process_time()
    with pytest.raises(MammoError, match="its elements stand in no order"):
        read_image(path)
    assert time.process_time() - start < 2


@pytest.mark.parametrize("allocated", [8, 16])
def test_big_endian_files_are_read(tmp_path, write_dicom, allocated):
    pixels = RAMP if allocated == 16 else (RAMP >> 4).astype(np.uint8)
    data = pydicom.dcmread(write_dicom(tmp_path / "a.dcm", pixels, BitsStored=allocated - 4 * (allocated == 16)))
    data.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    data["PixelData"].VR = "OW"
    data.PixelData = pixels.astype(">u2").tobytes() if allocated == 16 else pixels.view("<u2").astype(">u2").tobytes()
    pydicom.dcmwrite(tmp_path / "b.dcm", data, implicit_vr=False, little_endian=False, force_encoding=True)
    assert np.array_equal(read_image(tmp_path / "b.dcm").pixels, pixels)


def test_one_bit_a_pixel_is_read_in_any_frame(tmp_path, write_dicom):
    frames = np.random.default_rng(0).integers(0, 2, (3, 15, 21), dtype=np.uint8)
    data = pydicom.dcmread(write_dicom(tmp_path / "a.dcm", frames[0]))
    data.BitsAllocated = data.BitsStored = 1
    data.HighBit, data.NumberOfFrames = 0, 3
    packed = np.packbits(frames.ravel(), bitorder="little").tobytes()
    data.PixelData = packed + b"\0" * (len(packed) % 2)
    data.save_as(tmp_path / "a.dcm")
    for number in (1, 2, 3):
        assert np.array_equal(read_image(tmp_path / "a.dcm", number).pixels, frames[number - 1])


class Counted:
    """Count the bytes that are read from a file."""

    def __enter__(self):
        self.before = self.now()
        return self

    def __exit__(self, *_):
        self.bytes = self.now() - self.before

    @staticmethod
    def now():
        return int(Path("/proc/self/io").read_text().split("rchar:")[1].split()[0])


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="bytes read are counted by Linux")
def test_a_slice_of_a_file_too_large_to_read_is_read_alone(tmp_path, write_dicom):
    rows, columns, frames = 1024, 1024, 130
    path = write_dicom(tmp_path / "a.dcm", np.zeros((rows, columns), np.uint16), BitsStored=12, NumberOfFrames=frames)
    frame = np.arange(rows * columns, dtype=np.uint16).reshape(rows, columns) % 4096
    size = frame.nbytes
    with path.open("r+b") as stream:
        content = stream.read()
        offset = content.rindex(b"\xe0\x7f\x10\x00")
        stream.seek(offset + 4)
        stream.write(struct.pack("<I", frames * size))
        stream.seek(offset + 8 + 77 * size)
        stream.write(frame.tobytes())
        stream.truncate(offset + 8 + frames * size)
    assert path.stat().st_size > MAX_BYTES
    with Counted() as count:
        raster = read_image(path, 78)
    assert np.array_equal(raster.pixels, frame) and count.bytes < 2 * size
    with pytest.raises(MammoError, match="it holds 130 frames; name one"):
        read_image(path)


@pytest.mark.parametrize("with_table", [True, False])
def test_a_compressed_frame_is_read_alone(tmp_path, write_dicom, with_table):
    from openjpeg.utils import encode_array

    noise = np.random.default_rng(0).integers(0, 4096, (20, 128, 128), dtype=np.uint16)
    data = pydicom.dcmread(write_dicom(tmp_path / "a.dcm", noise[0], BitsStored=12, NumberOfFrames=20))
    data.file_meta.TransferSyntaxUID = JPEG2000Lossless
    data.PixelData = encapsulate([bytes(encode_array(frame, bits_stored=12)) for frame in noise], has_bot=with_table)
    data["PixelData"].is_undefined_length = True
    data["PixelData"].VR = "OB"
    data.save_as(tmp_path / "a.dcm", implicit_vr=False, little_endian=True)
    with Counted() as count:
        raster = read_image(tmp_path / "a.dcm", 15)
    assert np.array_equal(raster.pixels, noise[14])
    assert count.bytes < (tmp_path / "a.dcm").stat().st_size / 2


@pytest.mark.parametrize("length", range(300, 900, 38))
def test_a_file_that_ends_in_its_header_has_no_pixels(tmp_path, write_dicom, length):
    path = write_dicom(tmp_path / "a.dcm", RAMP)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(MammoError, match="without pixels|truncated before its pixels"):
        read_image(path)
