"""Values of DICOM tags that may hold anything: each is taken as what it should be, or is None."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

LONGEST = 64
"""Letters of a value that is taken, as DICOM's LO has them at most."""
SAME_SPACING = 0.01
"""By what share two spacings may differ and count as one."""


def value_of(place: Dataset, keyword: str) -> Any:
    """A tag's value, None where it is missing or cannot be understood."""
    try:
        return place.get(keyword)
    except Exception:  # values are parsed when they are asked for, and odd ones raise nearly anything
        return None


def first_value(places: list[Dataset], keyword: str) -> Any:
    """The value of a tag where it says something first."""
    values = (value_of(place, keyword) for place in places)
    return next((value for value in values if value not in (None, "")), None)


def text_of(value: Any) -> str | None:
    """One printable text of at most `LONGEST` letters, None for anything else."""
    words = " ".join(value.strip(" \0").split()) if isinstance(value, str) else ""
    return words if words and len(words) <= LONGEST and words.isprintable() and "\ufffd" not in words else None


def word_of(value: Any) -> str:
    """A code word in capitals, empty where there is none."""
    return (text_of(value) or "").upper()


def words_of(value: Any) -> list[str]:
    """The code words of a value that may have several."""
    several = [value] if isinstance(value, str | bytes) or not hasattr(value, "__iter__") else value
    return [word_of(item) for item in several][:16]


def number_of(value: Any, low: float, high: float) -> float | None:
    """A number from `low` to `high`, None for anything else."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and low <= number <= high else None


def whole_of(value: Any) -> int | None:
    """A whole number from 1, None for anything else."""
    number = number_of(value, 1, 2**31 - 1)
    return int(number) if number is not None and number == int(number) else None


def spacing_of(value: Any) -> float | None:
    """A spacing in mm that is the same in both directions."""
    several = list(value) if hasattr(value, "__iter__") and not isinstance(value, str | bytes) else []
    numbers = [number for item in several if (number := number_of(item, 0.001, 10))]
    if len(several) != 2 or len(numbers) != 2 or abs(numbers[0] - numbers[1]) > SAME_SPACING * numbers[0]:
        return None
    return round(numbers[0], 6)


def items_of(value: Any) -> list[Dataset]:
    """The items of a sequence, none for anything else."""
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence

    return [item for item in value if isinstance(item, Dataset)] if isinstance(value, Sequence) else []


def codes_of(place: Dataset, keyword: str) -> Iterator[tuple[str, Dataset]]:
    """The code of each item of a sequence, and the item."""
    for item in items_of(value_of(place, keyword)):
        if code := word_of(value_of(item, "CodeValue")):
            yield code, item
