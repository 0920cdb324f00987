"""Every file is read or refused with a reason, within limits: healthy, broken and hostile files."""

import io
import os
import re
import struct
import sys
import time
import zlib
from pathlib import Path

import numpy as np
import pydicom
import pytest
import tifffile
from PIL import Image
from pydicom.data import data_manager
from pydicom.encaps import encapsulate
from pydicom.uid import (
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from mammo.data.files.guarding import limits_of, load_decoders
from mammo.data.files.raster import MAX_BYTES
from mammo.data.files.reading import READERS, read_image
from mammo.errors import MammoError
from mammo.processes.guarded import Fault, GuardedWork, guarded_map

BUNDLED = Path(data_manager.__file__).parent / "test_files"
RAMP = np.arange(48 * 64, dtype=np.uint16).reshape(48, 64) * 21
EIGHT = (RAMP >> 8).astype(np.uint8)

# ---------------------------------------------------------------------------------------------------------------------
# The result for a file, with time and memory measured in the worker that reads it


def look(path):
    start = time.process_time()
    try:
        raster = read_image(path)
        assert raster.pixels.ndim == 2 and raster.pixels.dtype.kind == "u" and raster.pixels.max() < 2**raster.bits
        message = "read"
    except MammoError as error:
        message = str(error)
    return path, message, time.process_time() - start, peak_memory()


def peak_memory():
    """Return this process's largest resident memory in bytes; rusage would include the parent's before the exec."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def lost(path, failure):
    assert isinstance(failure, Fault), (path, failure)
    return path, failure.reason, 0.0, 0


PYTHON_MESSAGES = re.compile(
    r"object at|' object|NoneType|instances|unpack|reshape|literal|could not convert|argument|attribute|tuple"
)


def messages_of(paths, workers=2):
    """Return the message for each path; none may take 10 s of computing time or 1 GB."""
    results = dict(guarded_map(GuardedWork(look, limits_of, load_decoders), paths, lost, workers))
    assert set(results) == set(paths)
    for path, message, seconds, memory in results.values():
        assert message and "\n" not in message and str(path) not in message and not PYTHON_MESSAGES.search(message), (
            path,
            message,
        )
        assert seconds < 10 and memory < 10**9, (path.name, message, seconds, memory)
    return [results[path][1] for path in paths]


# ---------------------------------------------------------------------------------------------------------------------
# Healthy files


def jpeg_lossless(pixels):
    """Encode a JPEG Lossless frame (process 14, first-order prediction) of uint16 pixels; categories have 5 bits."""
    rows, columns = pixels.shape
    values = pixels.astype(np.int64)
    left = np.roll(values, 1, axis=1)
    left[1:, 0], left[0, 0] = values[:-1, 0], 2**15
    words = []
    for difference in (((values - left + 2**15) % 2**16) - 2**15).ravel().tolist():
        size = abs(difference).bit_length()
        words.append(f"{size:05b}")
        if 0 < size < 16:
            words.append(f"{difference if difference > 0 else difference + 2**size - 1:0{size}b}")
    bits = "".join(words)
    bits += "1" * (-len(bits) % 8)
    data = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")
    frame = b"\xff\xc3" + struct.pack(">HBHHB", 11, 16, rows, columns, 1) + b"\x01\x11\0"
    table = b"\xff\xc4" + struct.pack(">HB", 36, 0) + bytes([0, 0, 0, 0, 17] + [0] * 11) + bytes(range(17))
    scan = b"\xff\xda" + struct.pack(">HB", 8, 1) + b"\x01\0\x01\0\0"
    return b"\xff\xd8" + frame + table + scan + data + b"\xff\xd9"


def jpeg_2000(pixels):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG2000", irreversible=False, no_jp2=True)
    return stream.getvalue()


def jpeg(pixels, quality=95):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=quality)
    return stream.getvalue()


@pytest.fixture
def encapsulated(write_dicom):
    """Write a DICOM file of one compressed frame; its header describes `pixels`."""

    def write(path, pixels, syntax, frame, **tags):
        data = pydicom.dcmread(write_dicom(path, pixels, **tags))
        data.file_meta.TransferSyntaxUID = syntax
        data.PixelData = encapsulate([frame + b"\0" * (len(frame) % 2)])
        data["PixelData"].is_undefined_length = True
        data["PixelData"].VR = "OB"
        data.save_as(path, implicit_vr=False, little_endian=True)
        return path

    return write


@pytest.fixture
def healthy(tmp_path, write_dicom, encapsulated):
    """A small healthy file of every supported kind."""
    folder = tmp_path / "healthy"
    write_dicom(folder / "plain.dcm", RAMP)
    write_dicom(folder / "signed.dcm", RAMP, PixelRepresentation=1, WindowCenter=0, WindowWidth=3000)
    data = pydicom.dcmread(folder / "plain.dcm")
    data.compress(RLELossless)
    data.save_as(folder / "rle.dcm")
    encapsulated(folder / "jpeg.dcm", EIGHT, JPEGBaseline8Bit, jpeg(EIGHT))
    encapsulated(folder / "lossless.dcm", RAMP, JPEGLosslessSV1, jpeg_lossless(RAMP))
    encapsulated(folder / "j2k.dcm", RAMP, JPEG2000Lossless, jpeg_2000(RAMP))
    (folder / "bare.dcm").write_bytes((folder / "plain.dcm").read_bytes()[132:])
    colours = np.repeat(EIGHT[..., None], 3, axis=2)
    write_dicom(folder / "rgb.dcm", colours, PhotometricInterpretation="RGB", PlanarConfiguration=0)
    item = pydicom.Dataset()
    item.LUTDescriptor, item.LUTData = [256, 0, 16], np.arange(256, dtype="<u2").tobytes()
    item["LUTData"].VR = "OW"
    write_dicom(folder / "table.dcm", EIGHT, VOILUTSequence=pydicom.Sequence([item]))
    for name in ("MR_small_jpeg_ls_lossless.dcm", "JPEGLSNearLossless_16.dcm", "JPGExtended.dcm", "liver_1frame.dcm"):
        (folder / name).write_bytes((BUNDLED / name).read_bytes())
    Image.fromarray(RAMP).save(folder / "a.png")
    Image.fromarray(EIGHT).save(folder / "a.jpg")
    Image.fromarray(RAMP).save(folder / "a.tif")
    Image.fromarray(RAMP).save(folder / "lzw.tif", compression="tiff_lzw")
    (folder / "a.pgm").write_bytes(b"P5\n64 48\n65535\n" + RAMP.astype(">u2").tobytes())
    np.save(folder / "a.npy", RAMP)
    tifffile.imwrite(folder / "float.tif", RAMP / 65535)
    tifffile.imwrite(folder / "rgb.tif", np.repeat(RAMP[..., None], 3, axis=2), photometric="rgb")
    np.save(folder / "signed.npy", (RAMP.astype(int) - 32768).astype(np.int16))
    np.save(folder / "unit.npy", RAMP / np.float64(65535))
    return sorted(folder.iterdir())


def test_every_healthy_file_is_read_as_it_was_written(healthy):
    assert set(messages_of(healthy)) == {"read"}
    for path in healthy:
        if path.name in {"plain.dcm", "rle.dcm", "lossless.dcm", "j2k.dcm"} or path.suffix not in {".dcm", ".jpg"}:
            assert np.array_equal(read_image(path).pixels, RAMP), path
    assert np.abs(read_image(healthy[0].with_name("a.jpg")).pixels.astype(int) - EIGHT).max() < 8


def test_the_content_decides_and_not_the_name(healthy, tmp_path):
    for number, path in enumerate(healthy):
        copy = tmp_path / f"{number}.txt"
        copy.write_bytes(path.read_bytes())
        assert np.array_equal(read_image(copy).pixels, read_image(path).pixels)


@pytest.mark.parametrize("reader", sorted({reader.__name__ for reader in READERS.values()}))
def test_every_reader_says_in_one_line_what_is_wrong_with_text(tmp_path, reader):
    path = tmp_path / "a"
    path.write_text("no image at all\n" * 40)
    read = next(candidate for candidate in READERS.values() if candidate.__name__ == reader)
    with pytest.raises(MammoError) as caught:
        read(path, 0, False)
    assert "\n" not in str(caught.value) and str(path) not in str(caught.value)


def test_what_is_no_plain_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "empty").touch()
    (tmp_path / "text").write_text("text")
    with (tmp_path / "large").open("wb") as stream:
        stream.truncate(MAX_BYTES + 1)
    reasons = {
        tmp_path: "not a plain file",
        tmp_path / "pipe": "not a plain file",
        Path("/dev/zero"): "not a plain file",
        tmp_path / "none": "No such file or directory",
        tmp_path / "empty": "an empty file",
        tmp_path / "text": "not an image of a kind that is read (DICOM, PNG, JPEG, TIFF, PGM or NPY)",
        tmp_path / "large": "larger than 256 MB, the most that is read",
    }
    assert messages_of(list(reasons)) == list(reasons.values())


@pytest.mark.parametrize("syntax", [JPEGLosslessSV1, JPEGLSLossless, JPEGExtended12Bit])
def test_a_missing_decoder_is_named(tmp_path, encapsulated, monkeypatch, syntax):
    path = encapsulated(tmp_path / "a.dcm", RAMP, syntax, jpeg_lossless(RAMP))
    monkeypatch.setitem(sys.modules, "libjpeg", None)
    with pytest.raises(MammoError, match="takes another package: pip install pylibjpeg pylibjpeg-libjpeg"):
        read_image(path)


# ---------------------------------------------------------------------------------------------------------------------
# Broken files

EXTREME = (0, 1, 0x7F, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF)


def flip(content, rng, reach):
    for offset in rng.integers(reach, size=rng.integers(1, 20)):
        content[offset] = rng.integers(256)


def cut(content, rng, reach):
    del content[rng.integers(reach) :]


def stretch(content, rng, reach):
    """Set two or four bytes, perhaps a length or a size, to an extreme value."""
    form = str(rng.choice(["<H", ">H", "<I", ">I"]))
    value = int(rng.choice(EXTREME)) & (0xFFFF if form[1] == "H" else 0xFFFFFFFF)
    struct.pack_into(form, content, int(rng.integers(max(1, min(reach, len(content) - 4)))), value)


def drop(content, rng, reach):
    offset = int(rng.integers(reach))
    del content[offset : offset + int(rng.integers(1, 64))]


def repeat(content, rng, reach):
    offset = int(rng.integers(reach))
    content[offset:offset] = content[offset : offset + int(rng.integers(1, 256))]


MUTATIONS = (flip, cut, stretch, drop, repeat)


def mutants(sources, folder, count, seed):
    """Yield broken copies; every second one is broken in its first 2,000 bytes, where headers are."""
    folder.mkdir()
    rng = np.random.default_rng(seed)
    for number in range(count):
        source = sources[number % len(sources)]
        content = bytearray(source.read_bytes())
        mutation = MUTATIONS[int(rng.integers(len(MUTATIONS)))]
        mutation(content, rng, len(content) if rng.random() < 0.5 else min(2000, len(content)))
        path = folder / f"{number:04}-{mutation.__name__}-{source.name}"
        path.write_bytes(content)
        yield path


def test_broken_files_are_read_or_refused(healthy, tmp_path):
    messages = messages_of(list(mutants(healthy, tmp_path / "broken", 120, seed=1)))
    assert 10 < messages.count("read") < 110


@pytest.mark.slow
def test_a_thousand_broken_files_are_read_or_refused(healthy, tmp_path):
    messages = messages_of(list(mutants(healthy, tmp_path / "broken", 1000, seed=2)))
    assert 100 < messages.count("read") < 900


def test_the_files_that_pydicom_is_tested_with_are_read_or_refused():
    paths = sorted(path for path in BUNDLED.rglob("*") if path.is_file())
    messages = dict(zip([path.name for path in paths], messages_of(paths), strict=True))
    assert len(messages) > 100
    grey = (
        "CT_small",
        "MR_small",
        "MR_small_RLE",
        "MR_small_bigendian",
        "MR_small_jp2klossless",
        "JPEG2000",
        "693_J2KI",
    )
    assert {messages[f"{name}.dcm"] for name in grey} == {"read"}
    assert messages["MR_truncated.dcm"].startswith("truncated")
    assert messages["image_dfl.dcm"] == "the transfer syntax Deflated Explicit VR Little Endian, which is not read"
    assert messages["SC_rgb_jpeg.dcm"].startswith(
        "coloured: its channels differ by up to 17 of 255 levels, in 9 pixels"
    )
    assert messages["SC_rgb_gdcm_KY.dcm"].startswith("coloured")
    assert messages["rtplan.dcm"] == "a DICOM file without pixels"


# ---------------------------------------------------------------------------------------------------------------------
# Hostile files

HUGE = 60_000


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width, height, *chunks, depth=16):
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + chunk(b"IEND", b"")


def zeros(size, wbits=15):
    """`size` zeros, a multiple of 16 MB, deflated to about a thousandth."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    piece = packer.compress(bytes(2**24)) + packer.flush(zlib.Z_FULL_FLUSH)
    raw = piece * (size // 2**24) + packer.flush()
    return raw if wbits < 0 else b"\x78\xda" + raw + b"\0\0\0\0"


def tiff(width, height, data=b"", compression=1, following=0, count=1):
    """A 16-bit TIFF of one strip, its directory at the end."""
    tags = [
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, 1, 16),
        (259, 3, 1, compression),
        (262, 3, 1, 1),
        (273, 4, count, 8),
        (277, 3, 1, 1),
        (278, 4, 1, height),
        (279, 4, 1, len(data)),
    ]
    offset = 8 + len(data)
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags)
    return b"II*\0" + struct.pack("<I", offset) + data + directory + struct.pack("<I", offset if following else 0)


def npy(header):
    header = header.encode() + b"\n"
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(header)) + header


PICTURE_BOMBS = {
    "png-size": (lambda: png(HUGE, HUGE, chunk(b"IDAT", zlib.compress(bytes(1000)))), "far more pixels"),
    "png-within": (lambda: png(7900, 7900, chunk(b"IDAT", zeros(2**26))), "broken data stream"),
    "png-ztxt": (
        lambda: png(8, 8, chunk(b"zTXt", b"a\0\0" + zeros(2**28)), chunk(b"IDAT", zlib.compress(bytes(136)))),
        "Decompressed data too large",
    ),
    "png-itxt": (
        lambda: png(8, 8, chunk(b"iTXt", b"a\0\1\0\0\0" + zeros(2**28)), chunk(b"IDAT", b"")),
        "Decompressed data too large",
    ),
    "png-iccp": (
        lambda: png(8, 8, chunk(b"iCCP", b"a\0\0" + zeros(2**28)), chunk(b"IDAT", b"")),
        "Decompressed data too large",
    ),
    "png-texts": (
        lambda: png(8, 8, *[chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(10**6)))] * 500),
        "Too much memory used in text",
    ),
    "tiff-size": (lambda: tiff(HUGE, HUGE), "far more pixels"),
    "tiff-strip": (lambda: tiff(7900, 7900, zeros(2**28), compression=8), "read"),
    "tiff-count": (lambda: tiff(8, 8, bytes(128), count=2**32 - 1), "damaged picture"),
    "tiff-loop": (lambda: tiff(8, 8, bytes(128), following=1), "read"),
    "jpeg-size": (lambda: resized_jpeg(65_500), "far more pixels"),
    "jpeg-within": (lambda: resized_jpeg(7_990), "truncated: 790 bytes of JPEG"),
    "pgm-size": (lambda: b"P5 999999999 999999999 65535\n" + bytes(100), "at most 64 million are read"),
    "pgm-header": (lambda: b"P5" + b" #\n" * 3000, "header cannot be read"),
    "npy-size": (
        lambda: npy(f"{{'descr': '<u2', 'fortran_order': False, 'shape': ({2**40}, {2**40})}}"),
        "array is too big",
    ),
    "npy-negative": (
        lambda: npy("{'descr': '<u2', 'fortran_order': False, 'shape': (-4, -4)}") + bytes(64),
        "negative dimensions",
    ),
    "npy-object": (
        lambda: npy("{'descr': '|O', 'fortran_order': False, 'shape': (1, 1)}") + b"cos\nsystem\n(S'x'\ntR.",
        "Python objects",
    ),
    "npy-deep": (lambda: npy("(" * 4000), "damaged NPY"),
    "npy-nothing": (lambda: npy("{'descr': '|V0', 'fortran_order': False, 'shape': (9, 9)}"), "an array of"),
}


def resized_jpeg(side):
    """A small JPEG whose header claims `side` × `side` pixels."""
    content = bytearray(jpeg(EIGHT))
    struct.pack_into(">HH", content, content.index(b"\xff\xc0") + 5, side, side)
    return bytes(content)


@pytest.mark.slow
@pytest.mark.parametrize("kind", PICTURE_BOMBS)
def test_hostile_pictures_are_read_or_refused(tmp_path, healthy, kind):
    path = tmp_path / kind
    make, reason = PICTURE_BOMBS[kind]
    path.write_bytes(make())
    messages = messages_of([healthy[0], path, healthy[1]])
    assert messages[0] == messages[2] == "read"
    assert reason in messages[1]


def deflated(path):
    content = path.read_bytes()
    meta = pydicom.filereader.read_file_meta_info(path)
    end = 144 + meta.FileMetaInformationGroupLength
    head = content[:end].replace(b"1.2.840.10008.1.2\0", b"1.2.840.10008.1.2.1.99")
    length = struct.pack("<I", meta.FileMetaInformationGroupLength + 4)
    head = head.replace(b"UI\x12\x00" + b"1.2.840.10008.1.2.1.99", b"UI\x16\x00" + b"1.2.840.10008.1.2.1.99")
    path.write_bytes(head[:140] + length + head[144:] + zeros(2**30, wbits=-15))


def claims(**tags):
    def damage(path):
        data = pydicom.dcmread(path)
        for name, value in tags.items():
            setattr(data, name, value)
        data.save_as(path)

    return damage


def deep(path):
    nest = b"\x08\x00\x15\x11\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff" * 50_000
    head, element, pixels = path.read_bytes().partition(b"\xe0\x7f\x10\x00")
    path.write_bytes(head + nest + element + pixels)


def rle_claims(side):
    def damage(path):
        data = pydicom.dcmread(path)
        data.compress(RLELossless)
        data.Rows = data.Columns = side
        data.save_as(path)

    return damage


DICOM_BOMBS = {
    "deflated": (deflated, "Deflated Explicit VR Little Endian, which is not read"),
    "size": (claims(Rows=HUGE, Columns=HUGE), "at most 64 million are read"),
    "frames": (claims(NumberOfFrames=2**31 - 1), "truncated"),
    "no-rows": (claims(Rows=0), "0 × 64 pixels"),
    "deep": (deep, "it is nested too deeply"),
    "rle-size": (rle_claims(20_000), "at most 64 million are read"),
    "rle-within": (rle_claims(7_900), "doesn't match the expected amount"),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", DICOM_BOMBS)
def test_hostile_dicom_files_are_read_or_refused(tmp_path, write_dicom, healthy, kind):
    path = write_dicom(tmp_path / kind, RAMP)
    damage, reason = DICOM_BOMBS[kind]
    damage(path)
    messages = messages_of([healthy[0], path, healthy[1]])
    assert messages[0] == messages[2] == "read"
    assert reason in messages[1]


@pytest.mark.parametrize("side", [8_000, 13_000, 65_000])
def test_a_codestream_larger_than_its_header_says_is_refused(tmp_path, encapsulated, healthy, side):
    frames = {}
    j2k = bytearray(jpeg_2000(RAMP))
    for offset in (8, 24):
        struct.pack_into(">II", j2k, offset, side, side)
    frames[JPEG2000Lossless] = bytes(j2k)
    frames[JPEGBaseline8Bit] = resized_jpeg(side)
    lossless = bytearray(jpeg_lossless(RAMP))
    struct.pack_into(">HH", lossless, lossless.index(b"\xff\xc3") + 5, side, side)
    frames[JPEGLosslessSV1] = bytes(lossless)
    data = pydicom.dcmread(BUNDLED / "MR_small_jpeg_ls_lossless.dcm")
    jls = bytearray(next(pydicom.encaps.generate_frames(data.PixelData, number_of_frames=1)))
    struct.pack_into(">HH", jls, jls.index(b"\xff\xf7") + 5, side, side)
    frames[JPEGLSLossless] = bytes(jls)
    paths = [
        encapsulated(tmp_path / f"{number}.dcm", EIGHT if syntax == JPEGBaseline8Bit else RAMP, syntax, frame)
        for number, (syntax, frame) in enumerate(frames.items())
    ]
    messages = messages_of([healthy[0], *paths, healthy[1]])
    assert messages[0] == messages[-1] == "read"
    assert all(f"whose codestream has {side} × {side}" in message for message in messages[1:-1])


@pytest.mark.slow
def test_runs_that_expand_a_hundredfold_end_at_a_limit(tmp_path, write_dicom, healthy):
    data = pydicom.dcmread(write_dicom(tmp_path / "a", RAMP))
    data.compress(RLELossless)
    segments = struct.pack("<16I", 2, 64, 66, *[0] * 13) + b"\x81\0" * 10**7  # two bytes become 128
    data.PixelData = encapsulate([segments])
    data.Rows = data.Columns = 7900
    data.save_as(tmp_path / "a")
    messages = messages_of([healthy[0], tmp_path / "a", healthy[1]])
    assert messages[0] == messages[2] == "read"
    assert messages[1] == "needs more than 1280 MB of memory"
