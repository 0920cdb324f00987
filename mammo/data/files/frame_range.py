"""The frames of a file that a row of a manifest names: one frame, or a slab of adjacent ones."""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_NUMBER = 10_000
MAX_FRAMES = 100
"""Largest number of frames in a slab; they are read one after the other."""
_SUFFIX = re.compile(r"#\d+(-\d+)?$")


@dataclass(frozen=True)
class FrameRange:
    """Frames `first` to `last`, from 1; both are 0 for the only frame of a file."""

    first: int = 0
    last: int = 0

    @classmethod
    def parse(cls, text: str) -> FrameRange:
        """Parse a cell such as `20`, `20-25` or an empty one; raise ValueError with the reason where it is invalid."""
        if not text:
            return cls()
        parts = re.fullmatch(r"(\d{1,6})(?:\.0*)?(?:\s*[-–]\s*(\d{1,6})(?:\.0*)?)?", text)
        first, last = (int(parts[1]), int(parts[2] or parts[1])) if parts else (0, 0)
        if not 1 <= first <= last <= MAX_NUMBER:
            raise ValueError(f"is not a whole number from 1 to {MAX_NUMBER}, nor a range of frames such as 20-25")
        if last - first >= MAX_FRAMES:
            raise ValueError(f"names more than {MAX_FRAMES} frames")
        return cls(first, last)

    def __str__(self) -> str:
        """Return the range as a cell of a manifest has it."""
        return "-".join(str(number) for number in dict.fromkeys((self.first, self.last)) if number)

    @property
    def numbers(self) -> range:
        """The numbers of the frames; 0 alone is the only frame of a file."""
        return range(self.first, self.last + 1)

    @property
    def suffix(self) -> str:
        """The part that follows the file's name in the name of an image."""
        return f"#{self}" if self.first else ""


def file_of(image: str) -> str:
    """Return the file's name from the name of an image, without the frames."""
    return _SUFFIX.sub("", image)
