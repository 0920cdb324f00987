"""Films in containers that do not name the depth, grey in several channels, coloured marks: in every format."""

import io
import struct
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image

from mammo.data.files.raster import Container, Depth
from mammo.data.files.reading import read_image
from mammo.data.files.rules import RULES
from mammo.data.files.silhouettes import is_mask
from mammo.errors import MammoError

ROWS, COLUMNS = np.mgrid[0:96, 0:64]
FILM = np.where(COLUMNS < 48, (2447 + 600 * np.sin(ROWS / 7) * np.cos(COLUMNS / 5)).astype(int), 0).astype(np.uint16)
FILM[40:44, 20:24] = 4000
"""A film of 12 bits."""
UNIT = FILM / 4095
EIGHT = (FILM >> 4).astype(np.uint8)


def dicom(path, write_dicom, **tags):
    return write_dicom(path, tags.pop("pixels", FILM), **{"BitsStored": 16, **tags})


def npy(array):
    def write(path):
        np.save(path.with_suffix(".npy"), array)
        return path.with_suffix(".npy")

    return write


def tiff(array, **options):
    def write(path):
        tifffile.imwrite(path, array, **{"photometric": "minisblack", "metadata": None, **options})
        return path

    return write


def png(array, **options):
    def write(path):
        Image.fromarray(array).save(path, format="PNG", **options)
        return path

    return write


def png_of_channels(channels, kind):
    """A PNG of 16-bit channels, which Pillow does not write; its rows use every filter."""

    def write(path):
        rows, columns, count = channels.shape
        data = channels.astype(">u2").tobytes()
        size, step = columns * count * 2, count * 2
        lines, before = [], bytes(size)
        for row in range(rows):
            line = data[row * size : (row + 1) * size]
            left = bytes(step) + line[:-step]
            if row % 3 == 1:
                lines.append(b"\1" + bytes((a - b) % 256 for a, b in zip(line, left, strict=True)))
            elif row % 3 == 2:
                lines.append(b"\2" + bytes((a - b) % 256 for a, b in zip(line, before, strict=True)))
            else:
                lines.append(b"\0" + line)
            before = line
        header = struct.pack(">IIBBBBB", columns, rows, 16, kind, 0, 0, 0)
        chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"".join(lines))), (b"IEND", b""))
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*each) for each in chunks))
        return path

    return write


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def with_chunk(name, data):
    """A 16-bit PNG with one more chunk before its pixels."""

    def change(array):
        def write(path):
            stream = io.BytesIO()
            Image.fromarray(array).save(stream, "PNG")
            content = stream.getvalue()
            path.write_bytes(content[:33] + chunk(name, data) + content[33:])
            return path

        return write

    return change


def thrice(array):
    return np.repeat(array[..., None], 3, axis=2)


def alpha(array):
    return np.full_like(array, np.iinfo(array.dtype).max)


UNTRUSTED = {
    "png": png(FILM),
    "png, three channels": png_of_channels(thrice(FILM), 2),
    "png, three channels and alpha": png_of_channels(np.dstack([thrice(FILM), alpha(FILM)]), 6),
    "png, grey and alpha": png_of_channels(np.dstack([FILM, alpha(FILM)]), 4),
    "tiff": tiff(FILM),
    "tiff, big-endian": tiff(FILM, byteorder=">"),
    "tiff, deflated": tiff(FILM, compression="zlib"),
    "tiff, three channels": tiff(thrice(FILM), photometric="rgb"),
    "tiff, three channels big-endian": tiff(thrice(FILM), photometric="rgb", byteorder=">"),
    "tiff, three channels deflated": tiff(thrice(FILM), photometric="rgb", compression="zlib", predictor=True),
    "tiff, three channels apart": tiff(np.moveaxis(thrice(FILM), 2, 0), photometric="rgb", planarconfig="separate"),
    "tiff, grey and alpha": tiff(np.dstack([FILM, alpha(FILM)]), extrasamples=["unassalpha"], planarconfig="contig"),
    "tiff, uint32": tiff(FILM.astype(np.uint32)),
    "tiff, int32": tiff(FILM.astype(np.int32)),
    "tiff, float32": tiff((FILM / 65535).astype(np.float32)),
    "tiff, float64": tiff(FILM / 65535),
    "tiff, float32 deflated": tiff((FILM / 65535).astype(np.float32), compression="zlib"),
    "npy": npy(FILM),
    "npy, int32": npy(FILM.astype(np.int32)),
    "npy, int64": npy(FILM.astype(np.int64)),
    "npy, uint32": npy(FILM.astype(np.uint32)),
    "npy, float32": npy((FILM / 65535).astype(np.float32)),
    "npy, float64": npy(FILM / 65535),
    "npy, an axis of one behind": npy(FILM[..., None]),
    "npy, an axis of one before": npy(FILM[None]),
    "npy, three channels": npy(thrice(FILM)),
    "npy, three channels before": npy(np.moveaxis(thrice(FILM), 2, 0)),
}


@pytest.mark.parametrize("case", UNTRUSTED)
def test_a_film_of_12_bits_in_16_is_read_and_not_trusted(tmp_path, case):
    path = UNTRUSTED[case](tmp_path / "film")
    raster = read_image(path)
    assert raster.bits == 16 and raster.container == Container()
    assert np.array_equal(raster.pixels, FILM)
    decided = read_image(path, depth=Depth(12))
    assert decided.bits == 12 and decided.container is None and decided.clipped == 0
    assert np.abs(decided.to_float() - UNIT).max() < 1e-6


def test_values_beyond_a_decided_depth_are_cut_off_and_counted(tmp_path):
    labelled = FILM.copy()
    labelled[0:3, 50:60] = 65535
    raster = read_image(png(labelled)(tmp_path / "film"), depth=Depth(12))
    assert raster.clipped == 30
    assert np.array_equal(raster.pixels, np.minimum(labelled, 4095))


@pytest.mark.parametrize("case", ["npy", "tiff", "dicom"])
def test_signed_values_stand_in_the_upper_half_until_a_depth_says_where_black_is(tmp_path, write_dicom, case):
    signed = FILM.astype(np.int16) - 2048
    writers = {"npy": npy(signed), "tiff": tiff(signed)}
    path = tmp_path / "film"
    path = writers[case](path) if case in writers else dicom(path, write_dicom, pixels=signed, PixelRepresentation=1)
    raster = read_image(path)
    assert raster.container == Container(signed=True)
    assert np.array_equal(raster.pixels, FILM + 32768 - 2048)
    decided = read_image(path, depth=Depth(12, 32768 - 2048))
    assert np.array_equal(decided.pixels, FILM)


def test_monochrome1_is_inverted_within_the_decided_depth(tmp_path, write_dicom):
    path = dicom(tmp_path / "a.dcm", write_dicom, PhotometricInterpretation="MONOCHROME1")
    raster = read_image(path)
    assert raster.container == Container(inverted=True) and np.array_equal(raster.pixels, 65535 - FILM)
    decided = read_image(path, depth=Depth(12))
    assert np.array_equal(decided.pixels, 4095 - FILM)
    signed = dicom(
        tmp_path / "b.dcm",
        write_dicom,
        pixels=FILM.view(np.int16),
        PixelRepresentation=1,
        PhotometricInterpretation="MONOCHROME1",
    )
    assert np.array_equal(read_image(signed, depth=Depth(12, 32768)).pixels, 4095 - FILM)


def test_white_is_zero_is_inverted_within_the_decided_depth(tmp_path):
    path = tiff(FILM, photometric="miniswhite")(tmp_path / "film")
    assert read_image(path).container == Container(inverted=True)
    assert np.array_equal(read_image(path, depth=Depth(12)).pixels, 4095 - FILM)


@pytest.mark.parametrize("slope", [1, 4, -1])
def test_a_linear_rescale_of_an_untrusted_container_tells_nothing_but_its_sign(tmp_path, write_dicom, slope):
    path = dicom(tmp_path / "a.dcm", write_dicom, RescaleSlope=slope, RescaleIntercept=4095 if slope < 0 else 0)
    assert read_image(path).container == Container(inverted=slope < 0)
    expected = FILM if slope > 0 else 4095 - FILM
    assert np.array_equal(read_image(path, depth=Depth(12)).pixels, expected)


@pytest.mark.parametrize(("signed", "centre"), [(False, 32768), (True, 0)])
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_a_window_over_the_whole_container_says_nothing_of_the_films_depth(
    tmp_path, write_dicom, signed, centre, photometric
):
    tags = {"WindowCenter": centre, "WindowWidth": 65536, "PhotometricInterpretation": photometric}
    pixels = FILM.view(np.int16) if signed else FILM
    path = dicom(tmp_path / "a.dcm", write_dicom, pixels=pixels, PixelRepresentation=int(signed), **tags)
    inverted = photometric == "MONOCHROME1"
    assert read_image(path).container == Container(signed, inverted)
    decided = read_image(path, depth=Depth(12, 32768 if signed else 0))
    assert np.array_equal(decided.pixels, 4095 - FILM if inverted else FILM)


def test_a_window_within_the_container_is_trusted(tmp_path, write_dicom):
    path = dicom(tmp_path / "a.dcm", write_dicom, WindowCenter=2048, WindowWidth=4096)
    raster = read_image(path, depth=Depth(8))
    assert raster.container is None and raster.bits == 16
    assert np.abs(raster.to_float() - UNIT).max() < 1e-3


TRUSTED = {
    "pgm of 12 bits": (lambda path: pgm(path, FILM, 4095), 12, UNIT),
    "png of 8 bits": (png(EIGHT), 8, EIGHT / 255),
    "png, sBIT 12, scaled": (with_chunk(b"sBIT", b"\x0c")(FILM << 4 | FILM >> 8), 12, UNIT),
    "png, sBIT 12, shifted": (with_chunk(b"sBIT", b"\x0c")(FILM << 4), 12, UNIT),
    "png, sBIT 12, as it is": (with_chunk(b"sBIT", b"\x0c")(FILM), 12, UNIT),
    "tiff of 12 packed bits": (lambda path: packed(path, FILM, 12), 12, UNIT),
    "tiff of 10 packed bits": (lambda path: packed(path, FILM >> 2, 10), 10, (FILM >> 2) / 1023),
    "tiff of 14 packed bits": (lambda path: packed(path, FILM << 2, 14), 14, (FILM << 2) / 16383),
    "tiff, MaxSampleValue": (tiff(FILM, extratags=[(281, 3, 1, 4095, True)]), 12, UNIT),
    "npy of 8 bits": (npy(EIGHT), 8, EIGHT / 255),
    "npy, three channels of 8 bits": (npy(thrice(EIGHT)), 8, EIGHT / 255),
}


def pgm(path, pixels, white):
    path.write_bytes(b"P5\n%d %d\n%d\n" % (*pixels.shape[::-1], white) + pixels.astype(">u2").tobytes())
    return path


def packed(path, pixels, bits):
    """Return a TIFF whose values have so many bits each, without padding."""
    ones = (pixels[..., None] >> np.arange(bits - 1, -1, -1)) & 1
    data = np.packbits(ones.reshape(len(pixels), -1).astype(np.uint8), axis=1).tobytes()
    rows, columns = pixels.shape
    tags = [
        (256, columns),
        (257, rows),
        (258, bits),
        (259, 1),
        (262, 1),
        (273, 8),
        (277, 1),
        (278, rows),
        (279, len(data)),
    ]
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    path.write_bytes(b"II*\0" + struct.pack("<I", 8 + len(data)) + data + directory + bytes(4))
    return path


@pytest.mark.parametrize("case", TRUSTED)
def test_a_depth_that_a_file_names_is_trusted(tmp_path, case):
    write, bits, right = TRUSTED[case]
    raster = read_image(write(tmp_path / "film"), depth=Depth(14))
    assert raster.bits == bits and raster.container is None
    assert np.abs(raster.to_float() - right).max() < 1e-6


@pytest.mark.parametrize(
    "write",
    [
        with_chunk(b"sBIT", b"\x0c")(FILM * 9),
        with_chunk(b"sBIT", b"\x10")(FILM),
        tiff(FILM * 9, extratags=[(281, 3, 1, 4095, True)]),
        tiff(FILM, extratags=[(281, 3, 1, 4000, True)]),
        lambda path: pgm(path, FILM, 65535),
    ],
)
def test_a_depth_that_the_values_contradict_is_not(tmp_path, write):
    assert read_image(write(tmp_path / "film")).container == Container()


# ---------------------------------------------------------------------------------------------------------------------
# Marks in colour


def marked(array):
    """A red line over 20 pixels, and its grey by ITU-R BT.601."""
    white = np.iinfo(array.dtype).max
    channels = thrice(array)
    channels[5, 10:30] = (white, 0, 0)
    grey = array.copy()
    grey[5, 10:30] = round(0.299 * white)
    return channels, grey


MARKED = {
    "png": (EIGHT, png),
    "png of 16 bits": (FILM << 4, lambda channels: png_of_channels(channels, 2)),
    "tiff of 16 bits": (FILM << 4, lambda channels: tiff(channels, photometric="rgb")),
    "npy": (EIGHT, npy),
}


@pytest.mark.parametrize("case", MARKED)
def test_a_coloured_mark_loses_the_picture_unless_it_is_allowed(tmp_path, case):
    array, writer = MARKED[case]
    channels, grey = marked(array)
    path = writer(channels)(tmp_path / "film")
    with pytest.raises(
        MammoError, match=r"in 20 pixels; `--colour-marks ignore` reads marks on a grey picture as grey"
    ):
        read_image(path)
    raster = read_image(path, colour_marks=True)
    assert np.abs(raster.pixels.astype(int) - grey).max() <= 1
    note = next(note for note in raster.notes if note.rule == "colour-marks")
    assert note.sentence == "20 coloured pixels (0.33%) are read as their luminance"
    assert RULES["colour-marks"].changes_pixels


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL"])
@pytest.mark.parametrize("planar", [0, 1])
def test_a_dicom_file_of_three_channels_is_grey_or_marked(tmp_path, write_dicom, photometric, planar):
    channels, grey = marked(EIGHT)
    luminance = np.dstack([grey, np.full_like(grey, 128), np.full_like(grey, 128)])
    plain = thrice(EIGHT) if photometric == "RGB" else np.dstack([EIGHT, luminance[..., 1:]])
    if photometric == "YBR_FULL":
        luminance[5, 10:30, 2] = 255
        channels = luminance
    tags = {"BitsStored": 8, "PhotometricInterpretation": photometric, "PlanarConfiguration": planar}

    def write(name, pixels):
        path = write_dicom(tmp_path / name, pixels, **tags)
        if planar:
            import pydicom

            data = pydicom.dcmread(path)
            data.PixelData = np.moveaxis(pixels, 2, 0).tobytes()
            data.save_as(path)
        return path

    raster = read_image(write("a.dcm", plain))
    assert np.array_equal(raster.pixels, EIGHT) and raster.bits == 8
    assert [note.rule for note in raster.notes] == ["equal-channels"]
    path = write("b.dcm", channels)
    with pytest.raises(MammoError, match="in 20 pixels; `--colour-marks ignore`"):
        read_image(path)
    assert np.abs(read_image(path, colour_marks=True).pixels.astype(int) - grey).max() <= 1


def test_three_equal_channels_of_16_bits_in_dicom_are_not_trusted(tmp_path, write_dicom):
    path = write_dicom(tmp_path / "a.dcm", thrice(FILM), PhotometricInterpretation="RGB", PlanarConfiguration=0)
    raster = read_image(path, depth=Depth(12))
    assert np.array_equal(raster.pixels, FILM) and raster.bits == 12


def test_a_picture_in_colour_is_no_grey_picture_with_marks(tmp_path):
    coloured = np.dstack([EIGHT, EIGHT // 2, EIGHT // 3])
    with pytest.raises(MammoError, match=r"too many for marks on a grey picture \(75%\)"):
        read_image(png(coloured)(tmp_path / "film"), colour_marks=True)


# ---------------------------------------------------------------------------------------------------------------------
# Masks


def test_a_label_on_a_dark_film_makes_no_mask_of_it(tmp_path):
    dark = (FILM >> 3) + np.random.default_rng(0).integers(0, 64, FILM.shape, dtype=np.uint16)
    dark[:3, 50:] = 65535
    assert not is_mask(dark)


@pytest.mark.parametrize("quality", [50, 75, 95])
def test_masks_stay_masks_when_they_were_copied_as_jpeg(quality):
    disc = (np.hypot(ROWS - 48, COLUMNS - 32) < 20).astype(np.uint8) * 255
    stream = io.BytesIO()
    Image.fromarray(disc).save(stream, "JPEG", quality=quality)
    assert is_mask(np.asarray(Image.open(stream)))
    assert is_mask(disc) and is_mask(disc.astype(np.uint16) * 257)
