"""Sound files are read, however large they are and however busy the machine is."""

import errno
import functools
import io
import os
import subprocess
import sys
import uuid
from contextlib import contextmanager

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless

from mammo.data.files import guarding
from mammo.data.files.frame_range import FrameRange
from mammo.data.files.guarding import limits_of, load_decoders
from mammo.data.index.cutting import CutRequest, cut
from mammo.data.index.inspected import inspect_guarded
from mammo.data.index.inspection import InspectionRequest, failed_inspection, inspect_file
from mammo.data.index.manifest import index_manifest
from mammo.errors import MammoError
from mammo.processes.guarded import GuardedWork, guarded_map
from mammo.progress import finish
from mammo.storage.digests import digest_file


def film(rows, columns, seed=0):
    """Return noise on a slope, black on the right: 16 bits that no format compresses well."""
    rng = np.random.default_rng(seed)
    pixels = np.linspace(8000, 40_000, rows, dtype=np.float32)[:, None] + np.zeros((1, columns), np.float32)
    pixels[:, : columns // 2] += rng.normal(0, 300, (rows, columns // 2)).astype(np.float32)
    pixels[:, columns // 2 :] = 0
    return pixels.clip(0, 65535).astype(np.uint16)


def write_j2k(path, pixels):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG2000", irreversible=False, no_jp2=True)
    data = pydicom.Dataset()
    data.file_meta = pydicom.dataset.FileMetaDataset()
    data.file_meta.TransferSyntaxUID = JPEG2000Lossless
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = pydicom.uid.SecondaryCaptureImageStorage
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = pydicom.uid.UID("2.25.1")
    data.PhotometricInterpretation, data.SamplesPerPixel, data.PixelRepresentation = "MONOCHROME2", 1, 0
    data.Rows, data.Columns = pixels.shape
    data.BitsAllocated, data.BitsStored, data.HighBit = 16, 16, 15
    frame = stream.getvalue()
    data.PixelData = encapsulate([frame + b"\0" * (len(frame) % 2)])
    data["PixelData"].is_undefined_length, data["PixelData"].VR = True, "OB"
    data.save_as(path, enforce_file_format=True)


def write_lzw(path, pixels):
    Image.fromarray(pixels).save(path, "TIFF", compression="tiff_lzw")


@contextmanager
def busy(processes):
    """Other work on this machine: so many processes that compute all the time."""
    running = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(processes)]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


def index(home, name, folder):
    return finish(index_manifest(home, name, folder / "images.csv", workers=len(os.sched_getaffinity(0))))


@pytest.mark.slow
def test_a_busy_machine_indexes_the_same(home, tmp_path, monkeypatch):
    rows = ["path,label"]
    for number in range(6):
        path = tmp_path / f"{number}.{'tif' if number % 2 else 'dcm'}"
        (write_lzw if number % 2 else write_j2k)(path, film(1000, 1000, number))
        rows.append(f"{path.name},{'MB'[number % 2]}")
    (tmp_path / "images.csv").write_text("\n".join(rows) + "\n")
    at_rest = index(home, "rest", tmp_path)
    monkeypatch.setattr(guarding, "BASE_SECONDS", 1.5)  # far less than a file takes in elapsed time on a busy machine
    monkeypatch.setattr(guarding, "SECONDS_PER_BYTE", 0.0)
    with busy(24):
        under_load = index(home, "load", tmp_path)
    assert len(at_rest.images) == 6 and under_load.quarantine.empty and not under_load.stalled
    assert under_load.digest("full") == at_rest.digest("full")


@pytest.mark.parametrize(
    ("write", "shape"),
    [
        pytest.param(write_lzw, (6144, 4608), id="LZW, 28 million pixels", marks=pytest.mark.slow),
        pytest.param(write_j2k, (6144, 4608), id="JPEG 2000, 28 million pixels", marks=pytest.mark.nightly),
        pytest.param(write_lzw, (9000, 6667), id="LZW, 60 million pixels", marks=pytest.mark.nightly),
        pytest.param(write_j2k, (9000, 6667), id="JPEG 2000, 60 million pixels", marks=pytest.mark.nightly),
    ],
)
def test_large_sound_files_are_read(tmp_path, write, shape):
    write(tmp_path / "large", film(*shape))
    (facts,) = inspect_guarded([InspectionRequest(tmp_path, "large", tmp_path / "previews")], 1)
    assert (facts.reason, facts.role, facts.rows, facts.columns) == ("", "image", *shape)


def test_a_file_gets_time_by_its_bytes_and_one_that_is_not_there_none(tmp_path):
    (tmp_path / "a").write_bytes(bytes(3_000_000))
    (tmp_path / "b").write_bytes(bytes(1_000_000))
    assert limits_of(tmp_path / "a").seconds == pytest.approx(36)
    assert limits_of(tmp_path / "a", tmp_path / "b").seconds == pytest.approx(38)
    assert limits_of(tmp_path / "none").seconds == 30


def test_what_reads_files_is_loaded_before_the_first(tmp_path):
    write_j2k(tmp_path / "a.dcm", film(64, 64))
    write_lzw(tmp_path / "a.tif", film(64, 64))
    code = """
import sys
from pathlib import Path
from mammo.data.files.guarding import load_decoders
from mammo.data.index.inspection import InspectionRequest, inspect_file
load_decoders()
before = set(sys.modules)
for name in ("a.dcm", "a.tif"):
    assert inspect_file(InspectionRequest(Path(sys.argv[1]), name, Path(sys.argv[1]))).role == "image"
print(*sorted(set(sys.modules) - before))
"""
    process = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    late = [name for name in process.stdout.split() if name.partition(".")[0] in ("pydicom", "numpy", "PIL")]
    assert late == []
    load_decoders()


@pytest.mark.faults("The disk is full while frames and crops are cut", "No file is set aside for it")
def test_a_full_disk_is_no_fault_of_the_file_that_is_cut(tmp_path, small_disk):
    write_lzw(tmp_path / "a.tif", film(400, 400))
    request = CutRequest("a_1", tmp_path, "a.tif", FrameRange.parse(""), (10, 10, 300, 300), "", small_disk(64))
    with pytest.raises(MammoError, match="The disk is full"):
        cut(request)


@pytest.mark.parametrize("number", [errno.EIO, errno.EMFILE, errno.ESTALE])
@pytest.mark.faults("A network drive does not answer", "No file is set aside for it")
def test_a_drive_that_does_not_answer_is_no_fault_of_a_file(tmp_path, number):
    """The reader's system call fails once, as on a network drive, and then always."""
    path = tmp_path / "film.npy"
    np.save(path, np.arange(600, dtype=np.uint8).reshape(20, 30))
    marks = tmp_path / "marks"
    marks.mkdir()
    request = InspectionRequest(tmp_path, path.name, tmp_path / "previews")
    once = GuardedWork(functools.partial(inspect_where_reading_fails, number, 1, marks))
    assert [fact.rows for _, fact in guarded_map(once, [request], failed_inspection, 1)] == [20]
    for_good = GuardedWork(functools.partial(inspect_where_reading_fails, number, 99, marks))
    ((_, fact),) = guarded_map(for_good, [request], failed_inspection, 1)
    assert fact.stalled and fact.reason == os.strerror(number)


def inspect_where_reading_fails(number, times, marks, request):
    def failing(path):
        if len(list(marks.iterdir())) < times:
            (marks / uuid.uuid4().hex).touch()
            raise OSError(number, os.strerror(number))
        return digest_file(path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mammo.data.index.inspection.digest_file", failing)
        return inspect_file(request)
