"""Stored DICOM values to grey, against what the standard says of each step."""

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.pixels import apply_modality_lut, apply_voi_lut
from pydicom.sequence import Sequence

from mammo.data.dicom import read_dicom
from mammo.errors import MammoError

RAMP = np.arange(4096, dtype=np.uint16).reshape(64, 64)
SHIFT = 2048
SIGNED = (RAMP.astype(np.int16) - SHIFT).view(np.uint16)


def table(entries, first, depth):
    """A look-up table as DICOM holds it."""
    item = Dataset()
    item.LUTDescriptor = [len(entries) % 65536, first, depth]
    item["LUTDescriptor"].VR = "SS" if first < 0 else "US"
    item.add_new("LUTData", "OW", np.asarray(entries, "<u2").tobytes())
    return Sequence([item])


@pytest.fixture
def shown(tmp_path, write_dicom):
    """Writes 12 bits with some tags and returns what they are shown as, in 0..1, beside the raster."""

    def show(pixels=RAMP, **tags):
        raster = read_dicom(write_dicom(tmp_path / "a.dcm", pixels, **{"BitsStored": 12, **tags}))
        return raster.pixels / (2**raster.bits - 1), raster

    return show


def test_signed_values_keep_their_order_and_depth(shown):
    _, raster = shown(SIGNED, PixelRepresentation=1)
    assert raster.bits == 12 and np.array_equal(raster.pixels, RAMP)
    _, raster = shown(RAMP.view(np.int16), PixelRepresentation=1, BitsStored=16)
    assert raster.bits == 16 and np.array_equal(raster.pixels, RAMP + 32768)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("slope", [2.5, -2.5])
def test_a_linear_rescale_changes_no_picture_but_a_negative_one_inverts_it(shown, photometric, slope):
    tags = {"RescaleSlope": slope, "RescaleIntercept": -1000, "PhotometricInterpretation": photometric}
    _, raster = shown(**tags)
    inverted = (photometric == "MONOCHROME1") != (slope < 0)
    assert raster.bits == 12 and np.array_equal(raster.pixels, 4095 - RAMP if inverted else RAMP)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("function", [None, "LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize("pixels", [RAMP, SIGNED], ids=["unsigned", "signed"])
def test_the_first_window_is_applied_then_monochrome1(shown, photometric, function, pixels):
    signed = pixels is SIGNED
    center, width = (1500.0 - SHIFT * signed), 800.0
    tags = {"WindowCenter": [center, 9], "WindowWidth": [width, 9], "PhotometricInterpretation": photometric}
    if function:
        tags["VOILUTFunction"] = function
    unit, raster = shown(pixels, PixelRepresentation=int(signed), **tags)
    x = RAMP - SHIFT * float(signed)
    if function == "SIGMOID":  # PS3.3 C.11.2.1.3.1
        expected = 1 / (1 + np.exp(-4 * (x - center) / width))
    elif function == "LINEAR_EXACT":  # PS3.3 C.11.2.1.3.2
        expected = np.clip((x - center) / width + 0.5, 0, 1)
    else:  # PS3.3 C.11.2.1.2.1
        expected = np.clip((x - (center - 0.5)) / (width - 1) + 0.5, 0, 1)
    assert raster.bits == 16
    assert np.abs(unit - (1 - expected if photometric == "MONOCHROME1" else expected)).max() <= 0.5001 / 65535


@pytest.mark.parametrize("slope", [2.0, -2.0])
def test_a_window_is_in_rescaled_values(shown, slope):
    values = slope * RAMP + 100
    center, width = float(values.mean()), 2000.0
    unit, _ = shown(RescaleSlope=slope, RescaleIntercept=100, WindowCenter=center, WindowWidth=width)
    expected = np.clip((values - (center - 0.5)) / (width - 1) + 0.5, 0, 1)
    assert np.abs(unit - expected).max() <= 0.5001 / 65535


@pytest.mark.parametrize(("depth", "count", "first"), [(16, 4096, 0), (12, 1024, 500), (10, 256, 3000), (8, 4096, 0)])
def test_the_first_voi_table_is_applied_and_outranks_a_window(shown, depth, count, first):
    entries = np.round(np.linspace(0, 1, count) ** 2 * (2**depth - 1)).astype(int)
    sequence = table(entries, first, depth)
    unit, raster = shown(VOILUTSequence=sequence, WindowCenter=10, WindowWidth=10)
    expected = entries[np.clip(RAMP.astype(int) - first, 0, count - 1)] / (2**depth - 1)
    assert raster.bits == 16 and np.abs(unit - expected).max() <= 0.5001 / 65535


def test_a_voi_table_of_signed_values(shown):
    entries = np.arange(4096) * 16
    unit, _ = shown(SIGNED, PixelRepresentation=1, VOILUTSequence=table(entries, -SHIFT, 16))
    assert np.abs(unit - entries[RAMP] / 65535).max() <= 0.5001 / 65535


def test_entries_of_one_byte_are_read_packed_and_padded(shown):
    entries = (np.arange(4096) // 16).astype(np.uint8)
    sequence = table(entries, 0, 8)
    padded, _ = shown(VOILUTSequence=sequence)
    sequence[0].LUTData = entries.tobytes()
    packed, _ = shown(VOILUTSequence=sequence)
    assert np.array_equal(padded, packed) and np.abs(packed - entries[RAMP] / 255).max() <= 0.5001 / 65535


def test_a_modality_table_comes_before_the_window(shown):
    entries = (4095 - np.arange(4096)) * 8
    alone, _ = shown(ModalityLUTSequence=table(entries, 0, 16))
    assert np.abs(alone - entries[RAMP] / 65535).max() <= 0.5001 / 65535
    windowed, _ = shown(ModalityLUTSequence=table(entries, 0, 16), WindowCenter=9000, WindowWidth=6001)
    assert np.abs(windowed - np.clip((entries[RAMP] - 8999.5) / 6000 + 0.5, 0, 1)).max() <= 0.5001 / 65535


def test_tables_and_windows_agree_with_pydicom_where_it_is_sound(tmp_path, write_dicom):
    entries = np.round(np.sqrt(np.arange(4096)) * 1000).astype(int)
    for tags in (
        {"VOILUTSequence": table(entries, 0, 16)},
        {"ModalityLUTSequence": table(entries, 0, 16), "WindowCenter": 30000, "WindowWidth": 40000},
        {"WindowCenter": 2000, "WindowWidth": 900},
    ):
        path = write_dicom(tmp_path / "a.dcm", RAMP, BitsStored=12, **tags)
        data = pydicom.dcmread(path)
        theirs = apply_voi_lut(apply_modality_lut(data.pixel_array, data), data)
        white = 4095 if len(tags) == 2 and "ModalityLUTSequence" not in tags else 65535
        assert np.abs(read_dicom(path).to_float() - theirs / white).max() < 2e-5


def test_an_empty_window_is_none(shown):
    _, raster = shown(WindowCenter="", WindowWidth="", VOILUTFunction="")
    assert raster.bits == 12 and np.array_equal(raster.pixels, RAMP)


@pytest.fixture
def three_frames(tmp_path, write_dicom):
    """A file of three frames with windows of their own, as breast tomosynthesis has them."""
    frames = np.stack([RAMP, RAMP // 2, RAMP // 4])
    data = pydicom.dcmread(write_dicom(tmp_path / "a.dcm", RAMP, BitsStored=12))
    data.NumberOfFrames = 3
    data.PixelData = frames.tobytes()
    return data, frames


def test_one_frame_of_several_is_read(tmp_path, three_frames):
    data, frames = three_frames
    data.save_as(tmp_path / "a.dcm")
    for number in (1, 2, 3):
        assert np.array_equal(read_dicom(tmp_path / "a.dcm", number).pixels, frames[number - 1])
    with pytest.raises(MammoError, match="it holds 3 frames; name one in the manifest's column `frame`"):
        read_dicom(tmp_path / "a.dcm")
    with pytest.raises(MammoError, match="it holds 3 frames; there is no frame 4"):
        read_dicom(tmp_path / "a.dcm", 4)


def test_a_frame_has_the_window_of_its_own_group(tmp_path, three_frames):
    data, frames = three_frames

    def group(width):
        window, item = Dataset(), Dataset()
        window.WindowCenter, window.WindowWidth = 1000, width
        item.FrameVOILUTSequence = Sequence([window])
        return item

    data.SharedFunctionalGroupsSequence = Sequence([group(99)])
    data.PerFrameFunctionalGroupsSequence = Sequence([group(501), group(1001), Dataset()])
    data.save_as(tmp_path / "a.dcm")
    for number, width in ((1, 501), (2, 1001), (3, 99)):
        expected = np.clip((frames[number - 1] - 999.5) / (width - 1) + 0.5, 0, 1)
        assert np.abs(read_dicom(tmp_path / "a.dcm", number).to_float() - expected).max() < 2e-5
