"""A home to share: sweeps, and what Compare and Inspect show of their data sets, read-only and without pixels."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mammo.data.dataset.dataset import Dataset
from mammo.errors import MammoError
from mammo.progress import Progress, Work
from mammo.results.exports.files import SOURCE, about_sweeps
from mammo.results.exports.shared_home.shared_dataset import share_dataset
from mammo.results.exports.shared_home.shared_sweep import NeutralCaches, date_sweeps, share_sweep
from mammo.results.exports.terms import attributions
from mammo.results.markdown import marked
from mammo.runs.stored_run import StoredRun
from mammo.runs.stored_splits import SHUFFLED
from mammo.runs.sweep import Sweep, sweep_name_of
from mammo.runs.sweep_files import ABOUT
from mammo.specs import SHARED, Home
from mammo.storage.atomic_files import PARTIAL, write_error, write_text
from mammo.storage.json_files import write_json
from mammo.storage.locks import LOCK, folder_lock

if TYPE_CHECKING:
    from mammo.results.exports.chosen import Chosen


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
    names = dict.fromkeys(sweep_name_of(member) for sweep in chosen.sweeps for member in _members(sweep))
    opened = [Sweep.open(chosen.home, name) for name in names]
    place = place.absolute()
    beside, before = (place.parent / f"{PARTIAL}{place.name}{end}" for end in ("", ".before"))
    with folder_lock(beside, "exporting"):
        try:
            _clear(beside)
            if before.exists() and not place.exists():
                os.replace(before, place)  # a killed export had moved it aside
            shutil.rmtree(before, ignore_errors=True)
            yield from _fill(chosen.home, Home(beside), opened, options)
            _put(beside, place, before)
        except OSError as error:
            raise write_error(place, error) from error
        finally:
            _clear(beside)


def _clear(folder: Path) -> None:
    """Remove what a folder holds but its lock."""
    for entry in folder.iterdir() if folder.is_dir() else ():
        if entry.is_dir():
            shutil.rmtree(entry)
        elif entry.name != LOCK:
            entry.unlink()


def _put(beside: Path, place: Path, before: Path) -> None:
    """Put a finished folder in its place; an earlier one is moved aside first, so that neither is ever half there."""
    (beside / LOCK).unlink()
    if place.exists():
        os.replace(place, before)
    os.replace(beside, place)
    shutil.rmtree(before, ignore_errors=True)


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
    datasets = {name: Dataset.open(home, name) for name in kinds}
    written = {
        name: share_dataset(shared, dataset, options.names, kinds[name] if options.previews else ())
        for name, dataset in datasets.items()
    }
    caches = NeutralCaches.of(opened)
    for done, sweep in enumerate(opened, start=1):
        share_sweep(shared, sweep, written[sweep.about["dataset"]["name"]], caches)
        yield Progress("demo", done, len(opened), "sweeps")
    date_sweeps(shared, [sweep.id for sweep in sorted(opened, key=_age)], time.time())
    write_text(shared.path / "README.md", _about(shared, opened, options, attributions(datasets.values())))
    write_json(
        shared.path / SHARED, {"sweeps": [sweep.id for sweep in opened], SHUFFLED: not options.names, **vars(options)}
    )


def _age(sweep: Sweep) -> int:
    return (sweep.folder / ABOUT).stat().st_mtime_ns


def _about(home: Home, opened: list[Sweep], options: Options, sources: list[str]) -> str:
    """What stands in the home's README: what is here, how it is looked at, and what must be known of its sweeps."""
    pictures = "Small pictures of the images are here." if options.previews else "No picture is here."
    named = "" if options.names else " Patients, images and films have made-up names."
    told = f"Scores, settings and what is known of each image. {pictures}{named} No weights of heads are here."
    serve = "It is a home for `mammo`, which shows it without torch, from a folder that nobody may write to as well:"
    install, show = "pip install -r requirements-demo.txt", "python -m mammo serve --home THIS_FOLDER"
    commands = [f"{install}     # in a checkout of mammo", show]
    lines = ["# A shared home", "", told, "", serve, "", "```sh", *commands, "```", ""]
    lines += [f"{SOURCE}: {marked(source)}\n" for source in sources]
    return "\n".join([*lines, *about_sweeps([Sweep.open(home, sweep.id) for sweep in opened])])
