"""Made-up names for patients, images, lesions and films, in a random order that cannot be undone."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mammo.data.files.frame_range import file_of
from mammo.results.exports.shared_home.vocabulary import KNOWN, neutral

if TYPE_CHECKING:
    import pandas as pd

    from mammo.data.dataset.dataset import Dataset

LETTERS = {"patient": "P", "image": "I", "parent": "I", "lesion": "L", "film": "F"}
"""The columns that hold names, and the first letter of their made-up names."""

SAFE = {*KNOWN, "crop", "mask"}
"""The columns that identify nobody once they are `neutral`; all further columns are left out."""


def shuffled(names: Iterable[str]) -> list[str]:
    """The unique names in a random order, drawn from the system's entropy, so that no seed is stored."""
    unique = sorted(set(names))
    random.SystemRandom().shuffle(unique)
    return unique


def numbered(letter: str, names: Iterable[str]) -> dict[str, str]:
    """A made-up name for each name: the letter and a number, in a random order."""
    order = shuffled(names)
    width = len(str(len(order)))
    return {name: f"{letter}{number:0{width}d}" for number, name in enumerate(order, start=1)}


@dataclass(frozen=True)
class Pseudonyms:
    """A made-up name for every patient, mammogram, lesion and film of a data set, by the letter of its kind.

    Equal names stay equal, so counts by patient or film do not change. Where all patients or films have the names of
    images, because the data set knows no others, they get the made-up names of these images.
    """

    names: dict[str, dict[str, str]]

    @classmethod
    def of(cls, dataset: Dataset) -> Pseudonyms:
        """Made-up names for a data set; each call draws new ones."""
        real: dict[str, set[str]] = {letter: set() for letter in LETTERS.values()}
        for table in (dataset.images, dataset.lesions):
            for column, letter in LETTERS.items():
                real[letter].update(filter(None, table[column].dropna()) if column in table else ())
        renamed = {letter: numbered(letter, names) for letter, names in real.items() if letter != "I"}
        renamed["I"] = _pictures(real["I"])
        for letter in ("P", "F"):
            if renamed[letter] and renamed[letter].keys() <= renamed["I"].keys():
                renamed[letter] = renamed["I"]
        return cls(renamed)

    def over(self, table: pd.DataFrame) -> pd.DataFrame:
        """The table with made-up names, and those columns alone that identify nobody; the order of rows stays."""
        columns = table[[name for name in table if name in LETTERS or name in SAFE]]
        renamed: dict[str, Any] = {name: columns[name].map(self._renamed(name)) for name in LETTERS if name in columns}
        plain = neutral(columns)
        return columns.assign(**renamed, **{str(name): plain[name] for name in plain})

    def _renamed(self, column: str) -> Any:
        names = self.names[LETTERS[column]]
        if column == "image":  # the image of a crop has the name of its lesion
            names = {**self.names["L"], **names}
        return lambda name: names.get(name, "") if isinstance(name, str) else name


def _pictures(names: set[str]) -> dict[str, str]:
    """Made-up names of images and their files; frames of a file stay its frames, numbered from 1 in a random order."""
    files = numbered("I", {file_of(name) for name in names})
    frames: dict[str, list[str]] = {}
    for name in shuffled(names):
        if name != file_of(name):
            frames.setdefault(file_of(name), []).append(name)
    framed = {
        name: f"{files[file]}#{number}" for file, members in frames.items() for number, name in enumerate(members, 1)
    }
    return files | framed
