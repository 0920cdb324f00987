import io
import struct

import numpy as np
import pytest
import tifffile
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from mammo.data.files.reading import read_image
from mammo.errors import MammoError

RAMP = np.arange(40 * 56, dtype=np.uint16).reshape(40, 56) * 29
EIGHT = (RAMP >> 8).astype(np.uint8)


def save(pixels, path, mode=None, **options):
    picture = Image.fromarray(pixels)
    (picture.convert(mode) if mode else picture).save(path, **options)
    return path


def tiff(pixels, order="<", bits=16, photometric=1, form=1):
    """Return an uncompressed TIFF of one strip."""
    data = pixels.tobytes()
    tags = [(256, 4, pixels.shape[1]), (257, 4, 40), (258, 3, bits), (259, 3, 1), (262, 3, photometric), (273, 4, 8)]
    tags += [(277, 3, 1), (278, 4, 40), (279, 4, len(data)), (339, 3, form)]
    entry = {3: order + "HHIHH", 4: order + "HHII"}
    words = [struct.pack(entry[kind], tag, kind, 1, value, *[0] * (kind == 3)) for tag, kind, value in tags]
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8 + len(data))
    return head + data + struct.pack(order + "H", len(tags)) + b"".join(words) + bytes(4)


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_sixteen_bits_are_kept(tmp_path, name):
    raster = read_image(save(RAMP, tmp_path / name))
    assert raster.bits == 16 and raster.pixels.dtype == np.uint16
    assert np.array_equal(raster.pixels, RAMP)


def test_big_tiffs_are_read(tmp_path):
    path = save(RAMP, tmp_path / "a.tif", big_tiff=True)
    assert path.read_bytes()[:4] == b"II+\0"
    assert np.array_equal(read_image(path).pixels, RAMP)


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_compressed_tiffs_are_read(tmp_path, compression):
    path = save(RAMP, tmp_path / "a.tif", compression=compression)
    assert np.array_equal(read_image(path).pixels, RAMP)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("photometric", [0, 1])
def test_both_byte_orders_and_white_as_zero(tmp_path, order, photometric):
    path = tmp_path / "a.tif"
    path.write_bytes(tiff(RAMP.astype(order + "u2"), order, photometric=photometric))
    assert np.array_equal(read_image(path).pixels, RAMP if photometric else 65535 - RAMP)


def test_twelve_packed_bits_reach_white(tmp_path):
    values = (np.arange(40 * 56).reshape(40, 56) * 2) % 4096
    values[0, 0] = 4095
    first, second = values[:, ::2], values[:, 1::2]
    packed = np.stack([first >> 4, (first & 15) << 4 | second >> 8, second & 255], axis=-1).astype(np.uint8)
    content = bytearray(tiff(packed.reshape(40, -1), bits=12))
    offset = content.index(struct.pack("<HHI", 256, 4, 1)) + 8
    content[offset : offset + 4] = struct.pack("<I", 56)
    (tmp_path / "a.tif").write_bytes(content)
    raster = read_image(tmp_path / "a.tif")
    assert raster.bits == 12 and np.array_equal(raster.pixels, values) and raster.to_float().max() == 1


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGB", "RGBA"])
def test_every_way_to_write_eight_bits_of_grey_is_grey(tmp_path, mode):
    raster = read_image(save(EIGHT, tmp_path / "a.png", mode))
    assert raster.bits == 8 and raster.pixels.dtype == np.uint8
    assert np.array_equal(raster.pixels, EIGHT)


def test_alpha_is_ignored(tmp_path):
    grey = Image.fromarray(EIGHT)
    Image.merge("LA", (grey, Image.new("L", grey.size, 7))).save(tmp_path / "a.png")
    assert np.array_equal(read_image(tmp_path / "a.png").pixels, EIGHT)


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_one_bit_is_black_and_white(tmp_path, name):
    raster = read_image(save(EIGHT > 100, tmp_path / name))
    assert raster.bits == 1 and np.array_equal(raster.pixels, EIGHT > 100)
    assert set(np.unique(raster.to_float())) == {0, 1}


def test_a_tint_is_grey_and_colour_is_not(tmp_path):
    tinted = np.stack([EIGHT, EIGHT, np.maximum(EIGHT, 6) - 6], axis=-1)
    pixels = read_image(save(tinted, tmp_path / "a.png")).pixels
    assert np.abs(pixels.astype(int) - EIGHT).max() <= 1
    save(tinted, tmp_path / "a.jpg", quality=90)
    assert np.abs(read_image(tmp_path / "a.jpg").pixels.astype(int) - EIGHT).max() <= 10
    marked = tinted.copy()
    marked[3, 4] = (255, 0, 0)
    with pytest.raises(MammoError, match="coloured: its channels differ by up to 255 of 255 levels"):
        read_image(save(marked, tmp_path / "b.png"))


def cmyk(path):
    save(EIGHT, path, "CMYK", format="JPEG")


def floats(path):
    save(EIGHT.astype(np.float32), path, format="TIFF")


def deep_integers(path):
    save(EIGHT.astype(np.int32) * 65536, path, format="TIFF")


def animated(path):
    frames = [Image.fromarray(EIGHT), Image.fromarray(255 - EIGHT)]
    frames[0].save(path, format="PNG", save_all=True, append_images=frames[1:])


def cut_short(path):
    save(RAMP, path, format="PNG")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


REFUSED = {
    cmyk: r"not greyscale of up to 16 bits \(Pillow calls it CMYK\)",
    floats: "floats from 0 to 253; save uint8, uint16, or floats within 0..1",
    deep_integers: "integers from 0 to 16580608; save them within 16 bits",
    animated: "it holds 2 frames; name one",
    cut_short: "damaged picture",
}


@pytest.mark.parametrize("make", REFUSED, ids=lambda make: make.__name__)
def test_what_is_no_plain_grey_is_refused(tmp_path, make):
    make(tmp_path / "a")
    with pytest.raises(MammoError, match=REFUSED[make]) as caught:
        read_image(tmp_path / "a")
    assert "\n" not in str(caught.value)


def test_the_pages_of_a_tiff_are_frames(tmp_path):
    pages = [Image.fromarray(RAMP), Image.fromarray(RAMP + 1), Image.fromarray(RAMP + 2)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    with pytest.raises(MammoError, match="it holds 3 frames; name one in the manifest's column `frame`"):
        read_image(tmp_path / "a.tif")
    for frame in (1, 2, 3):
        assert np.array_equal(read_image(tmp_path / "a.tif", frame).pixels, RAMP + frame - 1)
    with pytest.raises(MammoError, match="it holds 3 frames; there is no frame 4"):
        read_image(tmp_path / "a.tif", 4)
    assert np.array_equal(read_image(save(RAMP, tmp_path / "b.tif"), 1).pixels, RAMP)
    with pytest.raises(MammoError, match="it holds 1 frame; there is no frame 2"):
        read_image(tmp_path / "b.tif", 2)


@pytest.mark.parametrize("name", ["a.jpg", "a.tif", "a.png"])
def test_the_orientation_that_a_file_states_is_applied(tmp_path, name):
    exif = Image.Exif()
    exif[274] = 6  # to be turned by 90° clockwise
    turned = np.rot90(EIGHT, -1)
    pixels = read_image(save(EIGHT, tmp_path / name, exif=exif)).pixels
    assert pixels.shape == turned.shape and np.abs(pixels.astype(int) - turned).max() < 12


def test_a_file_that_calls_itself_synthetic_is(tmp_path):
    text = PngInfo()
    text.add_text("Comment", "a Synthetic mammogram")
    options = {"a.png": {"pnginfo": text}, "a.jpg": {"comment": b"synthetic"}, "a.tif": {"description": "synthetic"}}
    for name, option in options.items():
        assert read_image(save(EIGHT, tmp_path / name, **option)).synthetic
        assert not read_image(save(EIGHT, tmp_path / f"plain-{name}")).synthetic


@pytest.mark.parametrize(("white", "bits"), [(1, 1), (100, 16), (255, 8), (1000, 16), (4095, 12), (65535, 16)])
def test_the_white_of_a_pgm_is_its_maxval(tmp_path, white, bits):
    values = np.round(np.linspace(0, white, 40 * 56)).reshape(40, 56)
    head = b"P5 # a comment\n56\t40\n# another\n%d\n" % white
    (tmp_path / "a.pgm").write_bytes(head + values.astype(np.uint8 if white < 256 else ">u2").tobytes())
    raster = read_image(tmp_path / "a.pgm")
    assert raster.bits == bits
    assert np.abs(raster.to_float() - values / white).max() < 1 / 65535
    assert raster.to_float().max() == 1


def test_damaged_pgms_say_so(tmp_path):
    path = tmp_path / "a.pgm"
    for content, reason in {
        b"P5 56 40 0\n": "a maxval of 0",
        b"P5 56 40 70000\n": "a maxval of 70000",
        b"P5 56": "its header cannot be read",
        b"P5 56 40 255\n" + bytes(99): "it holds 99 of 2240 bytes of pixels",
        b"P5 2 2 9\n" + bytes([0, 9, 10, 1]): "values above its maxval of 9",
    }.items():
        path.write_bytes(content)
        with pytest.raises(MammoError, match=reason):
            read_image(path)


@pytest.mark.parametrize("kind", ["uint8", "uint16", ">u2", "bool", "float16", "float32", "float64", ">f4"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_of_every_allowed_kind_are_read(tmp_path, kind, order):
    unit = np.linspace(0, 1, 40 * 56).reshape(40, 56)
    peak = np.iinfo(kind).max if np.dtype(kind).kind == "u" else 1
    array = np.asarray(np.round(unit * peak) if np.dtype(kind).kind in "ub" else unit, dtype=kind, order=order)
    np.save(tmp_path / "a.npy", array)
    raster = read_image(tmp_path / "a.npy")
    assert raster.bits == {"uint8": 8, "bool": 1}.get(kind, 16)
    assert np.abs(raster.to_float() - array.astype(np.float64) / peak).max() < 1 / 65535
    assert raster.pixels.flags.c_contiguous and raster.pixels.dtype.isnative


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.full((4, 4), np.nan), "an array that holds NaN"),
        (np.array([[0, np.inf]]), "floats from 0 to inf"),
        (np.full((4, 4), -0.5), "floats from -0.5 to -0.5"),
        (np.full((4, 4), 255.0), "floats from 255 to 255"),
        (np.full((4, 4), 70000, np.int32), "integers from 70000 to 70000; save them within 16 bits"),
        (np.zeros((4, 4), complex), "an array of complex128"),
        (np.zeros((6, 4, 5), np.uint8), r"an array of the shape \(6, 4, 5\)"),
        (np.zeros((0, 4), np.uint8), r"an array of the shape \(0, 4\), without pixels"),
        (np.array([[{}]]), "damaged NPY"),
    ],
)
def test_other_arrays_are_refused(tmp_path, array, reason):
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    with pytest.raises(MammoError, match=reason):
        read_image(tmp_path / "a.npy")


def as_wide(kind):
    """Return a ramp of 12 bits, or of 0..1, in a number type, and its greys in the container."""
    ramp = np.arange(40 * 56).reshape(40, 56)
    if np.dtype(kind).kind == "f":
        return (ramp / 4095).astype(kind), ramp / 4095
    return ramp.astype(kind), (ramp + 32768 * (kind == "int16")) / 65535


@pytest.mark.parametrize("kind", ["float32", "float64", "int16", "int32", "int64", "uint32"])
@pytest.mark.parametrize("shape", ["last", "first", "batch"])
def test_three_equal_channels_of_any_number_type_are_grey(tmp_path, kind, shape):
    values, grey = as_wide(kind)
    array = np.stack([values] * 3, axis=0 if shape == "first" else -1)
    np.save(tmp_path / "a.npy", array[None] if shape == "batch" else array)
    raster = read_image(tmp_path / "a.npy")
    assert np.abs(raster.to_float() - grey).max() < 1e-4 and raster.container is not None
    assert "equal-channels" in [note.rule for note in raster.notes]


@pytest.mark.parametrize("kind", ["float32", "uint16", "int16"])
def test_a_mark_on_a_dark_film_of_a_wide_type_is_seen(tmp_path, kind):
    array = np.stack([as_wide(kind)[0]] * 3, axis=-1)
    array[5:8, 5:8, 0] = array.max()
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(MammoError, match="coloured"):
        read_image(tmp_path / "a.npy")
    assert "colour-marks" in [note.rule for note in read_image(tmp_path / "a.npy", colour_marks=True).notes]


def test_a_tiff_of_signed_bytes_keeps_their_order(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.array([[-128, -1, 0, 127]], np.int8))
    raster = read_image(tmp_path / "a.tif")
    assert raster.container is not None and raster.container.signed
    assert (raster.pixels.astype(int) - 32768).tolist() == [[-128, -1, 0, 127]]


def test_floats_that_arithmetic_carried_a_little_beyond_white_are_cut_off(tmp_path):
    np.save(tmp_path / "a.npy", np.array([[-1e-7, 0.5, 1.0000002]]))
    assert read_image(tmp_path / "a.npy").pixels.tolist() == [[0, 32768, 65535]]


def test_a_truncated_array_is_refused(tmp_path):
    stream = io.BytesIO()
    np.save(stream, RAMP)
    (tmp_path / "a.npy").write_bytes(stream.getvalue()[:-10])
    with pytest.raises(MammoError, match="damaged NPY"):
        read_image(tmp_path / "a.npy")
