"""From inspected files to depths: which films are decided together, and which files are then read again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mammo.data.dataset.dataset import OWN, Dataset
from mammo.data.depths.record import FilmGroup, GroupDepth, decide
from mammo.data.files.raster import Depth
from mammo.data.index.inspected import reread_files
from mammo.errors import MammoError
from mammo.progress import Work
from mammo.specs import Home

if TYPE_CHECKING:
    from mammo.data.files.levels import Levels
    from mammo.data.index.inspection import FileFacts

Files = Mapping[str, "FileFacts"]
"""Inspected files by the image or lesion that they show."""


def decide_depths(home: Home, name: str, full: Files, crops: Files, bits: str) -> list[GroupDepth]:
    """The depth of every group of films among full mammograms and crops; those of the index before are kept.

    `bits` is what `--bits` was given. An index of other films under the same name counts for nothing.
    """
    films: dict[FilmGroup, tuple[dict[str, Levels], dict[str, Levels]]] = {}
    for kind, facts in enumerate((full, crops)):
        for item, fact in facts.items():
            if fact.group:
                films.setdefault(fact.group, ({}, {}))[kind][item] = fact.levels
    known = {fact.digest or item for facts in (full, crops) for item, fact in facts.items()}
    return decide(films, bits, [] if bits else _recorded(home, name, known))


def _recorded(home: Home, name: str, known: set[str]) -> list[GroupDepth]:
    """What the index before recorded, where it shares a file (by its digest) or a frame (by its name) with these."""
    try:
        before = Dataset.open(home, name)
    except MammoError:
        return []
    names = {*before.images["digest"].dropna(), *before.lesions["crop_digest"].dropna(), *before.images["image"]}
    return before.depths if known & names else []


def depth_of(fact: FileFacts, depths: Iterable[GroupDepth]) -> Depth | None:
    """The depth at which a file is read; None where that is its own."""
    return next((record.depth for record in depths if record.group == fact.group), None)


def read_otherwise(facts: Files, depths: Sequence[GroupDepth]) -> dict[str, Depth | None]:
    """The files, by their own names, that were not read at the depth that their group has now."""
    files = [fact for fact in facts.values() if not fact.file.startswith(OWN)]  # what was cut has its depth
    wanted = {fact.file: (fact.read_at, depth_of(fact, depths)) for fact in files}
    return {file: depth for file, (read, depth) in wanted.items() if read != depth}


def reread(
    folder: Path,
    root: Path,
    facts: Files,
    depths: Sequence[GroupDepth],
    workers: int | None = None,
    colour_marks: bool = False,
) -> Work[dict[str, FileFacts]]:
    """The files with those read again that their group wants at another depth; one that fails then has a reason."""
    again = yield from reread_files(folder, root, read_otherwise(facts, depths), workers, colour_marks)
    return {item: again.get(fact.file, fact) for item, fact in facts.items()}


def with_clipped(depths: Iterable[GroupDepth], facts: Sequence[FileFacts]) -> list[GroupDepth]:
    """The records with how many pixels of how many images they cut off."""
    return [_counted(record, [fact.clipped for fact in facts if fact.group == record.group]) for record in depths]


def _counted(record: GroupDepth, clipped: Sequence[int]) -> GroupDepth:
    return replace(record, clipped_films=sum(map(bool, clipped)), clipped_pixels=sum(clipped))
