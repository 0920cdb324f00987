"""Files that are complete or absent: each is written under a temporary name in its folder, then renamed."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from mammo.errors import MammoError

PARTIAL = ".partial-"
"""What the name of an unfinished file begins with."""


@contextlib.contextmanager
def atomic_file(path: Path, mode: str = "wb") -> Iterator[IO[Any]]:
    """Open a temporary file in the folder of `path`; rename it to `path` on success, remove it on any error.

    Raises MammoError where the folder cannot be written or the disk is full.
    """
    with clear_write_errors(path):
        new_folders = make_folder(path.parent)
        descriptor, temporary = tempfile.mkstemp(prefix=PARTIAL, dir=path.parent)
        try:
            with os.fdopen(descriptor, mode) as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            Path(temporary).chmod(0o644)
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
            remove_empty_folders(new_folders)
            raise


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` to `path`, completely or not at all."""
    with atomic_file(path) as stream:
        stream.write(content)


def write_text(path: Path, content: str) -> None:
    """Write `content` to `path` as UTF-8, completely or not at all."""
    write_bytes(path, content.encode())


def read_bytes(path: Path, max_bytes: int = 2**40) -> bytes:
    """Return the bytes of a regular file; raise OSError where it cannot be read, is of another kind or too large."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # opening a pipe would wait without end
    with os.fdopen(descriptor, "rb") as stream:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is no plain file", str(path))
        if status.st_size > max_bytes:
            reason = f"it has {status.st_size:,} bytes, and {max_bytes:,} are read at most"
            raise OSError(errno.EFBIG, reason, str(path))
        return stream.read(status.st_size)


def remove_partial_files(folder: Path) -> None:
    """Remove the unfinished files of writers that were killed, in a folder and in every folder below it."""
    for path in folder.rglob("*"):
        if path.is_file() and (path.name.startswith(PARTIAL) or path.name.endswith(".partial")):  # the latter is zarr's
            path.unlink(missing_ok=True)


class WriteError(MammoError):
    """A file cannot be written: the disk or the folder is at fault, not what was read to make the file."""


def is_disk_full(error: OSError) -> bool:
    """Whether the disk, or the user's quota on it, is full."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def write_error(path: Path, error: OSError) -> WriteError:
    """Return the user's error for a failed write to `path`."""
    if is_disk_full(error):
        return WriteError(f"The disk is full: cannot write {path}. Free some space and run the same command again.")
    reason = error.strerror or str(error)
    return WriteError(f"Cannot write {path}: {reason}. Choose a folder you may write to with --home.")


@contextlib.contextmanager
def clear_write_errors(path: Path) -> Iterator[None]:
    """Turn every OSError into a WriteError that names `path`."""
    try:
        yield
    except OSError as error:
        raise write_error(path, error) from error


MKDIR_ATTEMPTS = 100
"""How often a folder is created again that another process removes meanwhile."""


def make_folder(folder: Path) -> list[Path]:
    """Create a folder where it is missing; return the folders that were missing, the outermost first."""
    missing = [path for path in (*reversed(folder.parents), folder) if not path.exists()]
    for _ in range(MKDIR_ATTEMPTS):  # another process may remove it between two of mkdir's own checks
        with contextlib.suppress(FileExistsError, FileNotFoundError):
            folder.mkdir(parents=True, exist_ok=True)
            return missing
    folder.mkdir(parents=True, exist_ok=True)
    return missing


def remove_empty_folders(folders: list[Path]) -> None:
    """Remove those of the folders that are empty, the innermost first."""
    for folder in sorted(set(folders), key=lambda path: len(path.parts), reverse=True):
        with contextlib.suppress(OSError):
            folder.rmdir()
