"""A CBIS-DDSM tree as the NBIA downloader lays it out: one folder a case or lesion, DICOM files deep inside."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path

from mammo.errors import MammoError

COLLECTION = "CBIS-DDSM"


def list_case_files(root: Path) -> dict[str, list[str]]:
    """The DICOM files under `root`, relative to it, by the name of their case or lesion folder.

    Raises MammoError where the folder is missing or holds no `.dcm` file.
    """
    if not root.is_dir():
        raise MammoError(f"There is no folder {root}; give the folder that holds {COLLECTION}/ and the case CSVs.")
    base = root / COLLECTION if (root / COLLECTION).is_dir() else root
    files: dict[str, list[str]] = defaultdict(list)
    for folder, _, names in os.walk(base):
        for name in names:
            if name.lower().endswith(".dcm"):
                path = Path(folder) / name
                _refuse_unspeakable(path)
                files[path.relative_to(base).parts[0]].append(str(path.relative_to(root)))
    if not files:
        raise MammoError(
            f"{root} holds no DICOM file (.dcm); give the folder into which the collection {COLLECTION} was downloaded."
        )
    return {folder: sorted(files[folder]) for folder in sorted(files)}


def _refuse_unspeakable(path: Path) -> None:
    """Raise MammoError where a file's name is no UTF-8: an index could not hold it."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise MammoError(f"The name of the file {str(path)!a} is not UTF-8; rename it.") from None
