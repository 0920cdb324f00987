import numpy as np
import pydicom
import pytest

from mammo.data.files.dicom.dicom import read_dicom
from mammo.data.files.silhouettes import is_mask
from mammo.errors import MammoError

RAMP = np.arange(64 * 96, dtype=np.uint16).reshape(64, 96) * 10


def test_sixteen_bits_are_kept(tmp_path, write_dicom):
    raster = read_dicom(write_dicom(tmp_path / "a.dcm", RAMP))
    assert raster.bits == 16
    assert np.array_equal(raster.pixels, RAMP)
    picture = raster.to_float()
    assert picture.dtype == np.float32
    assert len(np.unique(picture)) == RAMP.size
    assert np.array_equal(np.round(picture.astype(np.float64) * 65535), RAMP)


def test_monochrome1_is_inverted(tmp_path, write_dicom):
    raster = read_dicom(write_dicom(tmp_path / "a.dcm", RAMP, PhotometricInterpretation="MONOCHROME1"))
    assert np.array_equal(raster.pixels, 65535 - RAMP)
    eight = read_dicom(write_dicom(tmp_path / "b.dcm", RAMP.astype(np.uint8), PhotometricInterpretation="MONOCHROME1"))
    assert np.array_equal(eight.pixels, 255 - RAMP.astype(np.uint8))


@pytest.mark.parametrize("photometric", ["MONOCHROME2", "MONOCHROME1"])
def test_twelve_bits_reach_from_black_to_white(tmp_path, write_dicom, photometric):
    pixels = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    path = write_dicom(tmp_path / "a.dcm", pixels, BitsStored=12, PhotometricInterpretation=photometric)
    picture = read_dicom(path).to_float()
    assert (picture.min(), picture.max()) == (0.0, 1.0)
    expected = pixels if photometric == "MONOCHROME2" else 4095 - pixels
    assert np.array_equal(np.round(picture * np.float32(4095)), expected)


def test_what_stands_in_unused_bits_does_not_count(tmp_path, write_dicom):
    pixels = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    path = write_dicom(tmp_path / "a.dcm", pixels | 0x8000, BitsStored=12, PhotometricInterpretation="MONOCHROME1")
    assert np.array_equal(read_dicom(path).pixels, 4095 - pixels)


def test_the_maker_tells_a_phantom_from_a_mammogram(tmp_path, write_dicom):
    assert read_dicom(write_dicom(tmp_path / "a.dcm", RAMP)).synthetic
    assert not read_dicom(write_dicom(tmp_path / "b.dcm", RAMP, Manufacturer="LUMISYS")).synthetic


def no_pixels(path):
    data = pydicom.dcmread(path)
    del data.PixelData
    data.save_as(path)


def truncated(path):
    path.write_bytes(path.read_bytes()[:-1000])


def torn_header(path):
    path.write_bytes(path.read_bytes()[:300])


def text(path):
    path.write_text("not an image at all\n" * 20)


def empty(path):
    path.write_bytes(b"")


def rubbish(path):
    path.write_bytes(b"\0" * 128 + b"DICM" + bytes(range(256)) * 8)


def coloured(path):
    data = pydicom.dcmread(path)
    data.SamplesPerPixel, data.PhotometricInterpretation, data.PlanarConfiguration = 3, "RGB", 0
    data.Columns //= 3
    data.PixelData = (RAMP * 617).tobytes()
    data.save_as(path)


DAMAGES = {
    no_pixels: "a DICOM file without pixels",
    truncated: r"truncated: it holds \d+ of 12288 bytes of pixels",
    torn_header: "DICOM",
    text: "not a DICOM file",
    empty: "not a DICOM file",
    rubbish: "truncated before its pixels",
    coloured: "coloured: its channels differ",
}


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_file_that_cannot_be_used_says_why_in_one_line(tmp_path, write_dicom, damage):
    path = write_dicom(tmp_path / "a.dcm", RAMP)
    damage(path)
    with pytest.raises(MammoError, match=DAMAGES[damage]) as caught:
        read_dicom(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("seed", range(40))
def test_no_mutated_file_ends_in_anything_but_pixels_or_a_sentence(tmp_path, write_dicom, seed):
    path = write_dicom(tmp_path / "a.dcm", RAMP)
    content = bytearray(path.read_bytes())
    rng = np.random.default_rng(seed)
    for offset in rng.integers(128, len(content) - RAMP.nbytes, 20):
        content[offset] = rng.integers(256)
    path.write_bytes(content)
    try:
        raster = read_dicom(path)
    except MammoError as error:
        assert str(error)
    else:
        assert raster.pixels.ndim == 2
        assert np.isfinite(raster.to_float()).all()


def test_a_missing_file_says_so(tmp_path):
    with pytest.raises(MammoError, match="No such file"):
        read_dicom(tmp_path / "none.dcm")


def test_a_mask_has_nearly_two_values_only():
    disc = np.hypot(*np.mgrid[-40:40, -40:40]) < 20
    assert is_mask(disc.astype(np.uint8) * 255)
    blurred = disc.astype(np.uint8) * 255
    blurred[0, :60] = 100
    assert is_mask(blurred)
    assert not is_mask(RAMP)
    assert not is_mask(np.zeros((8, 8), np.uint16))
