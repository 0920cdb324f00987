"""A file of the index, read again only while it is the one that was inspected."""

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
    """A file of the index, and what it was when it was indexed: bytes that a guarded worker decoded unharmed.

    `depth` is what its data set decided where it is not the container's own; `rules` names those by which it was read.
    """

    image: str
    path: Path
    bytes: int
    modified: int
    digest: str
    depth: Depth | None = None
    rules: str = ""

    def read(self) -> Raster:
        """The file's pixels at the depth of its data set.

        Raises MammoError where it is gone, damaged, no longer the one that was indexed, or read by other rules.
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
        """A file whose size or time differs must still hold the same bytes."""
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
    """Whether a file was read in spite of coloured marks on it."""
    return COLOUR_MARKS in rules.split("+")


def applied_rules(raster: Raster) -> str:
    """The rules that gave a file other pixels than the plain reading, sorted and joined by "+"; empty for none."""
    return "+".join(sorted({note.rule for note in raster.notes if RULES[note.rule].changes_pixels}))


def reading_identity(depth: Depth | None, rules: str) -> list[Any]:
    """What the way in which a file is read adds to its identity: nothing where that is the plain one."""
    return [[depth.bits, depth.zero] if depth else None, rules] if depth or rules else []
