"""Whose images headers say they are: against a manifest's patients, or in their place."""

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
"""A PatientID that names nobody."""


def use_patients(
    rows: pd.DataFrame, headers: Mapping[str, Header], named: bool, take: bool
) -> tuple[pd.DataFrame, list[str], list[str]]:
    """Rows, notes and remarks: patients are compared where the manifest names them, else taken if the user says so."""
    ids = {image: header.patient for image, header in headers.items() if _names_somebody(header.patient)}
    told = rows["image"].map(ids)
    if not told.notna().any():
        asked = [f"No header names a patient, so that {FLAG} changes nothing."] if take and not named else []
        return rows, asked, []
    if named:
        return rows, *_compared(rows["patient"][told.notna()], told.dropna())
    if take:
        return _taken(rows, told)
    return rows, _could_group(rows, told), []


def _names_somebody(patient: str | None) -> bool:
    return patient is not None and PLACEHOLDERS.fullmatch(patient) is None


def _could_group(rows: pd.DataFrame, told: pd.Series) -> list[str]:
    """A note where headers know which images belong together, and the manifest does not."""
    images = rows["image"][told.notna()].nunique()
    if not 1 < told.nunique() < rows["path"][told.notna()].nunique():
        return []  # one name for all or another for each groups nothing
    return [
        f"The headers of {images:,} images name {told.nunique():,} patients, who may stand on both sides of a split as "
        f"long as nobody tells: {FLAG} takes the patients from there."
    ]


def _taken(rows: pd.DataFrame, told: pd.Series) -> tuple[pd.DataFrame, list[str], list[str]]:
    taken = rows.assign(patient=told.where(told.notna(), rows["patient"]))
    left = taken["image"][told.isna()].nunique()
    rest = f"; {left:,} images whose header names none count as a patient of their own" if left else ""
    rest = "; 1 image whose header names none counts as a patient of its own" if left == 1 else rest
    images = taken["image"][told.notna()].nunique()
    return (
        taken,
        [f"The patients of {images:,} images are those of their headers, {told.nunique():,} in all{rest}."],
        [],
    )


def _compared(ours: pd.Series, theirs: pd.Series) -> tuple[list[str], list[str]]:
    """Where the manifest parts what headers join, which lets patients leak, and where it joins what they part."""
    patients: dict[str, set[str]] = defaultdict(set)
    ids: dict[str, set[str]] = defaultdict(set)
    for patient, told in zip(ours, theirs, strict=True):
        patients[told].add(patient)
        ids[patient].add(told)
    most = max(2, len(ids) // 2)
    notes, remarks = [], []
    for told, names in patients.items():
        if len(names) > most:
            remarks.append(f"The PatientID {told} stands on images of {len(names):,} patients: it is nobody's name.")
    if parted := {told: names for told, names in patients.items() if 1 < len(names) <= most}:
        told, names = next(iter(parted.items()))
        count = len(set().union(*parted.values()))
        notes.append(
            f"The headers' PatientID joins {count:,} of the manifest's patients into {len(parted):,}: a woman may "
            "stand on both sides of a split. The manifest's patients are kept."
        )
        remarks.append(f"The patients {' and '.join(sorted(names)[:2])} are one, {told}, in their images' headers.")
    if joined := {patient: names for patient, names in ids.items() if len(names) > 1}:
        patient, names = next(iter(joined.items()))
        have = "has several PatientIDs in its" if len(joined) == 1 else "have several PatientIDs in their"
        remarks.append(
            f"{len(joined):,} of the manifest's patients {have} images' headers ({patient}: "
            f"{', '.join(sorted(names)[:3])}); the manifest's are kept."
        )
    return notes, remarks
