"""Writing the entire collection: DICOM tree, case CSVs, metadata.csv, and a mark that it is complete."""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mammo.data.phantom.files.dicom import encode
from mammo.data.phantom.files.layout import COLLECTION, CROP, FilePlan, Listing, plan
from mammo.data.phantom.files.tables import case_tables, metadata_table
from mammo.data.phantom.patients.anatomy import Breast, Patient, draw_patients
from mammo.data.phantom.patients.spec import VERSION, PhantomSpec
from mammo.data.phantom.pictures.arrays import Mask, Pixels
from mammo.data.phantom.pictures.view import render_view
from mammo.errors import MammoError
from mammo.processes.parallel import ordered_map
from mammo.progress import Progress, Work
from mammo.storage.atomic_files import remove_partial_files, write_bytes, write_text
from mammo.storage.json_files import read_json, write_json

MARK = "phantom.json"
UNFINISHED = "phantom.begun.json"
CROP_MARGIN = 0.2


@dataclass(frozen=True)
class _Job:
    root: Path
    patient: Patient
    height: int


def write_phantom(root: Path, spec: PhantomSpec, workers: int | None = None) -> Work[None]:
    """Write the collection of `spec` under `root`; yield Progress for every full image.

    A complete collection of the same spec stays as it is; files that an interrupted run wrote are used again.
    Raises MammoError where `root` holds a collection that is not a phantom.
    """
    identity = {**asdict(spec), "version": VERSION}
    if _recorded(root / MARK) == identity:
        yield Progress("phantom", spec.images, spec.images)
        return
    _prepare(root, identity)
    patients = draw_patients(spec)
    done = 0
    yield Progress("phantom", done, spec.images)
    jobs = (_Job(root, patient, spec.height) for patient in patients)
    for written in ordered_map(_write_patient, jobs, workers):
        for _ in range(written):
            done += 1
            yield Progress("phantom", done, spec.images)
    _write_tables(root, [listing for patient in patients for listing in plan(patient)])
    write_json(root / MARK, identity)
    (root / UNFINISHED).unlink(missing_ok=True)


def _recorded(path: Path) -> Any:
    return read_json(path, "phantom") if path.exists() else None


def _prepare(root: Path, identity: dict[str, Any]) -> None:
    """Remove the files of another spec or version; leave those of an interrupted run of this one."""
    unfinished = _recorded(root / UNFINISHED)
    if unfinished is None and not (root / MARK).exists() and (root / COLLECTION).exists():
        raise MammoError(f"{root / COLLECTION} was not made by the phantom; choose an empty folder.")
    if unfinished == identity:
        remove_partial_files(root)
        return
    write_json(root / UNFINISHED, identity)
    (root / MARK).unlink(missing_ok=True)
    for folder in (COLLECTION, "csv"):
        shutil.rmtree(root / folder, ignore_errors=True)


def _write_patient(job: _Job) -> int:
    """Render and write a patient's views; return the number of her full images in the CSVs."""
    listings = plan(job.patient)
    if all((job.root / file.path).is_file() for listing in listings for file in listing.files):
        return len(listings)
    views: dict[tuple[str, str], list[Listing]] = {}
    for listing in listings:
        views.setdefault((listing.breast.side, listing.view), []).append(listing)
    for same_pixels in views.values():
        _write_view(job, same_pixels)
    return len(listings)


def _write_view(job: _Job, listings: list[Listing]) -> None:
    breast, view = listings[0].breast, listings[0].view
    rendered = render_view(job.patient, breast, view, job.height)
    masks = {(lesion.kind, lesion.number): mask for lesion, mask in rendered.lesions}
    for listing in listings:
        _write_file(job.root, listing.full, breast, view, rendered.image)
        for row in listing.rows:
            mask = masks[row.lesion.kind, row.lesion.number]
            for file in (row.crop, row.mask):
                pixels = crop(rendered.image, mask) if file.pixels == CROP else _as_bytes(mask, file.scale)
                _write_file(job.root, file, breast, view, pixels)


def crop(image: Pixels, mask: Mask) -> Pixels:
    """Return the part of `image` around `mask`: its bounding box, widened by CROP_MARGIN on every side."""
    edges = []
    for axis in (1, 0):
        inside = np.flatnonzero(mask.any(axis=axis))
        margin = max(2, round(CROP_MARGIN * len(inside)))
        edges.append(slice(max(0, int(inside[0]) - margin), int(inside[-1]) + margin + 1))
    return image[edges[0], edges[1]]


def _as_bytes(mask: Mask, scale: float) -> NDArray[np.uint8]:
    full = np.asarray(mask, dtype=np.uint8) * np.uint8(255)
    if scale == 1.0:
        return full
    size = round(mask.shape[1] * scale), round(mask.shape[0] * scale)
    return np.asarray(Image.fromarray(full).resize(size, Image.Resampling.NEAREST))


def _write_file(root: Path, file: FilePlan, breast: Breast, view: str, pixels: NDArray[Any]) -> None:
    write_bytes(root / file.path, encode(file, breast.side, view, pixels))


def _write_tables(root: Path, listings: list[Listing]) -> None:
    for name, text in case_tables(listings).items():
        write_text(root / "csv" / name, text)
    files = ((file, (root / file.path).stat().st_size) for listing in listings for file in listing.files)
    write_text(root / "metadata.csv", metadata_table(files))
