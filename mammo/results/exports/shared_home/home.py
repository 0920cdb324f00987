"""A home to share: sweeps, and the tables of their data sets that Compare and Inspect show, read-only, no pixels."""

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
    from mammo.results.exports.selection import Selection


@dataclass(frozen=True)
class ShareOptions:
    """What a shared home may hold: `previews` are small pictures; `names` are the true ones of patients and images."""

    previews: bool = False
    names: bool = False


def write_demo(selection: Selection, target: Path, options: ShareOptions) -> Work[None]:
    """Write the sweeps of a selection as a read-only home, which `mammo serve --home` shows.

    An earlier demo in `target` is replaced. Raises MammoError where `target` holds anything else, or where a data set
    has changed since it was scored.
    """
    _refuse_other(selection.home, target)
    names = dict.fromkeys(sweep_name_of(member) for sweep in selection.sweeps for member in _members(sweep))
    opened = [Sweep.open(selection.home, name) for name in names]
    target = target.absolute()
    draft, previous = (target.parent / f"{PARTIAL}{target.name}{end}" for end in ("", ".before"))
    with folder_lock(draft, "exporting"):
        try:
            _clear(draft)
            if previous.exists() and not target.exists():
                os.replace(previous, target)  # a killed export had moved it aside
            shutil.rmtree(previous, ignore_errors=True)
            yield from _fill(selection.home, Home(draft), opened, options)
            _replace(draft, target, previous)
        except OSError as error:
            raise write_error(target, error) from error
        finally:
            _clear(draft)


def _clear(folder: Path) -> None:
    """Remove all that a folder holds, except its lock."""
    for entry in folder.iterdir() if folder.is_dir() else ():
        if entry.is_dir():
            shutil.rmtree(entry)
        elif entry.name != LOCK:
            entry.unlink()


def _replace(draft: Path, target: Path, previous: Path) -> None:
    """Move the finished `draft` to `target`; an earlier folder is moved aside first, so neither is ever partial."""
    (draft / LOCK).unlink()
    if target.exists():
        os.replace(target, previous)
    os.replace(draft, target)
    shutil.rmtree(previous, ignore_errors=True)


def _members(sweep: Sweep) -> list[str]:
    """The names of the stored runs that a fused run or an ensemble is made of."""
    members: list[str] = sweep.about.get("members") or [str(sweep.runs["run"].iloc[0]).partition("@")[0]]
    return members


def _refuse_other(home: Home, target: Path) -> None:
    if target.absolute() == home.path:
        raise MammoError(f"{target} is the home itself; name another folder for the demo.")
    if target.exists() and not (target / SHARED).is_file() and (not target.is_dir() or any(target.iterdir())):
        raise MammoError(f"{target} is there and is no earlier demo; name a new or an empty folder.")


def _fill(home: Home, shared: Home, opened: list[Sweep], options: ShareOptions) -> Work[None]:
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


def _about(home: Home, opened: list[Sweep], options: ShareOptions, sources: list[str]) -> str:
    """The text of the home's README: its content, how to view it, and the warnings of its sweeps."""
    pictures = "Small pictures of the images are here." if options.previews else "No picture is here."
    names = "" if options.names else " Patients, images and films have made-up names."
    content = f"Scores, settings and what is known of each image. {pictures}{names} No weights of heads are here."
    serve = "It is a home for `mammo`, which shows it without torch, from a folder that nobody may write to as well:"
    install, show = "pip install -r requirements-demo.txt", "python -m mammo serve --home THIS_FOLDER"
    commands = [f"{install}     # in a checkout of mammo", show]
    lines = ["# A shared home", "", content, "", serve, "", "```sh", *commands, "```", ""]
    lines += [f"{SOURCE}: {marked(source)}\n" for source in sources]
    return "\n".join([*lines, *about_sweeps([Sweep.open(home, sweep.id) for sweep in opened])])
