"""From stored DICOM values to grey, compared with the standard for each step."""

import re
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut
from pydicom.sequence import Sequence

from mammo.data.files import rules as rules_of_reading
from mammo.data.files.dicom.dicom import read_dicom
from mammo.data.files.raster import Container
from mammo.data.files.rules import RULES
from mammo.data.files.silhouettes import is_mask
from mammo.errors import MammoError

RAMP = np.arange(4096, dtype=np.uint16).reshape(64, 64)
SHIFT = 2048
SIGNED = (RAMP.astype(np.int16) - SHIFT).view(np.uint16)


def table(entries, first, depth):
    """Return a look-up table as in DICOM."""
    item = Dataset()
    item.LUTDescriptor = [len(entries) % 65536, first, depth]
    item["LUTDescriptor"].VR = "SS" if first < 0 else "US"
    item.add_new("LUTData", "OW", np.asarray(entries, "<u2").tobytes())
    return Sequence([item])


@pytest.fixture
def shown(tmp_path, write_dicom):
    """Write 12 bits with some tags; return their grey in 0..1, and the raster."""

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
        expected = apply_voi_lut(apply_modality_lut(data.pixel_array, data), data)
        white = 4095 if len(tags) == 2 and "ModalityLUTSequence" not in tags else 65535
        assert np.abs(read_dicom(path).to_float() - expected / white).max() < 2e-5


def test_an_empty_window_is_none(shown):
    _, raster = shown(WindowCenter="", WindowWidth="", VOILUTFunction="")
    assert raster.bits == 12 and np.array_equal(raster.pixels, RAMP)


@pytest.fixture
def three_frames(tmp_path, write_dicom):
    """A file of three frames, each with its own window, as in breast tomosynthesis."""
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


# ---------------------------------------------------------------------------------------------------------------------
# Invalid tags are skipped, with a note


def rules(raster):
    return [note.rule for note in raster.notes]


def test_every_note_has_a_rule(shown):
    _, raster = shown(WindowCenter=5, WindowWidth=0, RescaleSlope=0, RescaleIntercept=0, HighBit=3)
    assert len(raster.notes) == 3 and set(rules(raster)) <= set(RULES)


def test_every_note_that_code_makes_has_a_rule_and_every_rule_a_note():
    code = "".join(path.read_text() for path in Path(rules_of_reading.__file__).parent.rglob("*.py"))
    assert set(re.findall(r'Note\(\s*"([a-z-]+)"', code)) | {"half-a-rescale", "rescale"} == set(RULES)


@pytest.mark.parametrize(
    ("tags", "rule"),
    [
        ({"WindowCenter": 5, "WindowWidth": 0}, "window"),
        ({"WindowCenter": 5, "WindowWidth": -40}, "window"),
        ({"WindowCenter": 5}, "half-a-window"),
        ({"WindowWidth": 500}, "half-a-window"),
        ({"WindowCenter": "2047,5", "WindowWidth": "4096,0"}, "window"),
        ({"WindowCenter": "auto", "WindowWidth": "auto"}, "window"),
        ({"WindowCenter": 2000, "WindowWidth": 0.5}, "window"),
        ({"RescaleSlope": 0, "RescaleIntercept": 7}, "rescale"),
        ({"RescaleSlope": -1}, "rescale"),
        ({"RescaleIntercept": 5}, "half-a-rescale"),
        ({"RescaleSlope": 3}, "half-a-rescale"),
        ({"VOILUTSequence": Sequence([Dataset()])}, "table"),
        ({"ModalityLUTSequence": Sequence([Dataset()])}, "table"),
        ({"WindowCenter": 2000, "WindowWidth": 1}, "window-unfit"),
        ({"WindowCenter": 9000, "WindowWidth": 100}, "window-unfit"),
        ({"WindowCenter": -9000, "WindowWidth": 100}, "window-unfit"),
        ({"WindowCenter": 32768, "WindowWidth": 65536}, "window-unfit"),
        ({"VOILUTSequence": table([0] * 2000 + [4095] * 2000, 0, 12)}, "window-unfit"),
        ({"VOILUTSequence": table([9], 0, 12)}, "window-unfit"),
        ({"HighBit": 3}, "high-bit"),
        ({"PresentationLUTSequence": table(range(4096), 0, 12)}, "presentation-table"),
    ],
    ids=str,
)
def test_a_tag_that_makes_no_sense_is_passed_over_and_said(words_in_tags, tags, rule):
    _, raster = words_in_tags(**tags)
    assert raster.bits == 12 and np.array_equal(raster.pixels, RAMP)
    assert rules(raster) == [rule]
    assert raster.notes[0].sentence.endswith(("passed over", "passed over."))


@pytest.fixture
def words_in_tags(tmp_path, shown):
    """Like `shown`, for tags that pydicom refuses to set."""

    def show(pixels=RAMP, **tags):
        words = {tag: value for tag, value in tags.items() if isinstance(value, str) and "Window" in tag}
        _, raster = shown(pixels, **{tag: value for tag, value in tags.items() if tag not in words})
        data = pydicom.dcmread(tmp_path / "a.dcm")
        for tag, value in words.items():
            data[tag] = DataElement(tag_for_keyword(tag), "LO", value)
        data.save_as(tmp_path / "a.dcm")
        raster = read_dicom(tmp_path / "a.dcm")
        return raster.to_float(), raster

    return show


def test_the_first_window_that_makes_sense_is_applied(shown):
    unit, raster = shown(WindowCenter=[5, 9000, 2000, 9], WindowWidth=[0, 50, 3000, 9])
    assert np.abs(unit - np.clip((RAMP - 1999.5) / 2999 + 0.5, 0, 1)).max() < 1e-5
    assert rules(raster) == ["window", "window-unfit"]


def test_a_window_stands_in_for_a_table_that_is_empty(shown):
    unit, raster = shown(VOILUTSequence=Sequence([Dataset()]), WindowCenter=2000, WindowWidth=3000)
    assert np.abs(unit - np.clip((RAMP - 1999.5) / 2999 + 0.5, 0, 1)).max() < 1e-5
    assert rules(raster) == ["table"]


@pytest.mark.parametrize(
    ("function", "applied", "noted"),
    [
        (["LINEAR", "LINEAR"], "LINEAR", True),
        (["SIGMOID", "LINEAR"], "SIGMOID", True),
        ("CUBIC", "LINEAR", True),
        ("SIGMOID", "SIGMOID", False),
    ],
)
def test_a_function_that_is_unknown_or_doubled_is_the_first_that_is_known_or_linear(shown, function, applied, noted):
    unit, raster = shown(WindowCenter=2000, WindowWidth=1000, VOILUTFunction=function)
    plain = np.clip((RAMP - 1999.5) / 999 + 0.5, 0, 1)
    expected = plain if applied == "LINEAR" else 1 / (1 + np.exp(-4 * (RAMP - 2000.0) / 1000))
    assert np.abs(unit - expected).max() < 1e-5
    assert rules(raster) == (["window-function"] if noted else [])


@pytest.mark.parametrize(
    ("depth", "entries", "white"),
    [
        (16, np.arange(4096), 4095),
        (8, np.arange(4096), 4095),
        (10, np.arange(4096), 4095),
        (14, np.arange(4096), 4095),
        (0, np.arange(4096), 4095),
        (20, np.arange(4096), 4095),
        (16, np.arange(4096) // 16, 255),
        (12, np.arange(4096) // 2, 4095),
        (8, np.arange(4096) // 64, 63),
        (16, np.arange(4096) * 8, 65535),
    ],
)
def test_a_tables_depth_is_that_of_its_entries_unless_its_descriptors_fits(shown, depth, entries, white):
    unit, raster = shown(VOILUTSequence=table(entries, 0, depth))
    assert np.abs(unit - entries[RAMP] / white).max() < 1e-5
    assert rules(raster) == ([] if white == 2**depth - 1 else ["table-depth"])


def test_the_entries_that_a_short_table_has_are_used(shown):
    sequence = table(range(4096), 0, 12)
    sequence[0].LUTData = np.arange(3000, dtype="<u2").tobytes()
    unit, _ = shown(VOILUTSequence=sequence)
    assert np.abs(unit - np.minimum(RAMP, 2999) / 4095).max() < 1e-5


@pytest.mark.parametrize(
    ("photometric", "shape", "inverted", "noted"),
    [
        ("MONOCHROME2", "INVERSE", True, True),
        ("MONOCHROME1", "INVERSE", True, False),
        ("MONOCHROME1", "IDENTITY", False, True),
        ("MONOCHROME2", "IDENTITY", False, False),
        ("MONOCHROME1", "LIN OD", True, False),
    ],
)
def test_the_presentation_shape_decides_what_is_bright(shown, photometric, shape, inverted, noted):
    tags = {"PhotometricInterpretation": photometric, "PresentationLUTShape": shape}
    _, raster = shown(**tags)
    assert np.array_equal(raster.pixels, 4095 - RAMP if inverted else RAMP)
    assert rules(raster) == (["presentation-shape"] if noted else [])
    unit, _ = shown(WindowCenter=2048, WindowWidth=4096, **tags)
    assert np.abs(unit - (1 - RAMP / 4095 if inverted else RAMP / 4095)).max() < 1e-3


@pytest.mark.parametrize("high", [12, 13, 15])
@pytest.mark.parametrize("signed", [False, True])
def test_values_that_end_at_a_higher_bit_are_shifted_down(shown, high, signed):
    stored = (RAMP.astype(np.int16) - SHIFT if signed else RAMP.astype(np.int16)) << (high - 11)
    _, raster = shown(stored.view(np.uint16), HighBit=high, PixelRepresentation=int(signed))
    assert raster.bits == 12 and np.array_equal(raster.pixels, RAMP) and rules(raster) == ["high-bit"]


def test_a_high_bit_under_values_that_need_all_their_low_bits_is_passed_over(shown):
    _, raster = shown(RAMP, HighBit=15)
    assert raster.bits == 12 and np.array_equal(raster.pixels, RAMP)
    assert raster.notes[0].sentence.endswith("its values fill the lowest bits, and it is passed over")


FILM = np.zeros((96, 64), np.uint16)
FILM[8:88, :48] = (2447 + 600 * np.sin(np.mgrid[0:80, 0:48][0] / 7)).astype(int)


@pytest.mark.parametrize("times", [2, 4, 16])
def test_values_beyond_the_stored_bits_contradict_the_header(shown, times):
    _, raster = shown(FILM * times)
    assert raster.bits == 16 and raster.container == Container() and np.array_equal(raster.pixels, FILM * times)
    assert rules(raster) == ["more-bits"]


@pytest.mark.parametrize("bit", [12, 13, 15])
@pytest.mark.parametrize("declared", [False, True])
def test_an_overlay_beside_the_stored_bits_is_masked_away(tmp_path, write_dicom, bit, declared):
    film_with_overlay = FILM.copy()
    film_with_overlay[20:60, 5:25] |= np.uint16(1 << bit)
    data = pydicom.dcmread(write_dicom(tmp_path / "a.dcm", film_with_overlay, BitsStored=12))
    if declared:
        data.add_new(0x60000100, "US", 16)
        data.add_new(0x60000102, "US", bit)
        data.save_as(tmp_path / "a.dcm")
    raster = read_dicom(tmp_path / "a.dcm")
    assert raster.bits == 12 and np.array_equal(raster.pixels, FILM) and rules(raster) == ["other-bits"]


def test_integers_of_32_bits_are_read_where_they_fit(tmp_path, write_dicom):
    for signed in (False, True):
        values = FILM.astype(np.int32) - (2048 if signed else 0)
        path = write_dicom(tmp_path / "a.dcm", values, PixelRepresentation=int(signed))
        raster = read_dicom(path)
        assert raster.container == Container(signed) and rules(raster) == ["wide-integers"]
        assert np.array_equal(raster.pixels, FILM + (32768 - 2048 if signed else 0))
    path = write_dicom(tmp_path / "a.dcm", FILM.astype(np.uint32) * 4096)
    with pytest.raises(MammoError, match=r"values from 0 to 12476416, beyond the 16 bits read"):
        read_dicom(path)


def test_an_old_window_of_12_bits_over_a_picture_of_8_is_passed_over(shown):
    eight = (FILM >> 4).astype(np.uint8)
    _, raster = shown(eight, BitsStored=8, WindowCenter=2048, WindowWidth=4096)
    assert raster.bits == 8 and np.array_equal(raster.pixels, eight)
    assert raster.notes[0].sentence == (
        "its window 2048.0 / 4096.0 is meant for more than the 8 bits that are stored and is passed over"
    )


def test_a_window_that_makes_a_silhouette_of_a_film_is_passed_over_and_of_a_mask_is_not(shown):
    noise = np.random.default_rng(0).integers(0, 2000, (96, 64), dtype=np.uint16)
    film = np.where(FILM > 0, 14000 + noise, 0).astype(np.uint16)
    _, raster = shown(film, BitsStored=16, WindowCenter=3174, WindowWidth=2426)
    assert np.array_equal(raster.pixels, film) and not is_mask(raster.pixels)
    assert raster.notes[0].sentence.startswith("its window 3174.0 / 2426.0 leaves hardly more than two of")
    mask = np.where(FILM > 0, 4095, 0).astype(np.uint16)
    unit, raster = shown(mask, WindowCenter=2000, WindowWidth=200)
    assert is_mask(raster.pixels) and set(np.unique(unit)) == {0, 1} and not raster.notes


def test_a_palette_of_greys_is_applied(tmp_path, write_dicom):
    eight = (FILM >> 4).astype(np.uint8)
    tags = {"PhotometricInterpretation": "PALETTE COLOR", "BitsStored": 8}
    data = pydicom.dcmread(write_dicom(tmp_path / "a.dcm", eight, **tags))
    for colour in ("Red", "Green", "Blue"):
        data.add_new(tag_for_keyword(f"{colour}PaletteColorLookupTableDescriptor"), "US", [256, 0, 8])
        data.add_new(tag_for_keyword(f"{colour}PaletteColorLookupTableData"), "OW", bytes(range(255, -1, -1)))
    data.save_as(tmp_path / "a.dcm")
    raster = read_dicom(tmp_path / "a.dcm")
    assert raster.bits == 8 and np.array_equal(raster.pixels, 255 - eight) and rules(raster) == ["palette"]
    data["BluePaletteColorLookupTableData"].value = bytes(range(256))
    data.save_as(tmp_path / "a.dcm")
    with pytest.raises(MammoError, match="coloured"):
        read_dicom(tmp_path / "a.dcm")
