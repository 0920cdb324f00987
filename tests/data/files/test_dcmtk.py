"""Every kind of DICOM file that is read, compared with dcmtk; and why we differ where we do so on purpose."""

import shutil
import subprocess

import numpy as np
import pydicom
import pytest
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, JPEG2000Lossless, RLELossless

from mammo.data.files.raster import Depth
from mammo.data.files.reading import read_image

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.skipif(shutil.which("dcm2pnm") is None, reason="dcmtk is not installed (Debian package dcmtk)"),
]

FILM = np.zeros((96, 64), np.uint16)
FILM[8:88, :48] = (2447 + 600 * np.sin(np.mgrid[0:80, 0:48][0] / 7) * np.cos(np.mgrid[0:80, 0:48][1] / 5)).astype(int)
FILM[40:44, 20:24] = 3563
RAMP = np.arange(4096)
WHITE = 65535


def table(entries, depth, first=0):
    item = Dataset()
    item.LUTDescriptor = [len(entries) % 65536, first, depth]
    item["LUTDescriptor"].VR = "SS" if first < 0 else "US"
    item.add_new("LUTData", "OW", np.asarray(entries, "<u2").tobytes())
    return Sequence([item])


def window(centre, width, function=None):
    return {"WindowCenter": centre, "WindowWidth": width, **({"VOILUTFunction": function} if function else {})}


SIGNED = {"PixelRepresentation": 1}
CURVE = np.round(np.sqrt(RAMP / 4095) * 4095).astype(int)
OVERLAY = FILM.copy()
OVERLAY[10:30, 10:30] |= 1 << 13

AS_DCMTK = {
    "plain": (FILM, {}),
    "one bit less": (FILM // 2, {"BitsStored": 11}),
    "eight bits": ((FILM >> 4).astype(np.uint8), {"BitsStored": 8}),
    "sixteen bits": (FILM * 16, {"BitsStored": 16}),
    "signed": ((FILM.astype(np.int16) - 2048).view(np.uint16), SIGNED),
    "signed, not extended": ((FILM.astype(np.int16) - 2048).view(np.uint16) & 0x0FFF, SIGNED),
    "monochrome1": (FILM, {"PhotometricInterpretation": "MONOCHROME1"}),
    "monochrome1 inverse": (FILM, {"PhotometricInterpretation": "MONOCHROME1", "PresentationLUTShape": "INVERSE"}),
    "monochrome1 identity": (FILM, {"PhotometricInterpretation": "MONOCHROME1", "PresentationLUTShape": "IDENTITY"}),
    "monochrome2 inverse": (FILM, {"PresentationLUTShape": "INVERSE"}),
    "monochrome2 inverse in a window": (FILM, {"PresentationLUTShape": "INVERSE", **window(2000, 3000)}),
    "an unknown shape": (FILM, {"PresentationLUTShape": "LIN OD"}),
    "a presentation table": (FILM, {"PresentationLUTSequence": table(RAMP[::-1], 12)}),
    "left-justified": (FILM << 4, {"HighBit": 15}),
    "in the middle": (FILM << 2, {"HighBit": 13}),
    "left-justified, signed": (((FILM.astype(np.int16) - 2048) << 4).view(np.uint16), {"HighBit": 15, **SIGNED}),
    "window": (FILM, window(2000, 3000)),
    "window of decimals": (FILM, window(1999.5, 3000.5)),
    "sigmoid": (FILM, window(2000, 1500, "SIGMOID")),
    "sigmoid twice": (FILM, window(2000, 1500, ["SIGMOID", "SIGMOID"])),
    "two functions": (FILM, window(2000, 1500, ["SIGMOID", "LINEAR"])),
    "an unknown function": (FILM, window(2000, 3000, "CUBIC")),
    "window of no width": (FILM, window(2000, 0)),
    "window of negative width": (FILM, window(2000, -4096)),
    "window with a comma": (FILM, window("2047,5", "4096,0")),
    "window of words": (FILM, window("auto", "auto")),
    "window on rescaled values": (FILM, {"RescaleSlope": 2, "RescaleIntercept": -500, **window(3500, 6000)}),
    "a negative slope": (FILM, {"RescaleSlope": -1, "RescaleIntercept": 4095}),
    "slope 0": (FILM, {"RescaleSlope": 0, "RescaleIntercept": 0}),
    "slope 0 in a window": (FILM, {"RescaleSlope": 0, "RescaleIntercept": 77, **window(2000, 3000)}),
    "a slope alone in a window": (FILM, {"RescaleSlope": 2, **window(2000, 3000)}),
    "a VOI table": (FILM, {"VOILUTSequence": table(CURVE, 12)}),
    "a VOI table of ten bits": (FILM, {"VOILUTSequence": table(CURVE >> 2, 10)}),
    "a VOI table of sixteen bits": (FILM, {"VOILUTSequence": table(CURVE * 16, 16)}),
    "a VOI table that begins late": (FILM, {"VOILUTSequence": table(RAMP[:2000] * 2, 12, 1500)}),
    "a VOI table of twenty bits": (FILM, {"VOILUTSequence": table(CURVE, 20)}),
    "a VOI table cut short": (FILM, {"VOILUTSequence": table(CURVE, 12)}),
    "an empty VOI table": (FILM, {"VOILUTSequence": Sequence([Dataset()])}),
    "a modality table": (FILM, {"ModalityLUTSequence": table(CURVE, 12)}),
    "a modality table in a window": (FILM, {"ModalityLUTSequence": table(CURVE, 12), **window(2000, 3000)}),
    "an overlay beside": (OVERLAY, {}),
}
"""Pixels of 12 bits and tags for which dcmtk gives the same."""

OUR_OWN = {
    "a table whose descriptor says 16": (FILM, {"VOILUTSequence": table(RAMP, 16)}, FILM / 4095),
    "a table whose descriptor says 8": (FILM, {"VOILUTSequence": table(RAMP, 8)}, FILM / 4095),
    "a second window after one of no width": (
        FILM,
        window([5, 2000], [0, 3000]),
        np.clip((FILM - 1999.5) / 2999 + 0.5, 0, 1),
    ),
    "linear exact, which dcmtk 3.6 does not know": (
        FILM,
        window(2000, 500, "LINEAR_EXACT"),
        np.clip((FILM - 2000.0) / 500 + 0.5, 0, 1),
    ),
    "an old window of 12 bits over 8": (
        (FILM >> 4).astype(np.uint8),
        {"BitsStored": 8, **window(2048, 4096)},
        (FILM >> 4) / 255,
    ),
    "a window that misses the picture": (FILM, window(600, 800), FILM / 4095),
    "values of 14 bits under a header of 12": (FILM * 4, {}, FILM * 4 / 65535),
    "values of 13 bits under a header of 12": (FILM * 2, {}, FILM * 2 / 65535),
    "a high bit under values that need it not": (FILM | 1, {"HighBit": 15}, (FILM | 1) / 4095),
}
"""Pixels, tags and the right greys where one of our rules differs from dcmtk."""


def grey_of_dcmtk(path, *options):
    """Return the grey of a file by dcm2pnm, in 0..1."""
    out = path.with_suffix(".pgm")
    depth = "8" if pydicom.dcmread(path, stop_before_pixels=True).BitsStored == 8 else "16"  # 8 bits by 256 of 65535
    program = {"1.2.840.10008.1.2.4.8": "dcml2pnm", "1.2.840.10008.1.2.4.5": "dcmj2pnm"}
    syntax = pydicom.dcmread(path, stop_before_pixels=True).file_meta.TransferSyntaxUID
    name = next((value for key, value in program.items() if syntax.startswith(key)), "dcm2pnm")
    name = "dcmj2pnm" if syntax == "1.2.840.10008.1.2.4.70" else name
    subprocess.run([name, *options, "+opn", depth, path, out], check=True, capture_output=True)
    lines = [line for line in out.read_text().splitlines() if not line.startswith("#")]
    columns, rows = map(int, lines[1].split())
    return np.array(" ".join(lines[3:]).split(), float).reshape(rows, columns) / int(lines[2])


def options_for(path):
    data = pydicom.dcmread(path)
    if "VOILUTSequence" in data:
        return ["+Wl", "1"]
    return ["+Wi", "1"] if "WindowCenter" in data else []


def largest_gap(path, *options):
    expected = grey_of_dcmtk(path, *(options or options_for(path)))
    return np.abs(read_image(path).to_float() - expected).max()


@pytest.fixture
def write(tmp_path, write_dicom, monkeypatch):
    monkeypatch.setattr(pydicom.config.settings, "writing_validation_mode", pydicom.config.IGNORE)
    monkeypatch.setattr(pydicom.config.settings, "reading_validation_mode", pydicom.config.IGNORE)

    def write(pixels, **tags):
        words = {tag: tags.pop(tag) for tag in ("WindowCenter", "WindowWidth") if isinstance(tags.get(tag), str)}
        path = write_dicom(tmp_path / "a.dcm", pixels, **{"BitsStored": 12, **tags})
        data = pydicom.dcmread(path)
        for tag, value in words.items():  # pydicom sets no number that is none
            data[tag] = DataElement(tag_for_keyword(tag), "LO", value)
        data.save_as(path)
        return path

    return write


@pytest.mark.parametrize("case", AS_DCMTK)
def test_greys_are_those_of_dcmtk(write, case):
    pixels, tags = AS_DCMTK[case]
    path = write(pixels, **tags)
    if case == "a VOI table cut short":
        data = pydicom.dcmread(path)
        data.VOILUTSequence[0].LUTData = CURVE[:3000].astype("<u2").tobytes()
        data.save_as(path)
    assert largest_gap(path) < 1e-3


@pytest.mark.parametrize("case", OUR_OWN)
def test_a_rule_of_our_own_leaves_dcmtk_for_the_right_greys(write, case):
    pixels, tags, right = OUR_OWN[case]
    path = write(pixels, **tags)
    assert np.abs(read_image(path).to_float() - right).max() < 1e-3
    assert largest_gap(path) > 1e-3
    assert read_image(path).notes or "LINEAR_EXACT" in tags.values()


@pytest.mark.parametrize(
    ("program", "options"),
    [
        ("dcmcjpls", []),
        ("dcmcjpls", ["+en"]),
        ("dcmcjpeg", []),
        ("dcmcjpeg", ["+el"]),
        ("dcmcjpeg", ["+ee"]),
        ("dcmcrle", []),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else value,
)
@pytest.mark.parametrize("tags", [{}, window(2000, 3000), {"PhotometricInterpretation": "MONOCHROME1"}], ids=str)
def test_compressed_frames_are_those_of_dcmtk(tmp_path, write, program, options, tags):
    path, packed = write(FILM, **tags), tmp_path / "packed.dcm"
    subprocess.run([program, *options, path, packed], check=True, capture_output=True)
    assert pydicom.dcmread(packed, stop_before_pixels=True).file_meta.TransferSyntaxUID.is_compressed
    assert largest_gap(packed) < 1e-3


@pytest.mark.parametrize(
    ("program", "options"), [("dcmcjpls", ["+pc"]), ("dcmcjpeg", ["+el", "+pl"]), ("dcmcjpeg", ["+ee"])]
)
def test_a_header_of_16_bits_over_a_code_stream_of_12_makes_no_film_dark(tmp_path, write, program, options):
    path, packed = write(FILM), tmp_path / "packed.dcm"
    subprocess.run([program, *options, path, packed], check=True, capture_output=True)
    right = grey_of_dcmtk(packed)
    data = pydicom.dcmread(packed)
    data.BitsStored, data.HighBit = 16, 15
    data.save_as(packed)
    raster = read_image(packed, depth=Depth(8))
    assert raster.container is None and np.abs(raster.to_float() - right).max() < 1e-3


@pytest.mark.parametrize("stored", [12, 16])
def test_jpeg_2000_is_what_dcmtk_makes_of_it_unpacked(tmp_path, write, stored):
    from openjpeg.utils import encode_array

    path = write(FILM, **window(2000, 3000))
    data = pydicom.dcmread(path)
    data.file_meta.TransferSyntaxUID, data.BitsStored, data.HighBit = JPEG2000Lossless, stored, stored - 1
    data.PixelData = encapsulate([bytes(encode_array(FILM, bits_stored=12))])
    data["PixelData"].VR = "OB"
    data["PixelData"].is_undefined_length = True
    data.save_as(path, implicit_vr=False, little_endian=True)
    ours = read_image(path).to_float()
    data.decompress()
    data.save_as(path, enforce_file_format=True)
    assert np.abs(ours - grey_of_dcmtk(path, "+Wi", "1")).max() < 1e-3


def test_a_depth_decided_elsewhere_is_a_narrower_header_to_dcmtk(tmp_path, write):
    """A film of 12 bits under a header of 16, read at the depth of its data set, is that film with the true header."""
    path = write(FILM, BitsStored=16, PhotometricInterpretation="MONOCHROME1")
    ours = read_image(path, depth=Depth(12)).to_float()
    path = write(FILM, BitsStored=12, PhotometricInterpretation="MONOCHROME1")
    assert np.abs(ours - grey_of_dcmtk(path)).max() < 1e-3


def test_grey_in_three_channels_is_grey_to_dcmtk(tmp_path, write):
    eight = (FILM >> 4).astype(np.uint8)
    path = write(
        np.repeat(eight[..., None], 3, axis=2), BitsStored=8, PhotometricInterpretation="RGB", PlanarConfiguration=0
    )
    subprocess.run(["dcm2pnm", path, tmp_path / "a.ppm"], check=True, capture_output=True)
    from PIL import Image

    expected = np.asarray(Image.open(tmp_path / "a.ppm"))[..., 0]
    assert np.array_equal(read_image(path).pixels, expected)


def test_run_lengths_are_what_pydicom_packed(write):
    path = write(FILM)
    data = pydicom.dcmread(path)
    data.compress(RLELossless)
    data.save_as(path)
    assert data.file_meta.TransferSyntaxUID != ExplicitVRLittleEndian
    assert np.array_equal(read_image(path).pixels, FILM)
