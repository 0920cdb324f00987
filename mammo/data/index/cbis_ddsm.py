"""The verb `index` for CBIS-DDSM: a folder of files becomes a `Dataset`; unreadable files are set aside."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from mammo.data.collections.cbis_ddsm.case_tables import Cases, find_case_files, images_of, read_cases
from mammo.data.collections.cbis_ddsm.discover import ATTRIBUTION, COLLECTION, discover_files
from mammo.data.dataset.dataset import DEPTH, REMARKS, STALLED, Dataset, refuse_links, write_dataset
from mammo.data.dataset.licence import licence_terms
from mammo.data.dataset.relicensing import about_before
from mammo.data.index.depths import decide_depths, reread_at_depth
from mammo.data.index.identical import identical_files
from mammo.data.index.inspected import inspect_files
from mammo.data.index.inspection import stalled_files
from mammo.data.index.join_files import join_crops, join_files, stored_root
from mammo.data.index.options import PLAIN, ReadingOptions
from mammo.data.index.reading_record import reading_record
from mammo.data.index.roles import Roles
from mammo.data.phantom import MARK, PhantomSpec, write_phantom
from mammo.errors import MammoError
from mammo.progress import Progress, Work
from mammo.specs import Home
from mammo.storage.atomic_files import remove_partial_files
from mammo.storage.locks import folder_lock

USUAL = "open"
"""The licence of CBIS-DDSM (CC BY 3.0) and of phantoms, which show no real patient."""


def index_phantom(
    home: Home,
    name: str,
    images: int,
    seed: int,
    workers: int | None = None,
    reading: ReadingOptions = PLAIN,
    licence: str = "",
) -> Work[Dataset]:
    """Write a phantom of `images` mammograms into the data set's folder and index it; its usual licence is open."""
    if not 1 <= images <= 100_000:
        raise MammoError(f"A phantom has between 1 and 100,000 images, not {images}.")
    home.refuse_shared()
    licence_terms({}, licence, USUAL)
    folder = home.dataset(name)
    refuse_links(home, name)
    with folder_lock(folder, "indexing"):
        yield from write_phantom(folder / "files", PhantomSpec(images, seed), workers)
    return (yield from index_cbis_ddsm(home, name, folder / "files", workers=workers, reading=reading, licence=licence))


def index_cbis_ddsm(
    home: Home,
    name: str,
    root: Path,
    csv: Path | None = None,
    metadata_only: bool = False,
    workers: int | None = None,
    reading: ReadingOptions = PLAIN,
    licence: str = "",
) -> Work[Dataset]:
    """Index a download of CBIS-DDSM in any of its layouts; unreadable files are quarantined.

    `metadata_only` indexes the case CSVs without any image. Files that an earlier index inspected and that have not
    changed are not read again. `licence` names an entry of LICENCES; where it is empty, an earlier licence stays, and
    the first is open. Raises MammoError where the folder, the CSVs or every image is missing.
    """
    home.refuse_shared()
    synthetic = (root / MARK).is_file()
    terms = licence_terms(about_before(home, name), licence, USUAL, "" if synthetic else ATTRIBUTION)
    if not root.is_dir():
        raise MammoError(f"There is no folder {root}; give the folder into which {COLLECTION} was downloaded.")
    tables = find_case_files(root, csv)
    cases = read_cases(tables)
    lesions = cases.lesions
    folder = home.dataset(name)
    refuse_links(home, name)
    if metadata_only:
        with folder_lock(folder, "indexing"):
            yield Progress("index", len(lesions), len(lesions), "lesions")
            return _write_metadata(home, name, cases, synthetic, terms)
    beside = dict.fromkeys(path.parent for path in tables.paths.values())
    discovered = discover_files(root, cases, excluded=home.path / "datasets", tables=beside)
    with folder_lock(folder, "indexing"):
        remove_partial_files(folder)
        files = [file for file in discovered.files if file in discovered.case or discovered.may_be_dicom(file)]
        facts = yield from inspect_files(folder, root, files, workers, reading.colour_marks)
        return (yield from _write_images(home, name, root, lesions, Roles(discovered, facts), reading, workers, terms))


def _write_metadata(home: Home, name: str, cases: Cases, synthetic: bool, terms: dict[str, str]) -> Dataset:
    images = join_files(images_of(cases.lesions), "", {})
    about = {
        "source": f"{COLLECTION}, case CSVs alone",
        "root": ".",
        "synthetic": synthetic,
        "quarantined": cases.aside,
    }
    about |= {
        "listed_images": len(images),
        "metadata_only": True,
        "notes": cases.notes,
        "missing": cases.missing,
        DEPTH: [],
        **terms,
    }
    return write_dataset(home, name, about, images, join_crops(cases.lesions, {}, {}))


def _write_images(
    home: Home,
    name: str,
    root: Path,
    lesions: pd.DataFrame,
    roles: Roles,
    reading: ReadingOptions,
    workers: int | None,
    terms: dict[str, str],
) -> Work[Dataset]:
    listed = images_of(lesions)
    full = {case: fact for case in listed["image"] if (fact := roles.full_image(case))}
    pairs = {
        lesion: roles.crop_and_mask(lesion, image)
        for lesion, image in zip(lesions["lesion"], lesions["image"], strict=True)
    }
    crops = {lesion: crop for lesion, (crop, _) in pairs.items() if crop}
    masks = {lesion: mask for lesion, (_, mask) in pairs.items() if mask}
    depths = decide_depths(home, name, full, crops, reading.bits)
    read = yield from reread_at_depth(
        home.dataset(name), root, {**full, **crops}, depths, workers, reading.colour_marks
    )
    roles.set_aside += [[fact.file, fact.reason] for fact in read.values() if fact.reason]
    full, crops = ({item: read[item] for item in files if not read[item].reason} for files in (full, crops))
    if not full and not crops:
        raise MammoError(
            f"None of the {len(roles.discovered.files)} image files under {root} is a readable image of the case CSVs"
            + (f" ({roles.set_aside[0][0]}: {roles.set_aside[0][1]})." if roles.set_aside else ".")
        )
    images = join_files(listed[listed["image"].isin(list(full))].reset_index(drop=True), "", full)
    about = {
        "source": roles.discovered.source,
        "root": str(stored_root(root, home.dataset(name))),
        "synthetic": bool(np.any([fact.synthetic for fact in roles.facts.values() if not fact.reason])),
        "listed_images": len(listed),
        "metadata_only": False,
        "missing": roles.discovered.missing,
        "quarantined": sorted(roles.set_aside),
        STALLED: stalled_files([*roles.facts.values(), *read.values()]),
        **reading_record(depths, [*full.values(), *crops.values()], roles.discovered.notes),
        **terms,
    }
    notes, remarks = identical_files(images)
    about |= {"notes": [*about["notes"], *notes], REMARKS: [*about[REMARKS], *remarks]}
    return write_dataset(home, name, about, images, join_crops(lesions, crops, masks))
