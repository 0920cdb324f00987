"""The verb `index`: a folder of files becomes a `Dataset`, and what cannot be read is set aside with the reason."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mammo.data.casecsv import find_case_files, images_of, read_lesions
from mammo.data.dataset import FILE, Dataset, write_dataset
from mammo.data.inspection import FileFacts, inspect_file, preview_name
from mammo.data.nbia import list_case_files
from mammo.data.phantom import PhantomSpec, write_phantom
from mammo.errors import MammoError
from mammo.files import only_one, sweep_partials, whole_file
from mammo.parallel import ordered_map
from mammo.progress import Progress, Work
from mammo.specs import Home

FLUSH = 1000
INSPECTED = "files.parquet"


def index_phantom(home: Home, name: str, images: int, seed: int, workers: int | None = None) -> Work[Dataset]:
    """Write a phantom of `images` mammograms inside the data set's folder and index it."""
    if not 1 <= images <= 100_000:
        raise MammoError(f"A phantom has between 1 and 100,000 images, not {images}.")
    folder = home.dataset(name)
    with only_one(folder, "indexing"):
        yield from write_phantom(folder / "files", PhantomSpec(images, seed), workers)
    return (yield from index_cbis_ddsm(home, name, folder / "files", workers=workers))


def index_cbis_ddsm(
    home: Home, name: str, root: Path, csv: Path | None = None, workers: int | None = None
) -> Work[Dataset]:
    """Index a CBIS-DDSM tree; unreadable files are quarantined and the rest goes on.

    Files inspected before and unchanged since are not read again. Raises MammoError where the folder,
    the CSVs or every image is missing.
    """
    folder = home.dataset(name)
    by_folder = list_case_files(root)
    lesions = read_lesions(find_case_files(root, csv))
    with only_one(folder, "indexing"):
        sweep_partials(folder)
        facts = yield from _inspect(folder, root, [file for files in by_folder.values() for file in files], workers)
        found = _Found(by_folder, facts)
        images = _attach(images_of(lesions), "image", found)
        lesions = _attach_lesions(lesions, found)
        if images.empty and lesions["crop"].isna().all():
            raise MammoError(f"None of the {len(facts)} DICOM files under {root} is a readable image of the case CSVs.")
        inside = root.absolute().is_relative_to(folder.absolute())
        place = root.absolute().relative_to(folder.absolute()) if inside else root.absolute()
        about = _about(place, facts, found, listed=lesions["image"].nunique())
        return write_dataset(home, name, about, images, lesions)


class _Found:
    """The inspected files by case folder, and the list of those set aside."""

    def __init__(self, by_folder: dict[str, list[str]], facts: dict[str, FileFacts]) -> None:
        self.by_folder = {folder: [facts[file] for file in files] for folder, files in by_folder.items()}
        self.quarantined = [[fact.file, fact.reason] for fact in facts.values() if fact.reason]
        self.used: set[str] = set()

    def one(self, folder: str, role: str) -> FileFacts | None:
        """The largest readable file of `role` in a case folder; files of that role beside it are set aside."""
        files = [fact for fact in self.by_folder.get(folder, []) if not fact.reason and fact.role == role]
        files.sort(key=lambda fact: (-fact.rows * fact.columns, fact.file))
        self.used.update(fact.file for fact in files)
        self.quarantined += [[fact.file, f"a second {role} in {folder}"] for fact in files[1:]]
        return files[0] if files else None

    def set_aside_unused(self) -> None:
        """Put readable files that no row of the CSVs asked for on the list."""
        for folder, files in self.by_folder.items():
            for fact in files:
                if not fact.reason and fact.file not in self.used:
                    self.quarantined.append([fact.file, f"the case CSVs list no {fact.role} in the folder {folder}"])


def _inspect(folder: Path, root: Path, files: list[str], workers: int | None) -> Work[dict[str, FileFacts]]:
    known = _known(folder, root)
    facts = {file: known[file] for file in files if file in known}
    todo = [file for file in files if file not in facts]
    previews = (folder / "previews").absolute()
    requests = ((root.absolute(), file, previews) for file in todo)
    yield Progress("index", len(facts), len(files), "files")
    for count, fact in enumerate(ordered_map(inspect_file, requests, workers if len(todo) > 8 else 1), start=1):
        facts[fact.file] = fact
        if count % FLUSH == 0:
            _remember(folder, facts.values())
        yield Progress("index", len(facts), len(files), "files")
    if todo:
        _remember(folder, facts.values())
    return {file: facts[file] for file in files}


def _remember(folder: Path, facts: Iterable[FileFacts]) -> None:
    with whole_file(folder / INSPECTED) as stream:
        pd.DataFrame([dataclasses.asdict(fact) for fact in facts]).to_parquet(stream, index=False)


def _known(folder: Path, root: Path) -> dict[str, FileFacts]:
    """What an earlier run found in files that have neither changed nor lost their preview since."""
    try:
        table = pd.read_parquet(folder / INSPECTED)
    except (OSError, ValueError):
        return {}
    if list(table.columns) != [field.name for field in dataclasses.fields(FileFacts)]:
        return {}
    known = {}
    for row in table.to_dict("records"):
        fact = FileFacts(**{str(key): value for key, value in row.items()})
        if _unchanged(root / fact.file, fact) and _has_preview(folder, fact):
            known[fact.file] = fact
    return known


def _unchanged(path: Path, fact: FileFacts) -> bool:
    try:
        stat = path.stat()
    except OSError:
        return False
    return not fact.reason and (stat.st_size, stat.st_mtime_ns) == (fact.bytes, fact.modified)


def _has_preview(folder: Path, fact: FileFacts) -> bool:
    return fact.role == "mask" or (folder / "previews" / preview_name(fact.digest)).is_file()


def _attach(images: pd.DataFrame, column: str, found: _Found) -> pd.DataFrame:
    """The listed images whose file was found and read, with the columns of their file."""
    facts = [found.one(folder, "image") for folder in images[column]]
    kept = images[[fact is not None for fact in facts]].reset_index(drop=True)
    files = pd.DataFrame([dataclasses.asdict(fact) for fact in facts if fact], columns=FILE)
    return pd.concat([kept, files], axis=1)


def _attach_lesions(lesions: pd.DataFrame, found: _Found) -> pd.DataFrame:
    """All listed lesions; `crop` and `mask` are the files whose pixels are one, missing where there is none."""
    crops = [found.one(folder, "image") for folder in lesions["lesion"]]
    masks = [found.one(folder, "mask") for folder in lesions["lesion"]]
    rows = {
        "crop": [fact.file if fact else None for fact in crops],
        **{f"crop_{name}": [getattr(fact, name) if fact else None for fact in crops] for name in FILE[1:]},
        "mask": [fact.file if fact else None for fact in masks],
    }
    files = pd.DataFrame(rows, index=lesions.index)
    whole = {f"crop_{name}": "Int64" for name in ("rows", "columns", "bytes", "modified")}
    attached = pd.concat([lesions, files.astype(whole)], axis=1)
    return attached.drop(columns=["image_path", "crop_path", "mask_path"]).sort_values("lesion", ignore_index=True)


def _about(root: Path, facts: dict[str, FileFacts], found: _Found, listed: int) -> dict[str, Any]:
    found.set_aside_unused()
    readable = [fact for fact in facts.values() if not fact.reason]
    return {
        "source": "CBIS-DDSM, NBIA tree",
        "root": str(root),
        "synthetic": bool(np.any([fact.synthetic for fact in readable])),
        "listed_images": listed,
        "quarantined": sorted(found.quarantined),
    }


def summary(dataset: Dataset) -> dict[str, Any]:
    """The counts of a data set, as `mammo index --json` prints them."""
    images, lesions = dataset.images, dataset.lesions
    everyone = pd.concat([images["patient"], lesions.loc[lesions["crop"].notna(), "patient"]])
    held = lesions[lesions["image"].isin(images["image"]) | lesions["crop"].notna()]
    return {
        "dataset": dataset.name,
        "synthetic": dataset.synthetic,
        "images": len(images),
        "views": int(images["film"].nunique()),
        "lesions": len(held),
        "patients": int(everyone.nunique()),
        "labels": {str(name).lower(): int(count) for name, count in held["pathology"].value_counts().items()},
        "image_labels": {str(name): int(count) for name, count in images["label"].value_counts().items()},
        "conflicts": int(images["conflict"].sum()),
        "kinds": {
            "full": len(images),
            "crop": int(lesions["crop"].notna().sum()),
            "mask": int(lesions["mask"].notna().sum()),
        },
        "listed_images": int(dataset.about["listed_images"]),
        "quarantined": [{"path": path, "reason": reason} for path, reason in dataset.about["quarantined"]],
    }
