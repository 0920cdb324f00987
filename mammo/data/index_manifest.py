"""The verb `index` for a manifest: anybody's images, masks and boxes become a `Dataset`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from mammo.data.attach import attach_crops, attach_files
from mammo.data.casecsv import images_of
from mammo.data.cutting import Cut, cut, not_cut
from mammo.data.dataset import Dataset, write_dataset
from mammo.data.identical import identical_files
from mammo.data.inspected import inspect_files
from mammo.data.inspection import FileFacts
from mammo.data.manifest import BOX, Manifest, ManifestOptions, read_manifest
from mammo.errors import MammoError
from mammo.files import only_one, sweep_partials
from mammo.parallel import guarded_map
from mammo.progress import Progress, Work
from mammo.specs import Home


def index_manifest(
    home: Home,
    name: str,
    path: Path,
    columns: Mapping[str, str] | None = None,
    positive: Iterable[str] = (),
    workers: int | None = None,
    options: ManifestOptions | None = None,
) -> Work[Dataset]:
    """Index the images that a manifest lists; rows and files that cannot be read are quarantined, the rest goes on.

    `columns` maps our column names to the manifest's, `positive` names the labels that mean malignant; `options` hold
    these and all else that a user may say of a manifest. Raises MammoError as `read_manifest` does, or where no image
    can be read.
    """
    home.refuse_shared()
    manifest = read_manifest(path, columns, positive, options)
    folder, root = home.dataset(name), manifest.root
    rows = manifest.rows
    with only_one(folder, "indexing"):
        sweep_partials(folder)
        plain = rows.loc[rows["frame"] == 0, "path"]
        wanted = [file for file in dict.fromkeys([*plain, *rows["mask"].dropna()]) if file not in manifest.absent]
        facts = yield from inspect_files(folder, root, wanted, workers)
        facts |= {file: FileFacts(file, 0, 0, reason=why) for file, why in manifest.absent.items()}
        frames = yield from _cut(
            "frames", _frames(rows[~rows["path"].isin(list(manifest.absent))], root, folder), workers
        )
        images, aside = _images(rows, facts, frames)
        masks, wrong = _masks(rows, facts)
        crops = yield from _cut("crops", _crops(rows[rows["image"].isin(list(images))], masks, root, folder), workers)
        aside += wrong + [[item, fact.reason] for item, fact in crops.items() if fact.reason]
        found = {item: fact for item, fact in crops.items() if not fact.reason}
        return _write(home, name, manifest, images, found, masks, aside)


def _frames(rows: pd.DataFrame, root: Path, folder: Path) -> list[Cut]:
    """The frames that are named, once each."""
    framed = rows[rows["frame"] > 0].drop_duplicates("image")
    return [
        Cut(str(image), root, str(file), int(frame), None, "", folder.absolute())
        for image, file, frame in zip(framed["image"], framed["path"], framed["frame"], strict=True)
    ]


def _crops(rows: pd.DataFrame, masks: dict[str, FileFacts], root: Path, folder: Path) -> list[Cut]:
    """The findings that have a box or a mask."""
    cuts = []
    for row in rows.to_dict("records"):
        left, top, right, bottom = (row[side] for side in BOX)
        box = None if pd.isna(left) else (int(left), int(top), int(right), int(bottom))
        mask = masks[row["lesion"]].file if row["lesion"] in masks else ""
        request = Cut(row["lesion"], root, row["path"], int(row["frame"]), box, mask, folder.absolute())
        if request.wants_crop:
            cuts.append(request)
    return cuts


def _cut(stage: str, cuts: list[Cut], workers: int | None) -> Work[dict[str, FileFacts]]:
    found = {}
    for request, fact in zip(cuts, guarded_map(cut, cuts, not_cut, workers), strict=True):
        found[request.item] = fact
        yield Progress(stage, len(found), len(cuts), stage)
    return found


def _images(
    rows: pd.DataFrame, facts: dict[str, FileFacts], frames: dict[str, FileFacts]
) -> tuple[dict[str, FileFacts], list[list[str]]]:
    """The readable images, and what is set aside of those listed."""
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
    aside: list[list[str]],
) -> Dataset:
    rows = manifest.rows.drop(columns="mask")
    if not images:
        raise MammoError(
            f"None of the images that {manifest.path} lists can be read ({aside[0][0]}: {aside[0][1]}); "
            f"paths are relative to {manifest.root} (--root names another folder)."
        )
    listed = images_of(rows).merge(
        rows.groupby("image", sort=True)[manifest.extra].first().reset_index(), on="image", validate="one_to_one"
    )
    table = attach_files(listed[listed["image"].isin(list(images))].reset_index(drop=True), "", images)
    findings = rows if len(rows) > len(listed) or crops or masks else rows.iloc[:0]
    about = {
        "source": f"manifest {manifest.path.name}",
        "root": str(manifest.root),
        "synthetic": any(fact.synthetic for fact in images.values()),
        "listed_images": len(listed),
        "metadata_only": False,
        "notes": [*manifest.notes, *identical_files(table)],
        "quarantined": sorted(manifest.quarantined + aside),
        "columns": manifest.columns,
        "missing": manifest.missing,
        **({"classes": manifest.classes} if manifest.classes else {}),
    }
    return write_dataset(home, name, about, table, attach_crops(findings, crops, masks))
