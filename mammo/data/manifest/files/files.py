"""The files that a manifest lists: found as written or without their ending, or missing with the reason."""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from mammo.data.manifest.files.folders import LIKENESSES, Folders, join_path, split_path

ABSENT = "No such file or directory"


@dataclass
class ListedFiles:
    """The listed names: `paths` maps a name to its file, `absent` maps a name without a file to the reason."""

    paths: dict[str, str] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def find_files(listed: Iterable[str], root: Path, by_end: bool) -> ListedFiles:
    """Find the files of listed names under `root`.

    A name without an ending stands for the only file of that name with one. Where `by_end` is set, a path of another
    computer is matched by its end, if that is a file under `root` and no other path has the same end. Notes count both.
    """
    files, folders = ListedFiles(), Folders(root)
    ended: Counter[str] = Counter()
    moved: dict[str, str] = {}
    for name in listed:
        plain = _slashed(name, root)
        folder, base = split_path(plain)
        if folders.holds(folder, base):
            files.paths[name] = plain
        elif candidates := folders[folder].stems.get(base):
            if len(candidates) == 1:
                files.paths[name] = join_path(folder, candidates[0])
                ended[PurePath(candidates[0]).suffix] += 1
            else:
                listing = " and ".join(candidates)
                files.absent[name] = f"it has no ending, and {listing} are there; name one by --column path='{{…}}.dcm'"
        elif ends := [end for end in folders.path_ends(folder) if folders.holds(end, base)]:
            moved[name] = join_path(ends[0], base)
        else:
            files.absent[name] = _why(folder, base, folders)
    _move(moved, files, root, by_end)
    for ending, count in ended.items():
        files.notes.append(f"{count} listed {'name lacks its' if count == 1 else 'names lack their'} ending: {ending}.")
    return files


def match_files(patterns: Iterable[str], root: Path) -> dict[str, list[str]]:
    """Map each pattern to the files that it matches, relative to `root` and sorted; `**` stands for any folders."""
    return {pattern: sorted(_matching(pattern, root)) for pattern in patterns}


def _matching(pattern: str, root: Path) -> Iterator[str]:
    names = glob.iglob(pattern, root_dir=root, recursive=True)  # noqa: PTH207 -- Path.glob takes no absolute pattern
    return (str(PurePath(name)) for name in names if (root / name).is_file())


def _slashed(name: str, root: Path) -> str:
    """A name written under Windows with slashes instead of backslashes; the name of an existing file stays."""
    return name if "\\" not in name or os.path.lexists(root / name) else name.replace("\\", "/")


def _move(moved: dict[str, str], files: ListedFiles, root: Path, by_end: bool) -> None:
    """Match paths of another computer by their end where the user names the root; else the reason names the option."""
    counts = Counter([*moved.values(), *files.paths.values()])
    for name, end in moved.items():
        if by_end and counts[end] == 1:
            files.paths[name] = end
        else:
            remedy = "two listed paths end so" if by_end else f"take paths by their end with --root {root}"
            files.absent[name] = f"no such file, but its end {end} is there: the path was written elsewhere ({remedy})"
    if matched := [name for name in moved if name in files.paths]:
        files.notes.append(f"{len(matched)} paths were written elsewhere and taken by their end: {matched[0]}.")


def _why(folder: str, base: str, folders: Folders) -> str:
    """The reason why a file is absent, with a similar file where there is one."""
    for difference in LIKENESSES:
        if similar := folders.similar_file(folder, base, difference):
            return f"no such file, but {similar} is there: {difference}"
    ending = PurePath(base).suffix
    if ending and (candidates := folders[folder].stems.get(base.removesuffix(ending))):
        return f"no such file, but {join_path(folder, candidates[0])} is there: its ending differs"
    return ABSENT
