"""The four case CSVs and the downloader's metadata.csv, with their irregularities."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mammo.data.phantom.files.dicom import MANUFACTURER
from mammo.data.phantom.files.layout import COLLECTION, FilePlan, LesionFiles, Listing
from mammo.data.phantom.patients.anatomy import KINDS
from mammo.storage.spreadsheets import csv_of_rows

SPLITS = ("train", "test")

_METADATA = (
    "Series UID",
    "Collection",
    "3rd Party Analysis",
    "Data Description URI",
    "Subject ID",
    "Study UID",
    "Study Description",
    "Study Date",
    "Series Description",
    "Manufacturer",
    "Modality",
    "SOP Class Name",
    "SOP Class UID",
    "Number of Images",
    "File Size",
    "File Location",
    "Download Timestamp",
)


def case_file(kind: str, split: str) -> str:
    """Return the name of a case CSV, such as mass_case_description_train_set.csv."""
    return f"{'mass' if kind == 'mass' else 'calc'}_case_description_{split}_set.csv"


def case_tables(listings: Iterable[Listing]) -> dict[str, str]:
    """Return the text of all four case CSVs by file name."""
    rows: dict[str, list[list[str]]] = {case_file(kind, split): [_header(kind)] for kind in KINDS for split in SPLITS}
    for listing in listings:
        table = rows[case_file(listing.kind, listing.patient.split(listing.kind))]
        table.extend(_case_row(listing, row) for row in listing.rows)
    return {name: as_csv(table) for name, table in rows.items()}


def metadata_table(files: Iterable[tuple[FilePlan, int]]) -> str:
    """Return the text of metadata.csv, one row per series, from every file and its size in bytes."""
    series: dict[str, list[tuple[FilePlan, int]]] = {}
    for plan, size in files:
        series.setdefault(plan.series, []).append((plan, size))
    return as_csv([_METADATA, *(_metadata_row(members) for members in series.values())])


def _header(kind: str) -> list[str]:
    mass = kind == "mass"
    return [
        "patient_id",
        "breast_density" if mass else "breast density",
        "left or right breast",
        "image view",
        "abnormality id",
        "abnormality type",
        *(("mass shape", "mass margins") if mass else ("calc type", "calc distribution")),
        "assessment",
        "pathology",
        "subtlety",
        "image file path",
        "cropped image file path",
        "ROI mask file path",
    ]


def _case_row(listing: Listing, row: LesionFiles) -> list[str]:
    """Return the row of a lesion in a view; a newline ends the mask's path (mass) or the crop's (calcification)."""
    lesion, mass = row.lesion, listing.kind == "mass"
    return [
        listing.patient.name,
        str(listing.patient.listed_density),
        listing.breast.side,
        listing.view,
        str(lesion.number),
        lesion.kind,
        *lesion.descriptors,
        str(lesion.assessment),
        lesion.pathology,
        str(lesion.listed_subtlety),
        listing.full.csv_path,
        row.crop.csv_path + ("" if mass else "\n"),
        row.mask.csv_path + ("\n" if mass else ""),
    ]


def _metadata_row(members: Sequence[tuple[FilePlan, int]]) -> list[str]:
    plan, size = members[0][0], sum(size for _, size in members)
    return [
        plan.series,
        COLLECTION,
        "null",
        "synthetic: mammo.data.phantom",
        plan.folder,
        plan.study,
        "null",
        plan.download.study_date,
        plan.series_description,
        MANUFACTURER,
        "MG",
        "Secondary Capture Image Storage",
        "1.2.840.10008.5.1.4.1.1.7",
        str(len(members)),
        f"{size / 1e6:.2f} MB",
        f"./{plan.series_path}",
        "2026-01-01T00:00:00.000",
    ]


def as_csv(rows: Iterable[Sequence[str]]) -> str:
    """Return rows, the names first, as the text of a CSV file."""
    names, *records = rows
    return csv_of_rows((dict(zip(names, row, strict=True)) for row in records), names)
