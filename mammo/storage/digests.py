"""SHA-256 digests, in hexadecimal."""

from __future__ import annotations

import functools
import hashlib
import json
from pathlib import Path
from typing import IO, Any

from mammo.storage.file_states import FileState, file_state


def digest_bytes(content: bytes) -> str:
    """Return the digest of `content`."""
    return hashlib.sha256(content).hexdigest()


def digest_file(path: Path) -> str:
    """Return the digest of a file's bytes."""
    with path.open("rb") as stream:
        return digest_stream(stream)


def digest_stream(stream: IO[bytes]) -> str:
    """Return the digest of what is left to read of a stream."""
    return hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]


def digest_json(content: Any) -> str:
    """Return the digest of `content` as canonical JSON (sorted keys, no spaces)."""
    return digest_bytes(json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False).encode())


def known_digest(path: Path) -> str:
    """Return the digest of a file's bytes; this process reads them once, until the file's state changes."""
    return _known_digest(path, file_state(path))


@functools.lru_cache(maxsize=4096)
def _known_digest(path: Path, _state: FileState | None) -> str:
    return digest_file(path)
