"""Which frames of a file a row of a manifest means: one, or a slab of several next to each other."""

from __future__ import annotations

import re
from dataclasses import dataclass

MOST_NUMBER = 10_000
MOST_FRAMES = 100
"""Frames that a slab may have; they are read one after the other."""
_SUFFIX = re.compile(r"#\d+(-\d+)?$")


@dataclass(frozen=True)
class FrameRange:
    """Frames `first` to `last`, from 1; both are 0 where a file has but one."""

    first: int = 0
    last: int = 0

    @classmethod
    def parse(cls, text: str) -> FrameRange:
        """The frames that a cell names: empty, `20`, or `20-25`; raises ValueError with the reason."""
        if not text:
            return cls()
        parts = re.fullmatch(r"(\d{1,6})(?:\.0*)?(?:\s*[-–]\s*(\d{1,6})(?:\.0*)?)?", text)
        first, last = (int(parts[1]), int(parts[2] or parts[1])) if parts else (0, 0)
        if not 1 <= first <= last <= MOST_NUMBER:
            raise ValueError(f"is not a whole number from 1 to {MOST_NUMBER}, nor a range of frames such as 20-25")
        if last - first >= MOST_FRAMES:
            raise ValueError(f"names more than {MOST_FRAMES} frames")
        return cls(first, last)

    def __str__(self) -> str:
        """As a manifest's cell says it."""
        return "-".join(str(number) for number in dict.fromkeys((self.first, self.last)) if number)

    @property
    def numbers(self) -> range:
        """The frames' numbers; 0 alone stands for a file's only frame."""
        return range(self.first, self.last + 1)

    @property
    def suffix(self) -> str:
        """What stands behind a file's name in the name of an image."""
        return f"#{self}" if self.first else ""


def file_of(image: str) -> str:
    """The file's name in the name of an image: all but the frames."""
    return _SUFFIX.sub("", image)
