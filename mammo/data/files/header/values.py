"""Values of DICOM tags, which may hold anything: each is returned in its proper type, or as None."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

MAX_LETTERS = 64
"""Longest text that is accepted: the maximum of DICOM's representation LO."""
SAME_SPACING = 0.01
"""Relative difference up to which two spacings count as equal."""


def value_of(source: Dataset, keyword: str) -> Any:
    """Return a tag's value, None where it is missing or cannot be parsed."""
    try:
        return source.get(keyword)
    except Exception:  # values are parsed on access, and invalid ones raise many kinds
        return None


def first_value(sources: list[Dataset], keyword: str) -> Any:
    """Return the first value of a tag that is not empty."""
    values = (value_of(source, keyword) for source in sources)
    return next((value for value in values if value not in (None, "")), None)


def text_of(value: Any) -> str | None:
    """Return one printable text of at most `MAX_LETTERS` letters, None for anything else."""
    words = " ".join(value.strip(" \0").split()) if isinstance(value, str) else ""
    return words if words and len(words) <= MAX_LETTERS and words.isprintable() and "\ufffd" not in words else None


def word_of(value: Any) -> str:
    """Return a code word in capitals, empty where there is none."""
    return (text_of(value) or "").upper()


def words_of(value: Any) -> list[str]:
    """Return the code words of a value that may have several."""
    items = [value] if isinstance(value, str | bytes) or not hasattr(value, "__iter__") else value
    return [word_of(item) for item in items][:16]


def number_of(value: Any, low: float, high: float) -> float | None:
    """Return a number from `low` to `high`, None for anything else."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and low <= number <= high else None


def integer_of(value: Any) -> int | None:
    """Return an integer from 1 on, None for anything else."""
    number = number_of(value, 1, 2**31 - 1)
    return int(number) if number is not None and number == int(number) else None


def spacing_of(value: Any) -> float | None:
    """Return a spacing in mm that is equal in both directions, None for anything else."""
    items = list(value) if hasattr(value, "__iter__") and not isinstance(value, str | bytes) else []
    numbers = [number for item in items if (number := number_of(item, 0.001, 10))]
    if len(items) != 2 or len(numbers) != 2 or abs(numbers[0] - numbers[1]) > SAME_SPACING * numbers[0]:
        return None
    return round(numbers[0], 6)


def items_of(value: Any) -> list[Dataset]:
    """Return the items of a sequence, none for anything else."""
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence

    return [item for item in value if isinstance(item, Dataset)] if isinstance(value, Sequence) else []


def codes_of(source: Dataset, keyword: str) -> Iterator[tuple[str, Dataset]]:
    """Yield the code of each item of a sequence, and the item."""
    for item in items_of(value_of(source, keyword)):
        if code := word_of(value_of(item, "CodeValue")):
            yield code, item
