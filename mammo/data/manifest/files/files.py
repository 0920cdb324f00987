"""The files that a manifest lists: found as written or without their ending, or told why they are not."""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from mammo.data.manifest.files.folders import LIKENESSES, Folders, joined, parted

ABSENT = "No such file or directory"


@dataclass
class Files:
    """What became of listed names: `found` maps one to its file, `absent` one without a file to the reason."""

    found: dict[str, str] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def find_files(listed: Iterable[str], root: Path, by_end: bool) -> Files:
    """Find listed names under `root`; one that lacks its ending is the only file of that name with one.

    Where `by_end` is set, a path from elsewhere is taken by its end, as far as that is a file under `root`, unless
    two paths end at one file. Notes tell of both.
    """
    files, folders = Files(), Folders(root)
    ended: Counter[str] = Counter()
    moved: dict[str, str] = {}
    for name in listed:
        plain = _slashed(name, root)
        folder, base = parted(plain)
        if folders.holds(folder, base):
            files.found[name] = plain
        elif whole := folders[folder].stems.get(base):
            if len(whole) == 1:
                files.found[name] = joined(folder, whole[0])
                ended[PurePath(whole[0]).suffix] += 1
            else:
                there = " and ".join(whole)
                files.absent[name] = f"it has no ending, and {there} are there; name one by --column path='{{…}}.dcm'"
        elif ends := [end for end in folders.ends(folder) if folders.holds(end, base)]:
            moved[name] = joined(ends[0], base)
        else:
            files.absent[name] = _why(folder, base, folders)
    _move(moved, files, root, by_end)
    for ending, count in ended.items():
        files.notes.append(f"{count} listed {'name lacks its' if count == 1 else 'names lack their'} ending: {ending}.")
    return files


def match_files(patterns: Iterable[str], root: Path) -> dict[str, list[str]]:
    """The files that each pattern matches, relative to `root` and sorted; `**` stands for any folders."""
    return {pattern: sorted(_matching(pattern, root)) for pattern in patterns}


def _matching(pattern: str, root: Path) -> Iterator[str]:
    names = glob.iglob(pattern, root_dir=root, recursive=True)  # noqa: PTH207 -- Path.glob takes no absolute pattern
    return (str(PurePath(name)) for name in names if (root / name).is_file())


def _slashed(name: str, root: Path) -> str:
    """A file's name as this system writes it, where it was written under Windows; one that is there stays."""
    return name if "\\" not in name or os.path.lexists(root / name) else name.replace("\\", "/")


def _move(moved: dict[str, str], files: Files, root: Path, by_end: bool) -> None:
    """Take paths from elsewhere by their end where a user names the root; say where they would be found otherwise."""
    often = Counter([*moved.values(), *files.found.values()])
    for name, end in moved.items():
        if by_end and often[end] == 1:
            files.found[name] = end
        else:
            remedy = "two listed paths end so" if by_end else f"take paths by their end with --root {root}"
            files.absent[name] = f"no such file, but its end {end} is there: the path was written elsewhere ({remedy})"
    if taken := [name for name in moved if name in files.found]:
        files.notes.append(f"{len(taken)} paths were written elsewhere and taken by their end: {taken[0]}.")


def _why(folder: str, base: str, folders: Folders) -> str:
    """Why there is no such file: what is there instead."""
    for words in LIKENESSES:
        if there := folders.file_alike(folder, base, words):
            return f"no such file, but {there} is there: {words}"
    ending = PurePath(base).suffix
    if ending and (others := folders[folder].stems.get(base.removesuffix(ending))):
        return f"no such file, but {joined(folder, others[0])} is there: its ending differs"
    return ABSENT
