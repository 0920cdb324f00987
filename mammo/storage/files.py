"""Files that are whole or absent: everything is written beside its place and renamed into it."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import functools
import hashlib
import json
import math
import os
import stat
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, TypeVar

from mammo.errors import MammoError, first_line

Result = TypeVar("Result")

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


def is_full(error: OSError) -> bool:
    """Whether a disk, or what one may take of it, is full."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def unwritable(path: Path, error: OSError) -> WriteError:
    """The sentence for a failed write to `path`."""
    if is_full(error):
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
    write_bytes(path, json_bytes(content))


def json_bytes(content: Any) -> bytes:
    """`content` as indented JSON; keys keep their order."""
    return (json.dumps(content, indent=2, allow_nan=False) + "\n").encode()


MOST_BYTES = 2**26
"""Bytes of JSON that are read, unless a kind of file may hold more."""
MOST_TABLES = 2**22
"""Lists and tables in one file of JSON."""
DEEPEST = 48
"""How deep lists and tables may stand in one another."""


def read_bytes(path: Path, most: int = 2**40) -> bytes:
    """The bytes of a plain file of at most `most` bytes; raises OSError where it cannot be read or is no such file."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe would be waited for without end
    with os.fdopen(descriptor, "rb") as stream:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "it is no plain file", str(path))
        if found.st_size > most:
            raise OSError(errno.EFBIG, f"it has {found.st_size:,} bytes, and {most:,} are read at most", str(path))
        return stream.read(found.st_size)


def read_json(path: Path, what: str, most: int = MOST_BYTES) -> Any:
    """Read the JSON of `path`; `what` names it in the error.

    Raises MammoError where the file is missing, or is not JSON of usual size, depth and numbers (`parse_json`).
    """
    try:
        return parse_json(read_bytes(path, most))
    except FileNotFoundError:
        raise MammoError(f"There is no {what} at {path}.") from None
    except OSError as error:
        reason = error.strerror
    except ValueError as error:
        reason = first_line(error)
    raise MammoError(f"The {what} at {path} cannot be read ({reason}); delete it and make it again.")


def parse_json(content: bytes | str) -> Any:
    """The values of JSON that nobody vouches for.

    Raises ValueError where it is none, holds a number that is not finite or does not fit into 64 bits, is deeper than
    `DEEPEST`, or holds more than `MOST_TABLES` lists and tables.
    """
    text = content.decode() if isinstance(content, bytes) else content
    if text.count("[") + text.count("{") > MOST_TABLES:
        raise ValueError(f"it holds more than {MOST_TABLES:,} lists and tables")
    try:
        values = json.loads(text, parse_int=_whole, parse_float=_finite, parse_constant=_finite)
    except (RecursionError, MemoryError):
        raise ValueError("it is too deep or too large") from None
    level = [values]
    for _ in range(DEEPEST):
        level = [item for table in level for item in _items(table) if isinstance(item, dict | list)]
        if not level:
            return values
    raise ValueError(f"its lists and tables stand more than {DEEPEST} deep in one another")


def _items(values: Any) -> Iterable[Any]:
    return values.values() if isinstance(values, dict) else values if isinstance(values, list) else ()


def _whole(text: str) -> int:
    if len(text) > 20 or not -(2**63) <= int(text) < 2**64:
        raise ValueError(f"the number {text[:20]} does not fit into 64 bits")
    return int(text)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text[:20]} is not finite")
    return number


State = tuple[int, int, int, int]


def state_of(path: Path) -> State | None:
    """What changes whenever a file is written or replaced, whatever clock it was written by; None where it is gone."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino


def known_digest(path: Path) -> str:
    """SHA-256 of the file's bytes, read once in this process as long as its state stays the same."""
    return _known_digest(path, state_of(path))


@functools.lru_cache(maxsize=4096)
def _known_digest(path: Path, _state: State | None) -> str:
    return digest_file(path)


STILL = 0.2
"""Seconds after which files that did not change are taken for finished."""
FRESH = 2.0
"""Seconds for which a file counts as one that may be in the middle of being replaced."""


def read_steadily(files: Sequence[Path], read: Callable[[], Result]) -> Result:
    """What `read` makes of some files together; read again where they were replaced meanwhile."""
    end = time.monotonic() + PATIENCE
    while True:
        before = [state_of(file) for file in files]
        try:
            result = read()
        except MammoError:
            if time.monotonic() > end or _rest(files, before):
                raise
        else:
            if time.monotonic() > end or before == [state_of(file) for file in files]:
                return result


PATIENCE = 20.0
"""Seconds for which files are read again that others go on replacing."""
LONGEST = 5.0
"""Seconds for which a file that lies beside them counts as one that is about to take the place of one of theirs."""


def _rest(files: Sequence[Path], before: list[State | None]) -> bool:
    """Whether nobody is writing these files: they are what they were, and stay so for a while if they are fresh.

    What lies beside them unfinished, as a writer leaves it until the last of its files is moved, is waited for longer.
    """
    begun = time.monotonic()
    while before == [state_of(file) for file in files]:
        ages = [time.time() - state[2] / 1e9 for state in before if state]
        patience = LONGEST if _unfinished(files) else STILL
        if not any(0 <= age < FRESH for age in ages) or time.monotonic() - begun > patience:
            return True
        time.sleep(0.01)
    return False


def _unfinished(files: Sequence[Path]) -> bool:
    """Whether a file that is being written lies beside these."""
    return any(next(folder.glob(f"{PARTIAL}*"), None) for folder in {file.parent for file in files})


def digest_bytes(content: bytes) -> str:
    """SHA-256 of `content`, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def digest_file(path: Path) -> str:
    """SHA-256 of the file's bytes, in hexadecimal."""
    with path.open("rb") as stream:
        return digest_stream(stream)


def digest_stream(stream: IO[bytes]) -> str:
    """SHA-256 of what is left to read of a stream, in hexadecimal."""
    return hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]


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
