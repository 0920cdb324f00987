"""What the two classes of a data set are called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ClassNames:
    """What the two classes of a data set are called wherever they are shown; tables and JSON keep the plain labels."""

    positive: str = "malignant"
    negative: str = "benign"

    @property
    def plain(self) -> bool:
        """Whether the classes are malignancy itself."""
        return self == ClassNames()

    @property
    def by_label(self) -> dict[str, str]:
        """The names by the label that a table holds, benign first."""
        return {"benign": self.negative, "malignant": self.positive}

    @property
    def quality(self) -> str:
        """What a probability is of: malignancy, or the positive class."""
        return "malignancy" if self.plain else self.positive

    def to_json(self) -> dict[str, str]:
        """The names as plain JSON values."""
        return {"positive": self.positive, "negative": self.negative}


def capital(words: str) -> str:
    """Words with a capital in front, the rest as it is: names of classes may hold capitals of their own."""
    return words[:1].upper() + words[1:]


PLAIN = ClassNames()
"""The names of most data sets."""


def class_names(about: Mapping[str, Any]) -> ClassNames:
    """The names of the classes by what a data set or a sweep's data set says of itself; malignancy's by default."""
    classes = about.get("classes") or {}
    return ClassNames(**{name: str(classes[name]) for name in ("positive", "negative") if classes.get(name)})
