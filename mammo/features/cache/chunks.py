"""Chunks on disk, in the format of zarr: arrays are written to and read from their files directly.

zarr writes the description of an array and can read every chunk, but its event loop takes several times as long.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mammo.processes.parallel import cores
from mammo.storage.atomic_files import write_bytes
from mammo.storage.digests import digest_bytes

DESCRIPTION = "zarr.json"
CRC = 4
"""Bytes of a CRC-32C checksum."""
Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Storage:
    """How chunks are encoded. A chunk takes about `share` of the bytes of its activations.

    `codec` is the name of the codec in an array's description; `zarr_codec` returns the codec as an object of zarr.
    `encode` turns the bytes of a chunk into those of its file. `read` fills the bytes of a chunk from a file, and
    raises an error where they have changed.
    """

    label: str
    description: str
    share: float
    codec: str
    zarr_codec: Callable[[], Any]
    encode: Callable[[Bytes], bytes]
    read: Callable[[Path, Bytes], None]


def _zarr_zstd() -> Any:
    from zarr.codecs import ZstdCodec

    return ZstdCodec(level=1, checksum=True)


def _numcodecs_zstd() -> Any:
    return import_module("numcodecs.zstd").Zstd(level=1, checksum=True)


def _compress(values: Bytes) -> bytes:
    return bytes(_numcodecs_zstd().encode(values))


def _decompress(path: Path, values: Bytes) -> None:
    _numcodecs_zstd().decode(path.read_bytes(), values)


def _zarr_crc32c() -> Any:
    from zarr.codecs import Crc32cCodec

    return Crc32cCodec()


def _checksum(values: Bytes) -> bytes:
    import google_crc32c

    checksum: int = google_crc32c.value(values)
    return checksum.to_bytes(CRC, "little")


def _append_checksum(values: Bytes) -> bytes:
    return values.tobytes() + _checksum(values)


def _read_and_check(path: Path, values: Bytes) -> None:
    checksum = bytearray(CRC + 1)
    with path.open("rb", buffering=0) as file:
        read = os.preadv(file.fileno(), [values.data, checksum], 0)
    if read != len(values) + CRC or checksum[:CRC] != _checksum(values):
        raise ValueError(f"{path} is not what was written")


STORAGES: dict[str, Storage] = {
    "zstd": Storage(
        "Compressed", "A third to a half of the room, by zstd.", 0.45, "zstd", _zarr_zstd, _compress, _decompress
    ),
    "fast": Storage(
        "As they are",
        "Read several times as fast, in two to three times the room.",
        1.0,
        "crc32c",
        _zarr_crc32c,
        _append_checksum,
        _read_and_check,
    ),
}
"""The ways to store a chunk; all store the same numbers, together with a checksum."""
DEFAULT_STORAGE = "zstd"


def storage_of(description: dict[str, Any]) -> Storage:
    """Return the storage that an array's description names; raises ValueError where it is not in `STORAGES`."""
    codecs = [codec["name"] for codec in description["codecs"]]
    for storage in STORAGES.values():
        if codecs == ["bytes", storage.codec]:
            return storage
    raise ValueError(f"chunks of the codecs {codecs} are not written by this program")


@dataclass(frozen=True)
class Chunks:
    """The chunks of one array (versions, images, ...). Each has `rows` images of one version; the last is padded."""

    folder: Path
    shape: tuple[int, ...]
    rows: int
    dtype: np.dtype[Any]
    storage: Storage

    @classmethod
    def of(cls, folder: Path) -> Chunks:
        """Open the array of a folder, by its description."""
        description = json.loads((folder / DESCRIPTION).read_text())
        rows = description["chunk_grid"]["configuration"]["chunk_shape"][1]
        dtype = np.dtype(description["data_type"]).newbyteorder("<")
        return cls(folder, tuple(description["shape"]), rows, dtype, storage_of(description))

    def file(self, version: int, chunk: int) -> str:
        """The path of a chunk's file, relative to the folder."""
        return f"c/{version}/{chunk}" + "/0" * (len(self.shape) - 2)

    def write(self, version: int, chunk: int, values: NDArray[np.floating]) -> dict[str, Any]:
        """Write a chunk completely or not at all; return its size in bytes and its SHA-256."""
        padded = np.full((self.rows, *self.shape[2:]), np.nan, self.dtype)
        padded[: len(values)] = values
        content = self.storage.encode(padded.reshape(-1).view(np.uint8))
        write_bytes(self.folder / self.file(version, chunk), content)
        return {"bytes": len(content), "sha256": digest_bytes(content)}

    def read(self, version: int, start: int = 0, stop: int | None = None) -> NDArray[np.floating]:
        """Read the images from `start` up to `stop` of a version, on all cores; `start` is the first image of a chunk.

        Raises OSError where a chunk is missing, and the codec's own error where a chunk has changed.
        """
        stop = min(self.shape[1], self.shape[1] if stop is None else stop)
        values = np.empty((max(0, stop - start), *self.shape[2:]), self.dtype)
        parts = [
            (first // self.rows, values[first - start : first - start + self.rows])
            for first in range(start, stop, self.rows)
        ]
        with ThreadPoolExecutor(cores()) as threads:
            list(threads.map(lambda part: self._read_into(version, *part), parts))
        return values

    def _read_into(self, version: int, chunk: int, part: NDArray[np.floating]) -> None:
        is_full = len(part) == self.rows
        target = part if is_full else np.empty((self.rows, *self.shape[2:]), self.dtype)
        self.storage.read(self.folder / self.file(version, chunk), target.reshape(-1).view(np.uint8))
        if not is_full:
            part[:] = target[: len(part)]
