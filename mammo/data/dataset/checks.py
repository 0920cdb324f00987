"""Checks of an index: the types of its metadata, its columns, and file names that stay in its folder."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, NotRequired, TypedDict

import pandas as pd

from mammo.data.depths.record import GroupDepth
from mammo.errors import MammoError, brief
from mammo.storage.digests import digest_json
from mammo.storage.tables import BOOLEAN, INTEGER, TEXT, check_columns, check_unique
from mammo.storage.typed import typed

DIGEST = "digest"
"""The key under which the stored `about` holds its own digest; earlier versions stored none."""
LESIONS_FILE = re.compile(r"lesions-[0-9a-f]{12}\.parquet")
IMAGE_COLUMNS = {
    **dict.fromkeys(
        ("image", "patient", "breast", "view", "film", "label", "pathology", "file", "digest", "rules"), TEXT
    ),
    **dict.fromkeys(("rows", "columns", "bytes", "modified", "depth", "zero", "lesions"), INTEGER),
    "conflict": BOOLEAN,
}
LESION_COLUMNS = {
    **dict.fromkeys(("image", "lesion", "patient", "label", "pathology", "crop", "crop_digest", "mask"), TEXT),
    **dict.fromkeys(("crop_bytes", "crop_modified", "crop_depth", "crop_zero"), INTEGER),
}
"""The columns of an index and their types; values may be missing."""


class DatasetAbout(TypedDict):
    """The metadata of an index."""

    source: str
    root: str
    synthetic: bool
    quarantined: list[list[str]]
    lesions_file: str
    metadata_only: NotRequired[bool]
    listed_images: NotRequired[int]
    missing: NotRequired[dict[str, int]]
    notes: NotRequired[list[str]]
    remarks: NotRequired[list[str]]
    stalled: NotRequired[list[str]]
    depth: NotRequired[list[GroupDepth]]
    columns: NotRequired[dict[str, Any] | None]
    classes: NotRequired[dict[str, str] | None]
    labels_from_birads: NotRequired[Any]
    digest: NotRequired[str]


def checked_about(content: Any, images: pd.DataFrame) -> dict[str, Any]:
    """Return the metadata of an index; raises ValueError where it differs from what was written or has a wrong type."""
    about: dict[str, Any] = dict(typed(content, DatasetAbout, "index"))
    digest = about.pop(DIGEST, None)
    if digest not in (None, digest_of(about, images)):
        raise ValueError("it does not have the digest it was written with")
    if not LESIONS_FILE.fullmatch(about["lesions_file"]):
        raise ValueError(f"it names {brief(about['lesions_file'])} as the file of its lesions")
    if any(len(pair) != 2 for pair in about["quarantined"]):
        raise ValueError("what was set aside is no list of files and reasons")
    return about


def digest_of(about: Mapping[str, Any], images: pd.DataFrame) -> str:
    """The digest of an index's metadata and column names; the pages of its file have their own checksums."""
    return digest_json([json.loads(json.dumps(about)), [str(name) for name in images]])


def check_images(images: pd.DataFrame) -> None:
    """Raise ValueError where a table is not a valid table of images."""
    check_columns(images, IMAGE_COLUMNS)
    check_unique(images, "image")


def check_lesions(lesions: pd.DataFrame) -> None:
    """Raise ValueError where a table is not a valid table of lesions."""
    check_columns(lesions, LESION_COLUMNS)


def checked_file_name(file: str) -> str:
    """Return the name of a file below a folder; raises MammoError where it leads out of the folder."""
    if not file or PurePosixPath(file).is_absolute() or ".." in PurePosixPath(file).parts or "\0" in file:
        raise MammoError(f"The name {brief(file)} leads out of its folder; index the data set again.")
    return file
