"""A frame of a DICOM file is read alone, wherever its bytes are and however large the file is."""

import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate, encapsulate_extended, fragment_frame
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
)

from mammo.data.files.dicom import stream
from mammo.data.files.dicom.dicom import read_dicom
from mammo.data.files.header.header import read_header
from mammo.data.files.raster import MAX_BYTES
from mammo.data.index.manifest import index_manifest
from mammo.errors import MammoError
from mammo.progress import finish

COUNT, ROWS, COLUMNS = 5, 24, 16


@pytest.fixture
def stack() -> np.ndarray:
    return np.random.default_rng(3).integers(0, 4096, (COUNT, ROWS, COLUMNS), dtype=np.uint16)


@pytest.fixture
def write(tmp_path, write_dicom):
    """Write frames (frames, rows, columns) in a transfer syntax; `wrap` encapsulates compressed ones."""

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
    """Compress one frame with pydicom (RLE) or Pillow (JPEG 2000)."""
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

    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "JPEG2000", irreversible=False, no_jp2=True)
    return content.getvalue()


def basic(data, parts) -> None:
    data.PixelData = encapsulate(parts, has_bot=True)


def bare(data, parts) -> None:
    data.PixelData = encapsulate(parts, has_bot=False)


def extended(data, parts) -> None:
    data.PixelData, data.ExtendedOffsetTable, data.ExtendedOffsetTableLengths = encapsulate_extended(parts)


def fragmented(has_table: bool):
    """Encapsulate frames in three fragments each, with or without a basic offset table."""

    def wrap(data, parts) -> None:
        items, starts, offset = b"", [], 0
        for part in parts:
            starts.append(offset)
            for fragment in fragment_frame(part, 3):
                items += struct.pack("<HHL", 0xFFFE, 0xE000, len(fragment)) + fragment
                offset += 8 + len(fragment)
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
def test_every_frame_is_the_one_that_was_written(write, stack, layout):
    path = write(stack, *LAYOUTS[layout])
    for number in range(1, COUNT + 1):
        assert np.array_equal(read_dicom(path, number).pixels, stack[number - 1])
    with pytest.raises(MammoError, match="there is no frame 6"):
        read_dicom(path, 6)
    with pytest.raises(MammoError, match="name one"):
        read_dicom(path)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_file_cut_short_is_never_taken_for_a_whole_one(write, stack, layout):
    path = write(stack, *LAYOUTS[layout])
    content = path.read_bytes()
    for length in np.linspace(len(content) - COUNT * 100, len(content) - 2, 7, dtype=int):
        path.write_bytes(content[:length])
        with pytest.raises(MammoError):
            read_dicom(path, 1)


def test_the_window_is_that_of_the_frames_own_functional_groups(write, stack):
    path = write(stack, ExplicitVRLittleEndian)
    data = pydicom.dcmread(path)
    data.PerFrameFunctionalGroupsSequence = [pydicom.Dataset() for _ in range(COUNT)]
    for number, item in enumerate(data.PerFrameFunctionalGroupsSequence):
        window = pydicom.Dataset()
        window.WindowCenter, window.WindowWidth = 1000 * (number + 1), 1000
        item.FrameVOILUTSequence = [window]
    data.save_as(path)
    for number in (1, 4):
        shown = read_dicom(path, number).to_float()
        expected = np.clip((stack[number - 1] - (1000.0 * number - 0.5)) / 999 + 0.5, 0, 1)
        assert np.abs(shown - expected).max() < 1e-4


@pytest.fixture
def large(write, stack) -> Callable[..., Path]:
    """Write a sparse file of frames of 2 MB, one of which is not empty."""

    def written(count: int, number: int, frame: np.ndarray) -> Path:
        path = write(stack[:2], ExplicitVRLittleEndian)
        data = pydicom.dcmread(path)
        data.Rows, data.Columns = frame.shape
        data.NumberOfFrames, data.PixelData = count, b"\0\0"
        data.save_as(path)
        head = path.read_bytes()[:-6]
        with path.open("wb") as file:
            file.write(head + struct.pack("<L", frame.nbytes * count))
            file.seek(frame.nbytes * (number - 1), 1)
            file.write(frame.tobytes())
            file.truncate(len(head) + 4 + frame.nbytes * count)
        return path

    return written


def test_a_frame_of_a_file_larger_than_the_limit_is_read_without_the_rest(large):
    frame = (np.arange(2**20, dtype="<u2") % 4096).reshape(1024, 1024)
    path = large(300, 200, frame)
    assert path.stat().st_size > 2 * MAX_BYTES
    tracemalloc.start()
    assert np.array_equal(read_dicom(path, 200).pixels, frame)
    assert tracemalloc.get_traced_memory()[1] < 20 * frame.nbytes
    tracemalloc.stop()
    assert not read_dicom(path, 300).pixels.any()
    assert read_header(path, 200).rows == 1024


def test_a_slab_of_a_file_larger_than_the_limit_is_indexed(home, large, tmp_path):
    frame = (np.arange(2**20, dtype="<u2") % 40000).reshape(1024, 1024)
    path = large(300, 200, frame)
    table = tmp_path / "set.csv"
    table.write_text(f"path,label,frame\n{path.name},M,200\n{path.name},B,199-202\n{path.name},B,3\n")
    dataset = finish(index_manifest(home, "mine", table, workers=1))
    assert list(dataset.images["image"]) == [f"{path.name}#199-202", f"{path.name}#200"]
    assert list(dataset.quarantine["path"]) == [f"{path.name}#3"]  # blank
    assert dataset.images["patient"].nunique() == dataset.images["film"].nunique() == 1
    single, slab = (dataset.source(f"{path.name}#{frames}").read().to_float() for frames in ("200", "199-202"))
    assert np.abs(slab - single / 4).max() < 2 / 65535
    assert np.abs(single - frame / 65535).max() < 1e-6


def test_another_frame_and_another_slab_of_a_large_file_are_other_cuts(home, large, tmp_path):
    """A file beyond the limit has no digest of all its bytes: the frames that were read name the crop."""
    path = large(200, 100, (np.arange(2**20, dtype="<u2") % 40000).reshape(1024, 1024))
    names = set()
    for cell in ("100", "99-100", "100-102"):
        table = tmp_path / "set.csv"
        table.write_text(f"path,label,frame\n{path.name},M,{cell}\n")
        names.add(finish(index_manifest(home, "mine", table, workers=1)).images["file"][0])
    assert len(names) == 3


def test_a_frame_that_alone_is_larger_than_the_limit_is_refused(write, stack, monkeypatch):
    path = write(stack, ExplicitVRLittleEndian)
    monkeypatch.setattr(stream, "MAX_BYTES", 1200)
    with pytest.raises(MammoError, match="have to be read"):
        read_dicom(path, 2)


@pytest.mark.parametrize("lie", [0, 7, 0xFFFFFFF0])
def test_items_that_lie_about_their_length_are_damage(write, stack, lie):
    path = write(stack, RLELossless, bare)
    content = bytearray(path.read_bytes())
    offset = content.index(b"\xfe\xff\x00\xe0", content.index(b"\xfe\xff\x00\xe0") + 4)
    content[offset + 4 : offset + 8] = struct.pack("<L", lie)
    path.write_bytes(content)
    with pytest.raises(MammoError):
        read_dicom(path, 2)


@pytest.mark.parametrize("layout", ["basic offset table", "extended offset table"])
def test_tables_that_lead_nowhere_are_damage(write, stack, layout):
    path = write(stack, *LAYOUTS[layout])
    data = pydicom.dcmread(path)
    if layout.startswith("basic"):
        head = struct.pack("<HHL", 0xFFFE, 0xE000, 4 * COUNT)
        data.PixelData = head + struct.pack(f"<{COUNT}L", *[2**31] * COUNT) + data.PixelData[8 + 4 * COUNT :]
    else:
        data.ExtendedOffsetTable = struct.pack(f"<{COUNT}Q", *[2**40] * COUNT)
    data["PixelData"].is_undefined_length = True
    data.save_as(path)
    with pytest.raises(MammoError, match="nothing tells where frame 2 of 5 begins"):
        read_dicom(path, 2)
