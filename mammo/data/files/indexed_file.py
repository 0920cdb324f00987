"""A file of the index, read only while it is the file that was inspected."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mammo.data.files.raster import Depth, Raster
from mammo.data.files.reading import read_image
from mammo.data.files.rules import COLOUR_MARKS, RULES
from mammo.errors import MammoError
from mammo.storage.digests import digest_file


@dataclass(frozen=True)
class IndexedFile:
    """A file and its state when it was indexed, when a guarded worker decoded it without harm.

    `depth` is the depth that the data set decided, None for the container's own; `rules` are those that were applied.
    """

    image: str
    path: Path
    bytes: int
    modified: int
    digest: str
    depth: Depth | None = None
    rules: str = ""

    def read(self) -> Raster:
        """Return the file's pixels at the depth of its data set.

        Raises MammoError where the file is missing, damaged or changed, or is now read by different rules.
        """
        self._refuse_changed()
        try:
            raster = read_image(self.path, depth=self.depth, colour_marks=has_colour_marks(self.rules))
        except (MammoError, OSError) as error:
            raise MammoError(f"{self.path} can no longer be read ({error}); index the data set again.") from None
        self._refuse_other_rules(applied_rules(raster))
        return raster

    def _refuse_other_rules(self, rules: str) -> None:
        if rules != self.rules:
            before, now = (names.replace("+", ", ") or "none" for names in (self.rules, rules))
            raise MammoError(
                f"{self.path} is read by other rules than when it was indexed (now {now}, then {before}), which give "
                "it other pixels; index the data set again."
            )

    def _refuse_changed(self) -> None:
        """Raise MammoError where the bytes differ; they are compared only where the time has changed."""
        try:
            stat = self.path.stat()
            same = (stat.st_size, stat.st_mtime_ns) == (self.bytes, self.modified)
            same = same or (stat.st_size == self.bytes and digest_file(self.path) == self.digest)
        except OSError as error:
            reason = error.strerror or str(error)
            raise MammoError(f"{self.path} can no longer be read ({reason}); index the data set again.") from None
        if not same:
            raise MammoError(f"{self.path} has changed since it was indexed; index the data set again.")


def has_colour_marks(rules: str) -> bool:
    """Whether coloured marks on a file were read as grey."""
    return COLOUR_MARKS in rules.split("+")


def applied_rules(raster: Raster) -> str:
    """Return the names of the rules that changed a file's pixels, sorted and joined by "+"; empty for none."""
    return "+".join(sorted({note.rule for note in raster.notes if RULES[note.rule].changes_pixels}))


def reading_identity(depth: Depth | None, rules: str) -> list[Any]:
    """Return what the depth and the rules of a reading add to a file's identity: nothing for the plain reading."""
    return [[depth.bits, depth.zero] if depth else None, rules] if depth or rules else []
