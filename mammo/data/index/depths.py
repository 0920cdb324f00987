"""From inspected files to depths: which films share a depth, and which files are read again at that depth."""

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
    """Decide the depth of every group of films among full mammograms and crops; depths of an earlier index are kept.

    `bits` is the value of `--bits`. An earlier index of different films under the same name is ignored.
    """
    films: dict[FilmGroup, tuple[dict[str, Levels], dict[str, Levels]]] = {}
    for kind, facts in enumerate((full, crops)):
        for item, fact in facts.items():
            if fact.group:
                films.setdefault(fact.group, ({}, {}))[kind][item] = fact.levels
    items = {fact.digest or item for facts in (full, crops) for item, fact in facts.items()}
    return decide(films, bits, [] if bits else _earlier_depths(home, name, items))


def _earlier_depths(home: Home, name: str, items: set[str]) -> list[GroupDepth]:
    """The depths of an earlier index that shares a file (by digest) or a frame (by name) with this one; else none."""
    try:
        before = Dataset.open(home, name)
    except MammoError:
        return []
    names = {*before.images["digest"].dropna(), *before.lesions["crop_digest"].dropna(), *before.images["image"]}
    return before.depths if items & names else []


def depth_of(fact: FileFacts, depths: Iterable[GroupDepth]) -> Depth | None:
    """The depth at which a file is read; None where it is the file's own."""
    return next((record.depth for record in depths if record.group == fact.group), None)


def files_at_other_depth(facts: Files, depths: Sequence[GroupDepth]) -> dict[str, Depth | None]:
    """Map the files that were read at another depth than that of their group to the group's depth."""
    files = [fact for fact in facts.values() if not fact.file.startswith(OWN)]  # a cut already has its depth
    depth_pairs = {fact.file: (fact.read_at, depth_of(fact, depths)) for fact in files}
    return {file: depth for file, (read, depth) in depth_pairs.items() if read != depth}


def reread_at_depth(
    folder: Path,
    root: Path,
    facts: Files,
    depths: Sequence[GroupDepth],
    workers: int | None = None,
    colour_marks: bool = False,
) -> Work[dict[str, FileFacts]]:
    """Return all facts after files at another depth than their group are read again; failures have a reason."""
    again = yield from reread_files(folder, root, files_at_other_depth(facts, depths), workers, colour_marks)
    return {item: again.get(fact.file, fact) for item, fact in facts.items()}


def with_clipped_counts(depths: Iterable[GroupDepth], facts: Sequence[FileFacts]) -> list[GroupDepth]:
    """The records with the number of images and pixels that their depth clips."""
    return [_counted(record, [fact.clipped for fact in facts if fact.group == record.group]) for record in depths]


def _counted(record: GroupDepth, clipped: Sequence[int]) -> GroupDepth:
    return replace(record, clipped_films=sum(map(bool, clipped)), clipped_pixels=sum(clipped))
