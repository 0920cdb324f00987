"""A home to share: sweeps, and what Compare and Inspect show of their data sets, read-only and without pixels."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mammo.data.dataset import DEPTH, REMARKS, Dataset, write_dataset
from mammo.errors import MammoError
from mammo.files import PARTIAL, unwritable, whole_file, write_json, write_text
from mammo.progress import Progress, Work
from mammo.results.exports.files import about_sweeps
from mammo.results.exports.pseudonyms import Pseudonyms
from mammo.results.scores import StoredRun
from mammo.results.sweep import ABOUT, HISTORY, IMAGES, LOGITS, PARTS_FILE, RUNS, Sweep, sweep_of
from mammo.specs import SHARED, Home

if TYPE_CHECKING:
    import pandas as pd

    from mammo.results.exports.chosen import Chosen

COPIED = (RUNS, LOGITS, PARTS_FILE, HISTORY)
WITHHELD = "withheld"
"""Stands for a file that is not there."""


@dataclass(frozen=True)
class Options:
    """What may leave the house: `previews` are small pictures; `names` are those of patients and images."""

    previews: bool = False
    names: bool = False


def write_demo(chosen: Chosen, place: Path, options: Options) -> Work[None]:
    """Write the sweeps of what was chosen as a home that `mammo serve --home` shows and nothing can be added to.

    An earlier demo in `place` is replaced. Raises MammoError where `place` holds anything else, or a data set has
    changed since it was scored.
    """
    _refuse_other(chosen.home, place)
    names = dict.fromkeys(sweep_of(member) for sweep in chosen.sweeps for member in _members(sweep))
    opened = [Sweep.open(chosen.home, name) for name in names]
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=PARTIAL, dir=place.parent))
    except OSError as error:
        raise unwritable(place, error) from error
    try:
        yield from _fill(chosen.home, Home(beside), opened, options)
        beside.chmod(0o755)
        if place.exists():
            shutil.rmtree(place)
        os.replace(beside, place)
    except OSError as error:
        raise unwritable(place, error) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _members(sweep: Sweep) -> list[str]:
    """The stored runs that a sweep's runs are made of."""
    members: list[str] = sweep.about.get("members") or [str(sweep.runs["run"].iloc[0]).partition("@")[0]]
    return members


def _refuse_other(home: Home, place: Path) -> None:
    if place.absolute() == home.path:
        raise MammoError(f"{place} is the home itself; name another folder for the demo.")
    if place.exists() and not (place / SHARED).is_file() and (not place.is_dir() or any(place.iterdir())):
        raise MammoError(f"{place} is there and is no earlier demo; name a new or an empty folder.")


def _fill(home: Home, shared: Home, opened: list[Sweep], options: Options) -> Work[None]:
    kinds: dict[str, set[str]] = {}
    for sweep in opened:
        kinds.setdefault(StoredRun(sweep, 0).dataset(home).name, set()).add(str(sweep.runs["kind"].iloc[0]))
    made: dict[str, tuple[Dataset, Pseudonyms | None]] = {}
    for name, used in kinds.items():
        dataset = Dataset.open(home, name)
        pseudonyms = None if options.names else Pseudonyms.of(dataset)
        made[name] = _share_dataset(shared, dataset, pseudonyms), pseudonyms
        if options.previews:
            _copy_previews(shared, dataset, used)
    for done, sweep in enumerate(opened, start=1):
        _share_sweep(shared, sweep, *made[sweep.about["dataset"]["name"]])
        yield Progress("demo", done, len(opened), "sweeps")
    write_text(shared.path / "README.md", _about(opened, options))
    write_json(shared.path / SHARED, {"sweeps": [sweep.id for sweep in opened], **vars(options)})


def _share_dataset(shared: Home, dataset: Dataset, pseudonyms: Pseudonyms | None) -> Dataset:
    """The data set's tables, with nothing of its files but their digests."""
    tables = [table if pseudonyms is None else pseudonyms.over(table) for table in (dataset.images, dataset.lesions)]
    images, lesions = (_without_files(table) for table in tables)
    depth = [replace(record, dark={}).to_json() for record in dataset.depths]  # the dark films' names stay at home
    about = {**dataset.about, "root": ".", "quarantined": [], "metadata_only": True, DEPTH: depth, REMARKS: []}
    return write_dataset(shared, dataset.name, about, images, lesions)


def _without_files(table: pd.DataFrame) -> pd.DataFrame:
    gone: dict[str, Any] = {name: None for name in ("file", "hash", "crop_hash", "mask") if name in table}
    if "crop" in table:
        gone["crop"] = table["crop"].where(table["crop"].isna(), WITHHELD)
    return table.assign(**gone)


def _copy_previews(shared: Home, dataset: Dataset, kinds: set[str]) -> None:
    folder = shared.dataset(dataset.name) / "previews"
    folder.mkdir()
    for kind in kinds:
        for image in dataset.table(kind)["image"]:
            if (preview := dataset.preview(image)).is_file():
                shutil.copyfile(preview, folder / preview.name)


def _share_sweep(shared: Home, sweep: Sweep, dataset: Dataset, pseudonyms: Pseudonyms | None) -> None:
    folder = shared.sweep(sweep.id)
    folder.mkdir(parents=True)
    for file in COPIED:
        shutil.copyfile(sweep.folder / file, folder / file)
    images = sweep.images if pseudonyms is None else pseudonyms.over(sweep.images)
    with whole_file(folder / IMAGES) as stream:
        images.to_parquet(stream, index=False)
    kind = str(sweep.runs["kind"].iloc[0])
    content = {**sweep.about, "dataset": {**sweep.about["dataset"], "digest": dataset.digest(kind)}}
    write_json(folder / ABOUT, content)
    stored = (sweep.folder / ABOUT).stat()
    os.utime(folder / ABOUT, ns=(stored.st_atime_ns, stored.st_mtime_ns))  # sweeps are listed by their age


def _about(opened: list[Sweep], options: Options) -> str:
    pictures = "Small pictures of the images are here." if options.previews else "No picture is here."
    named = "" if options.names else " Patients, images and films have made-up names."
    told = f"Scores, settings and what is known of each image. {pictures}{named} No weights of heads are here."
    serve = "It is a home for `mammo`, which shows it without torch, from a folder that nobody may write to as well:"
    install, show = "pip install -r requirements-demo.txt", "python -m mammo serve --home THIS_FOLDER"
    commands = [f"{install}     # in a checkout of mammo", show]
    lines = ["# A shared home", "", told, "", serve, "", "```sh", *commands, "```", ""]
    return "\n".join([*lines, *about_sweeps(opened)])
