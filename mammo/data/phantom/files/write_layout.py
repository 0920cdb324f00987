"""A phantom in the other common layouts of CBIS-DDSM: folders named by series, and a set of JPEG files."""

from __future__ import annotations

import io
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

from mammo.data.phantom.files.dicom import MANUFACTURER
from mammo.data.phantom.files.layout import COLLECTION, FilePlan, plan
from mammo.data.phantom.files.tables import as_csv
from mammo.data.phantom.patients.anatomy import draw_patients
from mammo.data.phantom.patients.randomness import generator
from mammo.data.phantom.patients.spec import PhantomSpec
from mammo.specs import pick
from mammo.storage.atomic_files import write_bytes, write_text

QUALITY = 95


def write_layout(tree: Path, spec: PhantomSpec, root: Path, layout: str) -> None:
    """Copy the phantom of `spec` from `tree` to `root` in another layout of `LAYOUTS`.

    Raises MammoError where there is no such layout.
    """
    write = pick(LAYOUTS, layout, "layout")
    shutil.copytree(tree / "csv", root / "csv", dirs_exist_ok=True)
    write(tree, spec, root)


def _by_series(tree: Path, spec: PhantomSpec, root: Path) -> None:
    """Write StudyInstanceUID/SeriesInstanceUID/, like downloads of a REST client; file names in random order."""
    for files in _series(spec):
        for number, file in enumerate(_shuffled(spec, files), start=1):
            content = (tree / file.path).read_bytes()
            write_bytes(root / COLLECTION / file.study / file.series / f"{number:08d}.dcm", content)


def _as_jpeg(tree: Path, spec: PhantomSpec, root: Path) -> None:
    """Write a JPEG folder per series and `csv/dicom_info.csv`, whose descriptions are often wrong or missing."""
    rows = [["file_path", "image_path", "Manufacturer", "PatientID", "SeriesDescription", "SeriesInstanceUID"]]
    for files in _series(spec):
        for number, file in enumerate(_shuffled(spec, files), start=1):
            rng = generator(spec.seed, file.series, number, "jpeg")
            name = f"{file.series}/{number}-{rng.integers(1000):03d}"
            write_bytes(root / "jpeg" / f"{name}.jpg", _encoded(tree / file.path))
            description = file.series_description if rng.random() < 0.8 else ""
            patient = file.folder if number == 1 else f"{file.folder.partition('_')[2]}.dcm"
            paths = [f"{COLLECTION}/dicom/{name}.dcm", f"{COLLECTION}/jpeg/{name}.jpg"]
            rows.append([*paths, MANUFACTURER, patient, description, file.series])
    write_text(root / "csv" / "dicom_info.csv", as_csv(rows))


LAYOUTS: dict[str, Callable[[Path, PhantomSpec, Path], None]] = {"series": _by_series, "jpeg": _as_jpeg}


def _series(spec: PhantomSpec) -> Iterator[list[FilePlan]]:
    for patient in draw_patients(spec):
        for listing in plan(patient):
            series: dict[str, list[FilePlan]] = defaultdict(list)
            for file in listing.files:
                series[file.series].append(file)
            yield from series.values()


def _shuffled(spec: PhantomSpec, files: list[FilePlan]) -> list[FilePlan]:
    order = generator(spec.seed, files[0].series, "order").permutation(len(files))
    return [files[index] for index in order]


def _encoded(path: Path) -> bytes:
    """Return a DICOM file's pixels as 8-bit JPEG, with the maker's name as its comment."""
    from PIL import Image
    from pydicom import dcmread

    pixels = dcmread(path).pixel_array
    eight = pixels if pixels.dtype.itemsize == 1 else (pixels >> 8).astype("uint8")
    stream = io.BytesIO()
    Image.fromarray(eight).save(stream, "JPEG", quality=QUALITY, comment=MANUFACTURER.encode())
    return stream.getvalue()
