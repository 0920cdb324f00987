"""The patients that headers name: compared with those of a manifest, or used in their place."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping

import pandas as pd

from mammo.data.files.header.header import Header

FLAG = "--header-patients"
PLACEHOLDERS = re.compile(
    r"[0x*.?_-]*|anon.*|de-?id.*|unknown|none|null|n/?a|not available|removed|test|patient|pseudo.*", re.IGNORECASE
)
"""Matches a PatientID that names no patient."""


def apply_header_patients(
    rows: pd.DataFrame, headers: Mapping[str, Header], has_patients: bool, take: bool
) -> tuple[pd.DataFrame, list[str], list[str]]:
    """Return rows, notes and remarks after use of the headers' PatientIDs.

    They are compared with the manifest's patients where it names them (`has_patients`); else they replace the file
    names where the user asks for it (`take`).
    """
    ids = {image: header.patient for image, header in headers.items() if _is_identity(header.patient)}
    header_ids = rows["image"].map(ids)
    if not header_ids.notna().any():
        notes = [f"No header names a patient, so that {FLAG} changes nothing."] if take and not has_patients else []
        return rows, notes, []
    if has_patients:
        return rows, *_compare_patients(rows["patient"][header_ids.notna()], header_ids.dropna())
    if take:
        return _take_patients(rows, header_ids)
    return rows, _suggest_patients(rows, header_ids), []


def _is_identity(patient: str | None) -> bool:
    return patient is not None and PLACEHOLDERS.fullmatch(patient) is None


def _suggest_patients(rows: pd.DataFrame, header_ids: pd.Series) -> list[str]:
    """A note where headers group images by patient and the manifest does not."""
    images = rows["image"][header_ids.notna()].nunique()
    if not 1 < header_ids.nunique() < rows["path"][header_ids.notna()].nunique():
        return []  # one name for all or another for each groups nothing
    return [
        f"The headers of {images:,} images name {header_ids.nunique():,} patients, who may stand on both sides of a "
        f"split: {FLAG} takes the patients from there."
    ]


def _take_patients(rows: pd.DataFrame, header_ids: pd.Series) -> tuple[pd.DataFrame, list[str], list[str]]:
    rows_with_patients = rows.assign(patient=header_ids.where(header_ids.notna(), rows["patient"]))
    unnamed = rows_with_patients["image"][header_ids.isna()].nunique()
    suffix = f"; {unnamed:,} images whose header names none count as a patient of their own" if unnamed else ""
    suffix = "; 1 image whose header names none counts as a patient of its own" if unnamed == 1 else suffix
    images = rows_with_patients["image"][header_ids.notna()].nunique()
    return (
        rows_with_patients,
        [f"The patients of {images:,} images are those of their headers, {header_ids.nunique():,} in all{suffix}."],
        [],
    )


def _compare_patients(ours: pd.Series, header_ids: pd.Series) -> tuple[list[str], list[str]]:
    """Notes and remarks where headers join patients of the manifest, which then may leak, and where they split them."""
    patients: dict[str, set[str]] = defaultdict(set)
    ids: dict[str, set[str]] = defaultdict(set)
    for patient, header_id in zip(ours, header_ids, strict=True):
        patients[header_id].add(patient)
        ids[patient].add(header_id)
    limit = max(2, len(ids) // 2)
    notes, remarks = [], []
    for header_id, names in patients.items():
        if len(names) > limit:
            remarks.append(
                f"The PatientID {header_id} stands on images of {len(names):,} patients: it is nobody's name."
            )
    if joined_patients := {header_id: names for header_id, names in patients.items() if 1 < len(names) <= limit}:
        header_id, names = next(iter(joined_patients.items()))
        count = len(set().union(*joined_patients.values()))
        notes.append(
            f"The headers' PatientID joins {count:,} of the manifest's patients into {len(joined_patients):,}: a woman "
            "may stand on both sides of a split. The manifest's patients are kept."
        )
        remarks.append(
            f"The patients {' and '.join(sorted(names)[:2])} are one, {header_id}, in their images' headers."
        )
    if split_patients := {patient: names for patient, names in ids.items() if len(names) > 1}:
        patient, names = next(iter(split_patients.items()))
        have = "has several PatientIDs in its" if len(split_patients) == 1 else "have several PatientIDs in their"
        remarks.append(
            f"{len(split_patients):,} of the manifest's patients {have} images' headers ({patient}: "
            f"{', '.join(sorted(names)[:3])}); the manifest's are kept."
        )
    return notes, remarks
