"""A frame of a DICOM file is read alone, wherever its bytes stand, as large as the file may be."""

import struct
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate, encapsulate_extended, fragment_frame
from pydicom.pixels import pixel_array
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
)

from mammo.data import dicom_stream, frames
from mammo.data.dicom_stream import DicomStream
from mammo.data.frames import read_frame
from mammo.errors import MammoError

COUNT, ROWS, COLUMNS = 5, 24, 16


@pytest.fixture
def stack() -> np.ndarray:
    return np.random.default_rng(3).integers(0, 4096, (COUNT, ROWS, COLUMNS), dtype=np.uint16)


@pytest.fixture
def write(tmp_path, write_dicom):
    """Writes frames (frames, rows, columns) in a transfer syntax, encapsulated by `wrap` where it compresses."""

    def written(stack: np.ndarray, syntax, wrap=None, name="stack.dcm", **tags) -> Path:
        data = pydicom.dcmread(write_dicom(tmp_path / name, stack[0], **tags))
        data.NumberOfFrames, data.file_meta.TransferSyntaxUID = len(stack), syntax
        if wrap is None:
            data.PixelData = stack.astype(">u2" if syntax == ExplicitVRBigEndian else "<u2").tobytes()
        else:
            wrap(data, [compressed(frame, syntax) for frame in stack])
        implicit = syntax == ImplicitVRLittleEndian
        little = syntax != ExplicitVRBigEndian
        pydicom.dcmwrite(tmp_path / name, data, implicit_vr=implicit, little_endian=little, enforce_file_format=True)
        return tmp_path / name

    return written


def compressed(pixels: np.ndarray, syntax) -> bytes:
    """One frame as pydicom compresses it (RLE), or Pillow (JPEG 2000)."""
    if syntax == RLELossless:
        from pydicom.pixels.encoders.base import EncodeRunner
        from pydicom.pixels.encoders.native import _encode_frame

        runner = EncodeRunner(RLELossless)
        runner.set_options(
            rows=pixels.shape[0],
            columns=pixels.shape[1],
            samples_per_pixel=1,
            bits_allocated=16,
            bits_stored=16,
            pixel_representation=0,
            photometric_interpretation="MONOCHROME2",
            number_of_frames=1,
        )
        return bytes(_encode_frame(pixels.astype("<u2").tobytes(), runner))
    import io

    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG2000", irreversible=False, no_jp2=True)
    return stream.getvalue()


def basic(data, parts) -> None:
    data.PixelData = encapsulate(parts, has_bot=True)


def bare(data, parts) -> None:
    data.PixelData = encapsulate(parts, has_bot=False)


def extended(data, parts) -> None:
    data.PixelData, data.ExtendedOffsetTable, data.ExtendedOffsetTableLengths = encapsulate_extended(parts)


def fragmented(has_table: bool):
    """Frames in three fragments each, with a basic offset table or with none."""

    def wrap(data, parts) -> None:
        items, starts, place = b"", [], 0
        for part in parts:
            starts.append(place)
            for fragment in fragment_frame(part, 3):
                items += struct.pack("<HHL", 0xFFFE, 0xE000, len(fragment)) + fragment
                place += 8 + len(fragment)
        table = struct.pack(f"<{len(starts)}L", *starts) if has_table else b""
        data.PixelData = struct.pack("<HHL", 0xFFFE, 0xE000, len(table)) + table + items

    return wrap


LAYOUTS = {
    "explicit": (ExplicitVRLittleEndian, None),
    "implicit": (ImplicitVRLittleEndian, None),
    "big endian": (ExplicitVRBigEndian, None),
    "basic offset table": (RLELossless, basic),
    "extended offset table": (RLELossless, extended),
    "no table": (RLELossless, bare),
    "fragments with a table": (JPEG2000Lossless, fragmented(True)),
    "fragments without a table": (JPEG2000Lossless, fragmented(False)),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_frame_is_the_one_that_the_whole_file_gives(write, stack, layout):
    path = write(stack, *LAYOUTS[layout])
    for number in range(1, COUNT + 1):
        with DicomStream(path) as stream:
            dataset, short = read_frame(stream, number)
        assert (int(dataset.NumberOfFrames), short) == (1, False)
        assert np.array_equal(pixel_array(dataset), stack[number - 1])
    with pytest.raises(MammoError, match="there is no frame 6"), DicomStream(path) as stream:
        read_frame(stream, 6)
    with pytest.raises(MammoError, match="name one"), DicomStream(path) as stream:
        read_frame(stream, 0)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_file_cut_short_is_never_taken_for_a_whole_one(write, stack, layout):
    path = write(stack, *LAYOUTS[layout])
    whole = path.read_bytes()
    pixels = len(whole) - COUNT * 100
    for length in np.linspace(pixels, len(whole) - 2, 7, dtype=int):
        path.write_bytes(whole[:length])
        with pytest.raises(MammoError), DicomStream(path) as stream:
            read_frame(stream, 1)


def test_the_functional_groups_are_those_of_the_frame(write, stack):
    path = write(stack, ExplicitVRLittleEndian)
    data = pydicom.dcmread(path)
    data.PerFrameFunctionalGroupsSequence = [pydicom.Dataset() for _ in range(COUNT)]
    for number, item in enumerate(data.PerFrameFunctionalGroupsSequence):
        item.FrameContentSequence = [pydicom.Dataset()]
        item.FrameContentSequence[0].FrameComments = str(number + 1)
    data.save_as(path)
    with DicomStream(path) as stream:
        dataset, _ = read_frame(stream, 4)
    (group,) = dataset.PerFrameFunctionalGroupsSequence
    assert group.FrameContentSequence[0].FrameComments == "4"


def test_a_frame_of_a_file_larger_than_the_limit_is_read_without_the_rest(write, stack, tmp_path):
    """300 frames of 2 MB stand in a sparse file of 629 MB; only what is read is counted."""
    size, count = 2**20, 300
    path = write(stack[:2], ExplicitVRLittleEndian)
    data = pydicom.dcmread(path)
    data.Rows = data.Columns = 1024
    data.NumberOfFrames = count
    data.PixelData = b"\0\0"
    data.save_as(path)
    head = path.read_bytes()[:-6]
    frame = np.arange(size, dtype="<u2") % 4096
    with path.open("wb") as stream:
        stream.write(head + struct.pack("<L", 2 * size * count))
        stream.seek(2 * size * 199, 1)
        stream.write(frame.tobytes())
        stream.truncate(len(head) + 4 + 2 * size * count)
    assert path.stat().st_size > 2 * dicom_stream.MAX_BYTES
    with DicomStream(path) as stream:
        dataset, _ = read_frame(stream, 200)
        assert stream.taken < 2 * size + 100_000
    assert np.array_equal(pixel_array(dataset).ravel(), frame)
    with DicomStream(path) as stream:
        dataset, _ = read_frame(stream, 300)
    assert not pixel_array(dataset).any()


def test_a_file_of_one_frame_keeps_the_limit_of_a_file(write, stack, monkeypatch):
    path = write(stack[:1], ExplicitVRLittleEndian)
    monkeypatch.setattr(frames, "MAX_BYTES", 1000)
    with pytest.raises(MammoError, match="larger than"), DicomStream(path) as stream:
        read_frame(stream, 0)


def test_a_frame_that_alone_is_larger_than_the_limit_is_refused(write, stack, monkeypatch):
    path = write(stack, ExplicitVRLittleEndian)
    monkeypatch.setattr(dicom_stream, "MAX_BYTES", 1200)
    with pytest.raises(MammoError, match="have to be read"), DicomStream(path) as stream:
        read_frame(stream, 2)


@pytest.mark.parametrize("lie", [0, 7, 0xFFFFFFF0])
def test_items_that_lie_about_their_length_are_damage(write, stack, lie):
    path = write(stack, RLELossless, bare)
    content = bytearray(path.read_bytes())
    place = content.index(b"\xfe\xff\x00\xe0", content.index(b"\xfe\xff\x00\xe0") + 4)
    content[place + 4 : place + 8] = struct.pack("<L", lie)
    path.write_bytes(content)
    with pytest.raises(MammoError), DicomStream(path) as stream:
        read_frame(stream, 2)
