"""Made-up names in the place of those of patients and pictures, in an order that nobody can undo."""

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
"""The columns that hold names, and the letter that a made-up one begins with."""

TELLING = {*KNOWN, "crop", "mask"}
"""The columns that are known to name nobody once they are `neutral`; every other one stays at home."""


def shuffled(names: Iterable[str]) -> list[str]:
    """Names once each in a random order, by the system's source of chance: no seed of it is kept."""
    drawn = sorted(set(names))
    random.SystemRandom().shuffle(drawn)
    return drawn


def numbered(letter: str, names: Iterable[str]) -> dict[str, str]:
    """A made-up name for each of some names, numbered in a random order."""
    drawn = shuffled(names)
    wide = len(str(len(drawn)))
    return {name: f"{letter}{number:0{wide}d}" for number, name in enumerate(drawn, start=1)}


@dataclass(frozen=True)
class Pseudonyms:
    """A made-up name for every patient, mammogram, lesion and film of a data set, by the letter of its kind.

    Who is called alike is so afterwards: numbers that are counted by patient or film do not change. Where a patient
    or film is called as its image or file, for nobody told more, it still is.
    """

    names: dict[str, dict[str, str]]

    @classmethod
    def of(cls, dataset: Dataset) -> Pseudonyms:
        """Names of a data set, numbered anew and at random each time."""
        real: dict[str, set[str]] = {letter: set() for letter in LETTERS.values()}
        for table in (dataset.images, dataset.lesions):
            for column, letter in LETTERS.items():
                real[letter].update(filter(None, table[column].dropna()) if column in table else ())
        made = {letter: numbered(letter, names) for letter, names in real.items() if letter != "I"}
        made["I"] = _pictures(real["I"])
        for letter in ("P", "F"):
            if made[letter] and made[letter].keys() <= made["I"].keys():
                made[letter] = made["I"]
        return cls(made)

    def over(self, table: pd.DataFrame) -> pd.DataFrame:
        """A table of the data set under its made-up names, row by row, and what is known to name nobody."""
        known = table[[name for name in table if name in LETTERS or name in TELLING]]
        renamed: dict[str, Any] = {name: known[name].map(self._renamed(name)) for name in LETTERS if name in known}
        plain = neutral(known)
        return known.assign(**renamed, **{str(name): plain[name] for name in plain})

    def _renamed(self, column: str) -> Any:
        names = self.names[LETTERS[column]]
        if column == "image":  # a crop is called as its lesion
            names = {**self.names["L"], **names}
        return lambda name: names.get(name, "") if isinstance(name, str) else name


def _pictures(names: set[str]) -> dict[str, str]:
    """Made-up names of images and their files; frames of one file stay frames of one, counted from 1."""
    files = numbered("I", {file_of(name) for name in names})
    frames: dict[str, list[str]] = {}
    for name in shuffled(names):
        if name != file_of(name):
            frames.setdefault(file_of(name), []).append(name)
    framed = {name: f"{files[file]}#{number}" for file, held in frames.items() for number, name in enumerate(held, 1)}
    return files | framed
