"""A file of the index, read again only while it is the one that was inspected."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mammo.data.raster import Raster
from mammo.data.reading import read_image
from mammo.errors import MammoError
from mammo.files import digest_file


@dataclass(frozen=True)
class Source:
    """A file of the index, and what it was when it was indexed: bytes that a guarded worker decoded unharmed."""

    image: str
    path: Path
    bytes: int
    modified: int
    digest: str

    def read(self) -> Raster:
        """The file's pixels; raises MammoError where it is gone, damaged, or no longer the one that was indexed."""
        self._refuse_changed()
        try:
            return read_image(self.path)
        except (MammoError, OSError) as error:
            raise MammoError(f"{self.path} can no longer be read ({error}); index the data set again.") from None

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
