"""The verb `index` for a manifest: a user's images, masks and boxes become a `Dataset`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from mammo.data.collections.cbis_ddsm.case_tables import images_of
from mammo.data.dataset.dataset import REMARKS, STALLED, Dataset, refuse_links, write_dataset
from mammo.data.dataset.licence import licence_terms
from mammo.data.dataset.relicensing import MANIFEST, about_before
from mammo.data.depths.record import GroupDepth
from mammo.data.files.frame_range import FrameRange
from mammo.data.files.guarding import load_decoders
from mammo.data.files.header.header import Header
from mammo.data.index.cutting import CutRequest, cut, cutting_limits, failed_cut
from mammo.data.index.depths import decide_depths, depth_of, reread_at_depth
from mammo.data.index.identical import identical_files
from mammo.data.index.inspected import inspect_files
from mammo.data.index.inspection import FileFacts, stalled_files
from mammo.data.index.join_files import join_crops, join_files
from mammo.data.index.options import PLAIN, ReadingOptions
from mammo.data.index.reading_record import reading_record
from mammo.data.manifest.columns.columns import BOX
from mammo.data.manifest.header_columns import HeaderUse, apply_headers
from mammo.data.manifest.manifest import NO_PATIENTS, Manifest, read_manifest
from mammo.data.manifest.options import ManifestOptions
from mammo.errors import MammoError
from mammo.processes.guarded import GuardedWork, guarded_map
from mammo.progress import Progress, Work
from mammo.specs import Home
from mammo.specs.class_names import class_names
from mammo.storage.atomic_files import remove_partial_files
from mammo.storage.locks import folder_lock

USUAL = "no-pixels"
"""The licence of images without stated terms: the terms of most collections that are available on request."""


def index_manifest(
    home: Home,
    name: str,
    path: Path,
    columns: Mapping[str, str] | None = None,
    positive: Iterable[str] = (),
    workers: int | None = None,
    options: ManifestOptions | None = None,
    reading: ReadingOptions = PLAIN,
) -> Work[Dataset]:
    """Index the images that a manifest lists; rows and files that cannot be read are quarantined.

    `columns` maps our column names to the manifest's, `positive` names the labels that mean malignant; `options` holds
    these and all other options of a manifest, `reading` those of reading files. Where no licence is named, an earlier
    one stays, and the first is `USUAL`. Raises MammoError as `read_manifest` does, or where no image can be read.
    """
    home.refuse_shared()
    options = options or ManifestOptions()
    terms = licence_terms(about_before(home, name, f"{MANIFEST}{path.name}"), options.licence, USUAL)
    manifest = read_manifest(path, columns, positive, options)
    folder = home.dataset(name)
    refuse_links(home, name)
    with folder_lock(folder, "indexing"):
        remove_partial_files(folder)
        return (yield from _index_rows(home, name, manifest, options, reading, terms, workers))


def _index_rows(
    home: Home,
    name: str,
    manifest: Manifest,
    options: ManifestOptions,
    reading: ReadingOptions,
    terms: dict[str, str],
    workers: int | None,
) -> Work[Dataset]:
    """Inspect the files of a manifest's rows, cut their frames and crops, and write the index."""
    folder, root, rows = home.dataset(name), manifest.root, manifest.rows
    plain_paths = rows.loc[rows["frame"] == "", "path"]
    files = [file for file in dict.fromkeys([*plain_paths, *rows["mask"].dropna()]) if file not in manifest.absent]
    facts = yield from inspect_files(folder, root, files, workers, reading.colour_marks)
    facts |= {file: FileFacts(file, 0, 0, reason=why) for file, why in manifest.absent.items()}
    framed = _frames(rows[~rows["path"].isin(list(manifest.absent))], root, folder, reading.colour_marks)
    frames = yield from _cut("frames", framed, workers)
    images, aside = _images(rows, facts, frames)
    manifest, images, unwanted = _with_headers(manifest, images, options.headers)
    rows, aside = manifest.rows, aside + unwanted
    depths = decide_depths(home, name, images, {}, reading.bits)
    read = yield from _at_depth(folder, root, images, framed, depths, workers, reading.colour_marks)
    images = {item: fact for item, fact in read.items() if not fact.reason}
    failed = [[item, fact.reason] for item, fact in read.items() if fact.reason]
    masks, bad_masks = _masks(rows, facts)
    boxed = _crops(rows[rows["image"].isin(list(images))], masks, root, folder, images, depths, reading.colour_marks)
    all_crops = yield from _cut("crops", boxed, workers)
    aside += failed + bad_masks + [[item, fact.reason] for item, fact in all_crops.items() if fact.reason]
    crops = {item: fact for item, fact in all_crops.items() if not fact.reason}
    record = reading_record(depths, list(images.values()), manifest.notes, manifest.remarks)
    stalled = stalled_files([*facts.values(), *frames.values(), *read.values(), *all_crops.values()])
    record |= terms
    record |= {"quarantined": sorted(manifest.quarantined + aside), STALLED: stalled}
    return _write(home, name, manifest, images, crops, masks, record)


def _with_headers(
    manifest: Manifest, images: dict[str, FileFacts], use: HeaderUse
) -> tuple[Manifest, dict[str, FileFacts], list[list[str]]]:
    """Return the manifest with the values of headers, the images that remain, and the images that are set aside."""
    headers = {image: Header.from_text(fact.header) for image, fact in images.items()}
    header_facts = apply_headers(manifest.rows, headers, "patient" in manifest.columns, use)
    notes = [note for note in manifest.notes if note != NO_PATIENTS or not header_facts.took_patients]
    remarks = [*manifest.remarks, *header_facts.remarks]
    manifest = replace(manifest, rows=header_facts.rows, notes=[*notes, *header_facts.notes], remarks=remarks)
    manifest = replace(manifest, extra=[*manifest.extra, *header_facts.extra])
    remaining = {image: fact for image, fact in images.items() if image not in header_facts.aside}
    return manifest, remaining, [[image, reason] for image, reason in header_facts.aside.items()]


def _at_depth(
    folder: Path,
    root: Path,
    images: dict[str, FileFacts],
    framed: list[CutRequest],
    depths: list[GroupDepth],
    workers: int | None,
    colour_marks: bool,
) -> Work[dict[str, FileFacts]]:
    """Read the images at the depth of their group: frames are cut, files read again. Failures have a reason."""
    waiting = [request for request in framed if request.item in images and not images[request.item].digest]
    decided = [replace(request, decided=True, depth=depth_of(images[request.item], depths)) for request in waiting]
    images = images | (yield from _cut("frames", decided, workers))
    return (yield from reread_at_depth(folder, root, images, depths, workers, colour_marks))


def _frames(rows: pd.DataFrame, root: Path, folder: Path, marks: bool) -> list[CutRequest]:
    """The requests for all frames that the manifest names, one a frame."""
    framed = rows[rows["frame"] != ""].drop_duplicates("image")
    return [
        CutRequest(
            str(image), root, str(file), FrameRange.parse(frames), None, "", folder.absolute(), None, False, marks
        )
        for image, file, frames in zip(framed["image"], framed["path"], framed["frame"], strict=True)
    ]


def _crops(
    rows: pd.DataFrame,
    masks: dict[str, FileFacts],
    root: Path,
    folder: Path,
    images: dict[str, FileFacts],
    depths: list[GroupDepth],
    marks: bool,
) -> list[CutRequest]:
    """The requests for the crops of all findings with a box or a mask, at the depth of their film."""
    cuts = []
    for row in rows.to_dict("records"):
        left, top, right, bottom = (row[side] for side in BOX)
        box = None if pd.isna(left) else (int(left), int(top), int(right), int(bottom))
        mask = masks[row["lesion"]].file if row["lesion"] in masks else ""
        depth = depth_of(images[row["image"]], depths)
        frames = FrameRange.parse(row["frame"])
        request = CutRequest(
            row["lesion"], root, row["path"], frames, box, mask, folder.absolute(), depth, colour_marks=marks
        )
        if request.wants_crop:
            cuts.append(request)
    return cuts


def _cut(stage: str, cuts: list[CutRequest], workers: int | None) -> Work[dict[str, FileFacts]]:
    facts = {}
    work = GuardedWork(cut, cutting_limits, load_decoders)
    for request, fact in guarded_map(work, cuts, failed_cut, workers):
        facts[request.item] = fact
        yield Progress(stage, len(facts), len(cuts), stage)
    return {request.item: facts[request.item] for request in cuts}


def _images(
    rows: pd.DataFrame, facts: dict[str, FileFacts], frames: dict[str, FileFacts]
) -> tuple[dict[str, FileFacts], list[list[str]]]:
    """Return the facts of the readable images, and the images that are set aside."""
    images, aside = {}, []
    for row in rows.drop_duplicates("image").to_dict("records"):
        fact = frames.get(row["image"]) or facts[row["path"]]
        if fact.reason:
            aside.append([row["image"], f"row {row['row']}: {fact.reason}"])
        else:
            images[row["image"]] = fact
    return images, aside


def _masks(rows: pd.DataFrame, facts: dict[str, FileFacts]) -> tuple[dict[str, FileFacts], list[list[str]]]:
    masks, aside = {}, []
    for row in rows[rows["mask"].notna()].to_dict("records"):
        fact = facts[row["mask"]]
        if fact.reason or fact.role != "mask":
            why = fact.reason or "no mask: its pixels have more than two values"
            aside.append([row["mask"], f"row {row['row']}: {why}"])
        else:
            masks[row["lesion"]] = fact
    return masks, aside


def _write(
    home: Home,
    name: str,
    manifest: Manifest,
    images: dict[str, FileFacts],
    crops: dict[str, FileFacts],
    masks: dict[str, FileFacts],
    record: dict[str, Any],
) -> Dataset:
    rows = manifest.rows.drop(columns="mask")
    if not images:
        raise MammoError(
            f"None of the images that {manifest.path} lists can be read ({': '.join(record['quarantined'][0])}); "
            f"paths are relative to {manifest.root} (--root names another folder)."
        )
    listed = images_of(rows).merge(
        rows.groupby("image", sort=True)[manifest.extra].first().reset_index(), on="image", validate="one_to_one"
    )
    table = join_files(listed[listed["image"].isin(list(images))].reset_index(drop=True), "", images)
    several = rows.loc[rows["image"].isin(list(images)), "image"].duplicated().any()
    findings = rows if several or crops or masks else rows.iloc[:0]
    about = {
        "source": f"{MANIFEST}{manifest.path.name}",
        "root": str(manifest.root),
        "synthetic": any(fact.synthetic for fact in images.values()),
        "listed_images": len(listed),
        "metadata_only": False,
        "columns": manifest.columns,
        "missing": manifest.missing,
        **({"classes": manifest.classes} if manifest.classes else {}),
        **({"labels_from_birads": True} if manifest.labels_from_birads else {}),
        **record,
    }
    notes, remarks = identical_files(table, class_names(about))
    about |= {"notes": [*record["notes"], *notes], REMARKS: [*record[REMARKS], *remarks]}
    return write_dataset(home, name, about, table, join_crops(findings, crops, masks))
