"""A file that is read in parts, with a limit on the bytes that are read in all."""

from __future__ import annotations

import io
from pathlib import Path

from mammo.data.files.raster import MAX_BYTES
from mammo.errors import MammoError


class BoundedStream(io.BufferedReader):
    """A file from which no more is requested than it holds: a false length costs no memory and sets `short`.

    Raises MammoError once more than `MAX_BYTES` are read in all: of a larger file only parts can be read.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(io.FileIO(str(path)))
        self.end = path.stat().st_size
        self.short = False
        self.bytes_read = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """Return at most `size` bytes; without a size, all that are left."""
        if size is None or not 0 <= size < io.DEFAULT_BUFFER_SIZE:
            left = max(0, self.end - self.tell())
            self.short = self.short or (size is not None and size > left)
            size = left if size is None or size < 0 else min(size, left)
        self.bytes_read += size
        if self.bytes_read > MAX_BYTES:
            raise MammoError(f"more than {MAX_BYTES // 10**6} MB of it would have to be read, the most that is")
        return super().read(size)

    def read_exactly(self, size: int) -> bytes:
        """Return `size` bytes; raise MammoError where the file ends before."""
        content = self.read(size)
        if len(content) < size:
            raise MammoError("truncated: it ends amid its pixels")
        return content
