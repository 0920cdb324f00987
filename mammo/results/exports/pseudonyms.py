"""Made-up names in the place of those of patients and pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mammo.data.dataset import FILE
from mammo.data.frame_range import file_of

if TYPE_CHECKING:
    import pandas as pd

    from mammo.data.dataset import Dataset

LETTERS = {"patient": "P", "image": "I", "parent": "I", "lesion": "L", "film": "F"}
"""The columns that hold names, and the letter that a made-up one begins with."""

TELLING = {
    "breast", "view", "abnormality", "split", "label", "pathology", "conflict", "lesions", "birads", "density",
    "subtlety", "number", "shape", "margins", "calcification_type", "calcification_distribution", "crop", "mask",
    *FILE, *(f"crop_{name}" for name in FILE[1:]),
}  # fmt: skip
"""The columns that are known to name nobody."""


def _numbered(letter: str, names: set[str]) -> dict[str, str]:
    wide = len(str(len(names)))
    return {name: f"{letter}{number:0{wide}d}" for number, name in enumerate(sorted(names), start=1)}


@dataclass(frozen=True)
class Pseudonyms:
    """A made-up name for every patient, mammogram, lesion and film of a data set, by the letter of its kind.

    Who is called alike is so afterwards: numbers that are counted by patient or film do not change. Where a patient
    or film is called as its image or file, for nobody told more, it still is.
    """

    names: dict[str, dict[str, str]]

    @classmethod
    def of(cls, dataset: Dataset) -> Pseudonyms:
        """The names of a data set, numbered so that they sort as the real ones do: draws by patient stay the same."""
        real: dict[str, set[str]] = {letter: set() for letter in LETTERS.values()}
        for table in (dataset.images, dataset.lesions):
            for column, letter in LETTERS.items():
                real[letter].update(filter(None, table[column].dropna()) if column in table else ())
        found = {letter: _numbered(letter, names) for letter, names in real.items() if letter != "I"}
        files = _numbered("I", {file_of(name) for name in real["I"]})  # frames of one file stay frames of one
        found["I"] = files | {name: files[file_of(name)] + name[len(file_of(name)) :] for name in real["I"]}
        for letter in ("P", "F"):
            if found[letter] and found[letter].keys() <= found["I"].keys():
                found[letter] = found["I"]
        return cls(found)

    def over(self, table: pd.DataFrame) -> pd.DataFrame:
        """A table of the data set under its made-up names, without the columns of which nobody knows what they tell."""
        known = table[[name for name in table if name in LETTERS or name in TELLING]]
        return known.assign(**{name: known[name].map(self._renamed(name)) for name in LETTERS if name in known})

    def _renamed(self, column: str) -> Any:
        names = self.names[LETTERS[column]]
        if column == "image":  # a crop is called as its lesion
            names = {**self.names["L"], **names}
        return lambda name: names.get(name, "") if isinstance(name, str) else name
