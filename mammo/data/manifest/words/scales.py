"""BI-RADS assessments and breast densities as people write them: `4A`, `birads_4`, `BI-RADS: 4`, `ACR-C`, `Type C`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from mammo.data.manifest.words.words import composed

ROMAN = {"i": 1, "ii": 2, "iii": 3, "iv": 4, "v": 5, "vi": 6}
LETTERS = {"a": 1, "b": 2, "c": 3, "d": 4}
CATEGORY = r"category|categories|categorie|kategorie|categoria|cat|class|grade|score|level|type|typ|group|stage"


@dataclass(frozen=True)
class ClinicalScale:
    """The grammar of a clinical scale: the words `names`, then a value, then at most the value's own description.

    `values` maps a digit, numeral or letter to its value, `finer` matches a subcategory after it (the A of 4A), and
    `words` maps descriptions to their value.
    """

    names: re.Pattern[str]
    values: Mapping[str, int]
    finer: Mapping[int, str]
    words: Mapping[str, int]

    def read(self, cell: str) -> int | None:
        """Return the value that a cell names; None where it names none or several."""
        if re.match(r"\s*[-−–]\s*\d", cell):
            return None  # a number below zero
        text = _normalised(cell)
        described, _, value_token = text.rpartition(" ")
        if described in self.words and self.values.get(value_token) == self.words[described]:
            return self.words[described]
        if text not in self.words:
            text = self.names.sub("", text).strip()
        if text in self.words:
            return self.words[text]
        match = re.fullmatch(r"0?(\d)(?:[.,]0*)?(.*)|([a-z]+)(.*)", text)
        if match is None:
            return None
        token, suffix = (match[1], match[2]) if match[1] else self._split_letters(match[3], match[4])
        value = self.values.get(token)
        return value if value is not None and self._describes(suffix.strip(), value) else None

    def _split_letters(self, letters: str, suffix: str) -> tuple[str, str]:
        """Split letters into the numeral or letter at the front and the text after it: `iva` gives `iv` and `a`."""
        if letters in self.values:
            return letters, suffix
        return letters[:-1], letters[-1] + suffix

    def _describes(self, suffix: str, value: int) -> bool:
        """Whether the text after a value is a subcategory or a description of the same value."""
        suffix = re.sub(rf"^{self.finer[value]}\b", "", suffix).strip() if value in self.finer else suffix
        return not suffix or self.words.get(suffix) == value


def _normalised(cell: str) -> str:
    """A cell in lower case, with one space in place of all other characters than letters, digits and `.,/+%<>~`."""
    text = re.sub(r"[^\w.,/+%<>~]+|_", " ", composed(cell).casefold())
    return " ".join(text.replace(" .", " ").split()).rstrip(".,").strip()


def _names(words: str) -> re.Pattern[str]:
    """Matches the names of a scale before a value; the value may follow without a space: `birads4`, `ACRC`."""
    return re.compile(rf"^(?:(?:{words})(?:\b|(?=\d)|(?=[a-d]$))[.,]?\s*)+")


BIRADS = ClinicalScale(
    names=_names(rf"acr|breast|imaging|bi ?rads?|assessment|final|overall|{CATEGORY}"),
    values={**{str(number): number for number in range(7)}, **ROMAN},
    finer={4: "[abc]"},
    words={
        "incomplete": 0,
        "needs additional imaging": 0,
        "need additional imaging": 0,
        "additional imaging needed": 0,
        "additional imaging": 0,
        "negative": 1,
        "normal": 1,
        "benign": 2,
        "benign finding": 2,
        "benign findings": 2,
        "probably benign": 3,
        "probably benign finding": 3,
        "suspicious": 4,
        "suspicious abnormality": 4,
        "suspicious finding": 4,
        "suspicious for malignancy": 4,
        "low suspicion": 4,
        "low suspicion for malignancy": 4,
        "moderate suspicion": 4,
        "moderate suspicion for malignancy": 4,
        "high suspicion for malignancy": 4,
        "highly suggestive": 5,
        "highly suggestive of malignancy": 5,
        "known malignancy": 6,
        "known cancer": 6,
        "known biopsy proven malignancy": 6,
        "known biopsy proven": 6,
        "biopsy proven": 6,
    },
)
"""BI-RADS assessments, 0 to 6; 4A, 4B and 4C count as 4."""

DENSITY = ClinicalScale(
    names=_names(rf"breast|tissue|parenchymal|composition|pattern|density|acr|bi ?rads?|birads|{CATEGORY}"),
    values={**{str(number): number for number in range(1, 5)}, **LETTERS, **dict(list(ROMAN.items())[:4])},
    finer={},
    words={
        "fatty": 1,
        "fat": 1,
        "almost entirely fat": 1,
        "almost entirely fatty": 1,
        "entirely fat": 1,
        "entirely fatty": 1,
        "the breasts are almost entirely fatty": 1,
        "predominantly fat": 1,
        "predominantly fatty": 1,
        "scattered": 2,
        "scattered fibroglandular": 2,
        "scattered fibroglandular density": 2,
        "scattered fibroglandular densities": 2,
        "scattered fibroglandular tissue": 2,
        "scattered areas of fibroglandular density": 2,
        "there are scattered areas of fibroglandular density": 2,
        "heterogeneous": 3,
        "heterogeneously": 3,
        "heterogeneously dense": 3,
        "the breasts are heterogeneously dense": 3,
        "extreme": 4,
        "extremely": 4,
        "extremely dense": 4,
        "the breasts are extremely dense": 4,
    },
)
"""Breast density, 1 to 4 or A to D."""

TISSUE = {"f": "F", "fatty": "F", "g": "G", "glandular": "G", "fatty glandular": "G", "d": "D", "dense": "D"}
"""MIAS's scale of background tissue: fatty, glandular, dense. Its D is not BI-RADS density D."""
TISSUE_ALONE = {"f", "g", "glandular", "fatty glandular", "dense"}
"""The words of `TISSUE` that do not name a BI-RADS density."""


def is_tissue(counts: Mapping[str, int]) -> bool:
    """Whether a column of densities is on the scale of MIAS: F, G and D; `counts` holds how often each cell occurs.

    It is where more cells are F, G or dense than name a BI-RADS density other than D and fatty; so one odd letter does
    not change the meaning of the column.
    """
    tissue = sum(count for cell, count in counts.items() if _normalised(cell) in TISSUE_ALONE)
    neutral = set(TISSUE) - TISSUE_ALONE
    usual = sum(
        count for cell, count in counts.items() if _normalised(cell) not in neutral and DENSITY.read(cell) is not None
    )
    return tissue > usual


def is_tissue_word(cell: str) -> bool:
    """Whether a cell is fatty, glandular or dense by the scale of MIAS."""
    return _normalised(cell) in TISSUE
