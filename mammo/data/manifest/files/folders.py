"""The folders under a root, each read once, so that a million listed names need few disk accesses."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePath

ENDINGS = (".dcm", ".dicom", ".dic", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".pgm", ".npy")
"""Endings that a listed name may lack."""
LIKENESSES: dict[str, Callable[[str], str]] = {
    "its name differs in capital letters": str.casefold,
    "its name is written in another Unicode form": lambda name: unicodedata.normalize("NFC", name),
    "its name differs in capital letters and Unicode form": lambda name: unicodedata.normalize("NFC", name).casefold(),
}
"""How the name of a file may differ from the listed name, and the function that makes both equal."""


@dataclass
class Folder:
    """The content of a folder; `there` is true where it could be listed, `closed` where it exists and could not."""

    there: bool = False
    closed: bool = False
    files: set[str] = field(default_factory=set)
    folders: set[str] = field(default_factory=set)
    stems: dict[str, list[str]] = field(default_factory=dict)
    names_by_key: dict[str, dict[str, str]] = field(default_factory=dict)


class Folders:
    """The folders under `root` by their names relative to it, or absolute ones; `""` is the root itself."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._cache: dict[str, Folder] = {}
        self._alike: dict[tuple[str, str], str | None] = {}
        self._ends: dict[str, list[str]] = {}

    def __getitem__(self, name: str) -> Folder:
        if name not in self._cache:
            self._cache[name] = self._listed(name)
        return self._cache[name]

    def holds(self, folder: str, file: str) -> bool:
        """Whether a folder has an entry of this name that is not a folder."""
        listed = self[folder]
        if not listed.closed:
            return file in listed.files
        path = self.root / folder / file
        return os.path.lexists(path) and not path.is_dir()

    def similar_folder(self, folder: str, likeness: str) -> str | None:
        """The folder with the name `folder`, or one that differs by `likeness` alone; None where there is none."""
        if folder in ("", "/"):
            return folder
        if (folder, likeness) not in self._alike:
            above, name = split_path(folder)
            parent = self.similar_folder(above, likeness)
            match = None if parent is None else self._match(parent, name, likeness, self[parent].folders)
            self._alike[folder, likeness] = None if match is None or parent is None else join_path(parent, match)
        return self._alike[folder, likeness]

    def similar_file(self, folder: str, file: str, likeness: str) -> str | None:
        """The file whose path differs from `folder/file` by `likeness` alone; `file` may lack its ending."""
        real = self.similar_folder(folder, likeness)
        if real is None:
            return None
        names = (self._match(real, file + ending, likeness, self[real].files) for ending in ("", *ENDINGS))
        match = next((name for name in names if name), None)
        return None if match is None else join_path(real, match)

    def path_ends(self, folder: str) -> list[str]:
        """The ends of a folder's path that are folders under the root, the longest first; the root comes last."""
        if folder not in self._ends:
            parts = [part for part in folder.split("/") if part not in ("", ".")]
            start = 0 if folder.startswith("/") or ":" in folder[:2] else 1
            ends = ["/".join(parts[first:]) for first in range(start, len(parts))] if parts else []
            self._ends[folder] = [end for end in (*ends, *([""] if parts else [])) if self[end].there]
        return self._ends[folder]

    def _match(self, folder: str, name: str, likeness: str, names: set[str]) -> str | None:
        if name in names:
            return name
        key, listed = LIKENESSES[likeness], self[folder]
        if likeness not in listed.names_by_key:
            listed.names_by_key[likeness] = {
                key(entry): entry for entry in sorted(listed.files | listed.folders, reverse=True)
            }
        match = listed.names_by_key[likeness].get(key(name))
        return match if match in names else None

    def _listed(self, name: str) -> Folder:
        folder = Folder()
        try:
            with os.scandir(self.root / name) as entries:
                for entry in entries:
                    (folder.folders if entry.is_dir() else folder.files).add(entry.name)
        except OSError as error:
            folder.closed = not isinstance(error, FileNotFoundError | NotADirectoryError)
            return folder
        folder.there = True
        for file in sorted(folder.files):
            ending = PurePath(file).suffix
            if ending.lower() in ENDINGS:
                folder.stems.setdefault(file.removesuffix(ending), []).append(file)
        return folder


def join_path(folder: str, name: str) -> str:
    """A name in a folder, which may be the root."""
    return f"{folder}{'' if folder in ('', '/') else '/'}{name}"


def split_path(path: str) -> tuple[str, str]:
    """The folder above a path, and the path's own name."""
    above, slash, name = path.rpartition("/")
    return above or slash, name
