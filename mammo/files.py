"""Files that are whole or absent: everything is written beside its place and renamed into it."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from mammo.errors import MammoError

PARTIAL = ".partial-"
LOCK = ".lock"


@contextlib.contextmanager
def whole_file(path: Path, mode: str = "wb") -> Iterator[IO[Any]]:
    """Open a file beside `path`; on success rename it to `path`, on any error remove it.

    Raises MammoError where the folder cannot be written or the disk is full.
    """
    with _said_plainly(path):
        new = _make_folder(path.parent)
        descriptor, beside = tempfile.mkstemp(prefix=PARTIAL, dir=path.parent)
        try:
            with os.fdopen(descriptor, mode) as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            Path(beside).chmod(0o644)
            os.replace(beside, path)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(beside)
            _remove_empty(new)
            raise


@contextlib.contextmanager
def _said_plainly(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise unwritable(path, error) from error


class WriteError(MammoError):
    """Something could not be written: the disk's fault or the folder's, and not that of what was read for it."""


def unwritable(path: Path, error: OSError) -> WriteError:
    """The sentence for a failed write to `path`."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return WriteError(f"The disk is full: cannot write {path}. Free some space and run the same command again.")
    reason = error.strerror or str(error)
    return WriteError(f"Cannot write {path}: {reason}. Choose a folder you may write to with --home.")


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` to `path`, whole or not at all."""
    with whole_file(path) as stream:
        stream.write(content)


def write_text(path: Path, content: str) -> None:
    """Write `content` to `path` as UTF-8, whole or not at all."""
    write_bytes(path, content.encode())


def write_json(path: Path, content: Any) -> None:
    """Write `content` to `path` as indented JSON, whole or not at all; keys keep their order."""
    write_text(path, json.dumps(content, indent=2, allow_nan=False) + "\n")


def read_json(path: Path, what: str) -> Any:
    """Read the JSON of `path`; `what` names it in the error.

    Raises MammoError where the file is missing or is not JSON.
    """
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        raise MammoError(f"There is no {what} at {path}.") from None
    except (OSError, ValueError) as error:
        raise MammoError(f"The {what} at {path} cannot be read ({error}); delete it and make it again.") from None


def digest_bytes(content: bytes) -> str:
    """SHA-256 of `content`, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def digest_file(path: Path) -> str:
    """SHA-256 of the file's bytes, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def digest_json(content: Any) -> str:
    """SHA-256 of `content` as canonical JSON (sorted keys, no spaces), in hexadecimal."""
    return digest_bytes(json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False).encode())


@contextlib.contextmanager
def only_one(folder: Path, doing: str) -> Iterator[None]:
    """Hold `folder` for this process; the lock goes when the process ends, however it ends.

    The folder is made where it is missing, and not left behind where no file came to lie in it. Raises MammoError
    where another process holds it.
    """
    new: list[Path] = []
    with _said_plainly(folder):
        lock = None
        while lock is None:
            new = [*new, *_make_folder(folder)]
            lock = _take_lock(folder, doing)
    with lock:
        try:
            yield
        finally:
            _remove_unused(folder, new)


def _take_lock(folder: Path, doing: str) -> IO[Any] | None:
    """The open lock of a folder; None where another process removed the folder meanwhile."""
    try:
        lock = (folder / LOCK).open("w")
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise MammoError(f"Another process is {doing} in {folder}; wait until it ends or cancel it.") from None
    with contextlib.suppress(FileNotFoundError):
        if os.path.samestat((folder / LOCK).stat(), os.fstat(lock.fileno())):
            return lock
    lock.close()
    return None


def _remove_unused(folder: Path, new: list[Path]) -> None:
    """Remove a folder that holds its lock and no other file, and those of the `new` ones that stay empty then."""
    inside = list(folder.rglob("*"))
    if any(path.name != LOCK or path.parent != folder for path in inside if not path.is_dir()):
        return
    (folder / LOCK).unlink(missing_ok=True)
    _remove_empty([*new, folder, *(path for path in inside if path.is_dir())])


REMOVED_MEANWHILE = 100
"""So often a folder is made again that vanishes while it is made."""


def _make_folder(folder: Path) -> list[Path]:
    """Make a folder; those that were missing, the outermost first."""
    missing = [path for path in (*reversed(folder.parents), folder) if not path.exists()]
    for _ in range(REMOVED_MEANWHILE):  # by another process, between two of mkdir's own looks
        with contextlib.suppress(FileExistsError, FileNotFoundError):
            folder.mkdir(parents=True, exist_ok=True)
            return missing
    folder.mkdir(parents=True, exist_ok=True)
    return missing


def _remove_empty(folders: list[Path]) -> None:
    """Remove those folders that are empty, the innermost first."""
    for folder in sorted(set(folders), key=lambda path: len(path.parts), reverse=True):
        with contextlib.suppress(OSError):
            folder.rmdir()


def sweep_partials(folder: Path) -> None:
    """Remove what killed writers left beside their files, here and in every folder below."""
    for litter in folder.rglob("*"):
        if litter.is_file() and (litter.name.startswith(PARTIAL) or litter.name.endswith(".partial")):
            litter.unlink(missing_ok=True)
