"""The words that a shared home may hold: those of standard scales; any further text gets a neutral name."""

from __future__ import annotations

import random
import re
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import pandas as pd

from mammo.data.files.header.codes import VIEWS
from mammo.data.manifest.cells.label_words import BENIGN, CODES, MALIGNANT, PATHOLOGIES
from mammo.data.manifest.words.words import word_key

if TYPE_CHECKING:
    from collections.abc import Mapping

SHAPES = {
    "ROUND", "OVAL", "IRREGULAR", "LOBULATED", "LYMPH_NODE", "ARCHITECTURAL_DISTORTION", "ASYMMETRIC_BREAST_TISSUE",
    "FOCAL_ASYMMETRIC_DENSITY", "N/A",
}  # fmt: skip
MARGINS = {"CIRCUMSCRIBED", "ILL_DEFINED", "MICROLOBULATED", "OBSCURED", "SPICULATED", "N/A"}
CALCIFICATIONS = {
    "AMORPHOUS", "COARSE", "DYSTROPHIC", "EGGSHELL", "FINE_LINEAR_BRANCHING", "LARGE_RODLIKE", "LUCENT_CENTER",
    "LUCENT_CENTERED", "MILK_OF_CALCIUM", "PLEOMORPHIC", "PUNCTATE", "ROUND_AND_REGULAR", "SKIN", "VASCULAR", "N/A",
}  # fmt: skip
DISTRIBUTIONS = {"CLUSTERED", "DIFFUSELY_SCATTERED", "LINEAR", "REGIONAL", "SEGMENTAL", "N/A"}

WORDS: dict[str, set[str]] = {
    "breast": {"LEFT", "RIGHT"},
    "view": set(VIEWS),
    "abnormality": {"mass", "calc", "asymmetry", "distortion"},
    "split": {"train", "validation", "test"},
    "label": {"malignant", "benign"},
    "pathology": set(PATHOLOGIES),
    "shape": SHAPES,
    "margins": MARGINS,
    "calcification_type": CALCIFICATIONS,
    "calcification_distribution": DISTRIBUTIONS,
}
"""Columns of text, and the words that stay in each; words of several findings are joined by a hyphen or a plus."""

NUMBERS: dict[str, tuple[int, int]] = {
    "birads": (0, 6),
    "density": (1, 4),
    "subtlety": (1, 5),
    "lesions": (0, 99),
    "number": (0, 99),
    "conflict": (0, 1),
}
"""Columns of whole numbers, and the least and the greatest number that stays."""

KNOWN = (*WORDS, *NUMBERS)
OTHER = "other"

CLASS_WORDS = {*MALIGNANT, *BENIGN, *(word for words in CODES.values() for word in words)}
CLASS_WORDS |= {"or", "and", "more", "other", "others", "all", "birads", "bi", "rads", "density", "dense", "fatty"}
CLASS_WORDS |= {"positive", "negative", "mass", "calcification", "suspicious", "recalled", "a", "b", "c", "d"}
"""Words that the names of the two classes may be made of."""

NOTES = (
    r"The manifest names no patients: every file counts as a patient of its own\.",
    r"Patients that differ in [a-z ,]+ count as different women \(\d+ pairs?\)\.",
    r"Patients look rounded by a spreadsheet, so that several women may have become one\.",
    r"Identical files have (opposite labels|different patients) \(\d+ groups? of such files\)\.",
    r"[\d,]+ images? with two values only, as a mask has: look whether that is what was meant\.",
    r"\d+ files of cases whose CSV is missing were passed over\.",
    r"\d+ rows match several files; each file is an image\.",
    r"The boxes are shares of the image, not pixels, and were not taken; multiply them by its size\.",
    r"The headers' PatientID joins [\d,]+ of the manifest's patients into [\d,]+: a woman may "
    r"stand on both sides of a split\. The manifest's patients are kept\.",
    r"[\d,]+ of [\d,]+ images? (is|are) FOR PROCESSING: raw pixels, of which a maker's own processing makes the "
    r"picture that readers see\. They are read as they stand; the column intent tells them apart, and --intent "
    r"presentation leaves them out\.",
)
"""Patterns of notes of an index that hold no name, neither of a person nor from a manifest."""
HIDDEN_NOTE = (
    "Something else must be known of this data set before its figures are believed; it is not told here, since it may "
    "name files or people. Ask who shared it."
)


def neutral(table: pd.DataFrame) -> pd.DataFrame:
    """The columns of `KNOWN` with nothing but the words and numbers of their scales.

    Further words become `other 1`, `other 2` and so on in a random order, so groups stay groups. Numbers outside
    the scale become missing.
    """
    columns: dict[str, Any] = {name: _words(table[name], words) for name, words in WORDS.items() if name in table}
    columns |= {name: _numbers(table[name], *bounds) for name, bounds in NUMBERS.items() if name in table}
    return table[[name for name in table if name in columns]].assign(**columns)


def neutral_notes(notes: Collection[str]) -> list[str]:
    """The notes that hold no names, and the sentence `HIDDEN_NOTE` in place of all further notes."""
    plain = [note for note in notes if any(re.fullmatch(pattern, note) for pattern in NOTES)]
    return plain if len(plain) == len(notes) else [*plain, HIDDEN_NOTE]


def neutral_classes(classes: Mapping[str, str]) -> dict[str, str]:
    """The names of the two classes where these are made of standard words and small numbers; else "positive class"."""
    return {side: name if _is_plain(name) else f"{side} class" for side, name in classes.items()}


def _is_plain(name: str) -> bool:
    words = word_key(name).split()
    return word_key(name) in CLASS_WORDS or all(
        word in CLASS_WORDS or re.fullmatch(r"\d{1,2}[abc]?", word) for word in words
    )


def _words(column: pd.Series, scale: set[str]) -> pd.Series:
    text = column.astype("string")
    foreign = (
        text.notna() & (text != "") & ~text.map(lambda value: _is_known(value, scale), na_action="ignore").eq(True)
    )
    names = list(dict.fromkeys(text[foreign.fillna(False)]))
    random.SystemRandom().shuffle(names)
    renamed = {name: f"{OTHER} {number}" for number, name in enumerate(names, start=1)}
    return column.map(lambda value: renamed.get(str(value), value)) if renamed else column


def _is_known(value: str, scale: set[str]) -> bool:
    return value in scale or all(part in scale for part in re.split(r"[-+]", value))


def _numbers(column: pd.Series, least: int, most: int) -> pd.Series:
    numbers = pd.to_numeric(column, errors="coerce")
    inside = numbers.between(least, most).fillna(False).astype(bool)
    if pd.api.types.is_numeric_dtype(column.dtype) or pd.api.types.is_bool_dtype(column.dtype):
        return column if inside[column.notna()].all() else column.where(inside)
    return numbers.where(inside).astype("Int64") if numbers.notna().any() else numbers.astype("Int64")
