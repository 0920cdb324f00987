"""The files that a manifest lists: found as written or without their ending, or told why they are not."""

from __future__ import annotations

import glob
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePath

ENDINGS = (".dcm", ".dicom", ".dic", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".pgm", ".npy")
"""Endings that a listed name may lack."""
ABSENT = "No such file or directory"
LIKENESSES: dict[str, Callable[[str], str]] = {
    "its name differs in capital letters": str.casefold,
    "its name is written in another Unicode form": lambda name: unicodedata.normalize("NFC", name),
    "its name differs in capital letters and Unicode form": lambda name: unicodedata.normalize("NFC", name).casefold(),
}
"""How the name of a file that is there may differ from the one listed, and what both have in common then."""


@dataclass
class Files:
    """What became of listed names: `found` maps one to its file, `absent` one without a file to the reason."""

    found: dict[str, str] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


class Folders:
    """The names in folders under a root, each folder listed once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._names: dict[str, dict[str, list[str]]] = {}
        self._alike: dict[tuple[str, str], dict[str, str]] = {}

    def stems(self, folder: str) -> dict[str, list[str]]:
        """The files of a folder with one of `ENDINGS`, by their names without it."""
        if folder not in self._names:
            stems: dict[str, list[str]] = {}
            for name in self._listed(folder):
                ending = PurePath(name).suffix
                if ending.lower() in ENDINGS:
                    stems.setdefault(name.removesuffix(ending), []).append(name)
            self._names[folder] = stems
        return self._names[folder]

    def alike(self, folder: str, likeness: str) -> dict[str, str]:
        """The names in a folder by what they have in common with others under a likeness."""
        if (folder, likeness) not in self._alike:
            key = LIKENESSES[likeness]
            self._alike[folder, likeness] = {key(name): name for name in reversed(self._listed(folder))}
        return self._alike[folder, likeness]

    def _listed(self, folder: str) -> list[str]:
        try:
            return sorted(path.name for path in (self.root / folder).iterdir())
        except OSError:
            return []


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
        if _is_there(root / plain):
            files.found[name] = plain
        elif whole := _with_endings(plain, folders):
            if len(whole) == 1:
                files.found[name] = whole[0]
                ended[PurePath(whole[0]).suffix] += 1
            else:
                there = " and ".join(PurePath(file).name for file in whole)
                files.absent[name] = f"it has no ending, and {there} are there; name one by --column path='{{…}}.dcm'"
        elif end := _end(plain, root):
            moved[name] = end
        else:
            files.absent[name] = _why(plain, folders)
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


def _is_there(path: Path) -> bool:
    return path.is_file() or (os.path.lexists(path) and not path.is_dir())


def _with_endings(name: str, folders: Folders) -> list[str]:
    folder, slash, stem = name.rpartition("/")
    return [f"{folder}{slash}{whole}" for whole in folders.stems(folder + slash).get(stem, [])]


def _end(name: str, root: Path) -> str | None:
    """The longest end of a path, short of the whole, that is a file under `root`."""
    parts = list(_parts(re.sub(r"^[A-Za-z]:", "", name)))
    from_elsewhere = name.startswith("/") or name[1:2] == ":"
    ends = ("/".join(parts[first:]) for first in range(0 if from_elsewhere else 1, len(parts)))
    return next((end for end in ends if (root / end).is_file()), None)


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


def _why(name: str, folders: Folders) -> str:
    """Why there is no such file: what is there instead."""
    for words in LIKENESSES:
        if there := _alike(name, folders, words):
            return f"no such file, but {there} is there: {words}"
    folder, slash, base = name.rpartition("/")
    ending = PurePath(base).suffix
    if ending and (others := folders.stems(folder + slash).get(base.removesuffix(ending))):
        return f"no such file, but {folder}{slash}{others[0]} is there: its ending differs"
    return ABSENT


def _alike(name: str, folders: Folders, likeness: str) -> str | None:
    """The file whose path differs by a likeness alone; its ending may be lacking."""
    key, there = LIKENESSES[likeness], PurePath("/" if name.startswith("/") else "")
    for part in _parts(name):
        match: str | None = part
        if not os.path.lexists(folders.root / there / part):
            names = folders.alike(str(there), likeness)
            match = next((names[key(part + end)] for end in ("", *ENDINGS) if key(part + end) in names), None)
        if match is None:
            return None
        there /= match
    return str(there) if (folders.root / there).is_file() else None


def _parts(name: str) -> Iterator[str]:
    return (part for part in name.split("/") if part not in ("", "."))
