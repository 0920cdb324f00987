"""What safe reading costs: `read_image` in guarded workers against plain pydicom in plain ones.

Writes 24 DICOM files of 5000 × 3000 pixels of 16 bits, reads them once so that they stand in the page cache, then
times both ways in turn and prints a table. Run it alone on the machine: python benchmarks/guard.py
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import numpy as np
import pydicom

from mammo.data.files.guarding import limits_of, load_decoders
from mammo.data.files.reading import read_image
from mammo.data.phantom.files.dicom import MANUFACTURER
from mammo.processes.guarded import Failure, GuardedWork, guarded_map
from mammo.processes.parallel import cores, ordered_map

ROWS, COLUMNS = 5000, 3000


def write_files(folder: Path, count: int) -> list[Path]:
    """`count` uncompressed files of noise on a slope."""
    rng = np.random.default_rng(0)
    slope = np.linspace(0, 50_000, COLUMNS, dtype=np.uint16)
    paths = []
    for number in range(count):
        pixels = slope + rng.integers(0, 4096, (ROWS, COLUMNS), dtype=np.uint16)
        data = pydicom.Dataset()
        data.file_meta = pydicom.dataset.FileMetaDataset()
        data.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = pydicom.uid.SecondaryCaptureImageStorage
        data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = pydicom.uid.UID(f"2.25.{number + 1}")
        data.Manufacturer, data.PhotometricInterpretation, data.SamplesPerPixel = MANUFACTURER, "MONOCHROME2", 1
        data.Rows, data.Columns = pixels.shape
        data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 16, 15, 0
        data.PixelData = pixels.tobytes()
        paths.append(folder / f"{number}.dcm")
        data.save_as(paths[-1], enforce_file_format=True)
    return paths


def plain(path: Path) -> float:
    """The mean of the pixels, read without any care."""
    return float(pydicom.dcmread(path).pixel_array.mean())


def safe(path: Path) -> float:
    """The mean of the pixels, read with every check."""
    return float(read_image(path).pixels.mean())


def lost(path: Path, failure: Failure) -> float:
    """No file of the benchmark may be lost."""
    raise RuntimeError(f"{path}: {failure.reason}")


def seconds(results: Iterator[object], count: int) -> float:
    """How long it takes to take all results."""
    start = time.perf_counter()
    assert len(list(results)) == count
    return time.perf_counter() - start


def main() -> None:
    """Measure and print a row for each way to read."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=24)
    parser.add_argument("--repeats", type=int, default=11)
    parser.add_argument("--workers", type=int, default=cores())
    options = parser.parse_args()
    work = GuardedWork(safe, limits_of, load_decoders)
    with tempfile.TemporaryDirectory() as folder:
        paths = write_files(Path(folder), options.files)
        ways: dict[str, Callable[[], Iterator[object]]] = {
            "plain pydicom, plain workers": lambda: ordered_map(plain, paths, options.workers),
            "safe reading, plain workers": lambda: ordered_map(safe, paths, options.workers),
            "safe reading, guarded workers": lambda: guarded_map(work, paths, lost, options.workers),
        }
        rounds = [[seconds(way(), len(paths)) for way in ways.values()] for _ in range(options.repeats + 1)]
    print(f"{len(paths)} files, {options.workers} workers, {options.repeats} rounds\n")
    print("| | median ms a file | ratio to plain, round by round: median (lowest to highest) |")
    print("|---|---|---|")
    for number, name in enumerate(ways):
        times = [round_times[number] for round_times in rounds[1:]]  # the first round warms caches and workers
        ratios = sorted(round_times[number] / round_times[0] for round_times in rounds[1:])
        spread = f"{median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
        print(f"| {name} | {1000 * median(times) / len(paths):.1f} | {spread} |")


if __name__ == "__main__":
    main()
