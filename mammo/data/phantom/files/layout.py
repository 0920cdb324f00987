"""The paths of every file of a patient, on disk and in the CSVs, with the irregularities of CBIS-DDSM."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mammo.data.phantom.patients.anatomy import Breast, Lesion, Patient
from mammo.data.phantom.patients.randomness import generator, uid

COLLECTION = "CBIS-DDSM"
FULL, CROP, MASK = "full mammogram images", "cropped images", "ROI mask images"

SWAPPED = 0.20
"""Share of lesions whose crop is stored as the mask, and the mask as the crop."""
SEPARATE = 0.05
"""Share of lesions whose crop and mask are in two series, not one."""
SHRUNKEN = 0.03
"""Share of masks that are smaller than their full image."""


@dataclass(frozen=True)
class Download:
    """The names of folders and files from one version of the NBIA downloader."""

    study_date: str
    study_prefix: str
    series_prefix: str
    first_file: int
    file_pattern: str

    def study_folder(self, study: str) -> str:
        """Return a study's folder: its date and the last digits of its UID."""
        return f"{self.study_date}-DDSM-{self.study_prefix}{study[-5:]}"

    def series_folder(self, description: str, series: str) -> str:
        """Return a series' folder: its description and the last digits of its UID."""
        return f"{self.series_prefix}-{description}-{series[-5:]}"

    def file(self, position: int) -> str:
        """Return the name of a series' file at `position` (from 0)."""
        return self.file_pattern.format(self.first_file + position)


DOWNLOADS = (
    Download("08-29-2017", "NA-", "1.000000", 1, "1-{}.dcm"),
    Download("08-29-2017", "", "1.000000", 1, "1-{}.dcm"),
    Download("10-04-2016", "", "1", 0, "{:06d}.dcm"),
)


@dataclass(frozen=True)
class FilePlan:
    """One DICOM file: the kind of its `pixels`, its `description` tag, and the description of its folder.

    `path` is relative to the root; `csv_path` is the path in the CSVs; `scale` shrinks a mask.
    """

    folder: str
    study: str
    series: str
    position: int
    pixels: str
    description: str
    series_description: str
    download: Download
    scale: float = 1.0

    @property
    def series_path(self) -> str:
        """The series' folder, relative to the root."""
        study, series = self.download.study_folder(self.study), self.download.series_folder
        return f"{COLLECTION}/{self.folder}/{study}/{series(self.series_description, self.series)}"

    @property
    def path(self) -> str:
        """The file, relative to the root."""
        return f"{self.series_path}/{self.download.file(self.position)}"

    @property
    def csv_path(self) -> str:
        """The file's path in the CSVs."""
        return f"{self.folder}/{self.study}/{self.series}/{self.position:06d}.dcm"

    @property
    def instance(self) -> str:
        """The file's SOP instance UID."""
        return uid(self.series, "instance", self.position)


@dataclass(frozen=True)
class LesionFiles:
    """The files of a lesion that the CSV calls its crop and its mask; their pixels may be swapped."""

    lesion: Lesion
    crop: FilePlan
    mask: FilePlan


@dataclass(frozen=True)
class Listing:
    """A full image in one of the CSVs, with the files of its lesions of that kind."""

    patient: Patient
    breast: Breast
    view: str
    kind: str
    full: FilePlan
    rows: tuple[LesionFiles, ...]

    @property
    def files(self) -> Iterator[FilePlan]:
        """Every file of this listing."""
        yield self.full
        for row in self.rows:
            yield row.crop
            yield row.mask


def plan(patient: Patient) -> list[Listing]:
    """Return every full image of the patient in the CSVs, with all its files."""
    rng = generator(patient.seed, patient.index, "download")
    download = DOWNLOADS[int(rng.choice(3, p=(0.5, 0.25, 0.25)))]
    return [_listing(patient, breast, view, kind, download) for breast, view, kind in patient.listed()]


def image_name(patient: Patient, breast: Breast, view: str, kind: str) -> str:
    """Return the folder name of a full image, such as Calc-Test_P_00038_LEFT_CC."""
    short = "Mass" if kind == "mass" else "Calc"
    split = "Test" if patient.split(kind) == "test" else "Training"
    return f"{short}-{split}_{patient.name}_{breast.side}_{view}"


def _listing(patient: Patient, breast: Breast, view: str, kind: str, download: Download) -> Listing:
    folder = image_name(patient, breast, view, kind)
    study, series = uid(patient.seed, folder, "study"), uid(patient.seed, folder, "series")
    full = FilePlan(folder, study, series, 0, FULL, FULL, FULL, download)
    rows = tuple(_lesion_files(patient, folder, lesion, download) for lesion in breast.lesions_in(view, kind))
    return Listing(patient, breast, view, kind, full, rows)


def _lesion_files(patient: Patient, image: str, lesion: Lesion, download: Download) -> LesionFiles:
    folder = f"{image}_{lesion.number}"
    rng = generator(patient.seed, patient.index, folder, "quirks")
    swapped, separate, shrunken, honest = rng.random(4) < (SWAPPED, SEPARATE, SHRUNKEN, 0.5)
    study, first = uid(patient.seed, folder, "study"), uid(patient.seed, folder, "series")
    second = uid(patient.seed, folder, "mask series") if separate else first
    series_description = MASK if rng.random() < 0.7 else CROP
    order = (0, 0) if separate else (0, 1) if lesion.kind == "mass" else (1, 0)

    def file(description: str, position: int, series: str) -> FilePlan:
        pixels = {CROP: MASK, MASK: CROP}[description] if swapped else description
        tag = pixels if honest else description
        scale = _shrinkage(rng) if shrunken and pixels == MASK else 1.0
        return FilePlan(
            folder,
            study,
            series,
            position,
            pixels,
            tag,
            description if separate else series_description,
            download,
            scale,
        )

    return LesionFiles(lesion, file(CROP, order[0], first), file(MASK, order[1], second))


def _shrinkage(rng: np.random.Generator) -> float:
    return float(rng.uniform(0.8, 0.95))
