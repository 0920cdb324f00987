"""Chunks on disk: written and read straight from and into arrays, in zarr's own format.

zarr makes an array's description and could read every chunk; its event loop would take a multiple of the time.
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
Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Storage:
    """How chunks are encoded; they take about `share` of the activations' own bytes.

    `codec` is its name in an array's description, `make` gives zarr's own codec.

    `encode` takes the bytes of a chunk. `read` fills a chunk's bytes from a file; it raises where they are not what
    was encoded.
    """

    label: str
    description: str
    share: float
    codec: str
    make: Callable[[], Any]
    encode: Callable[[Bytes], bytes]
    read: Callable[[Path, Bytes], None]


def _zstd() -> Any:
    from zarr.codecs import ZstdCodec

    return ZstdCodec(level=1, checksum=True)


def _codec() -> Any:
    return import_module("numcodecs.zstd").Zstd(level=1, checksum=True)


def _compress(values: Bytes) -> bytes:
    return bytes(_codec().encode(values))


def _decompress(path: Path, values: Bytes) -> None:
    _codec().decode(path.read_bytes(), values)


def _crc32c() -> Any:
    from zarr.codecs import Crc32cCodec

    return Crc32cCodec()


def _sum(values: Bytes) -> bytes:
    import google_crc32c

    checksum: int = google_crc32c.value(values)
    return checksum.to_bytes(CRC, "little")


def _append_sum(values: Bytes) -> bytes:
    return values.tobytes() + _sum(values)


def _read_and_sum(path: Path, values: Bytes) -> None:
    checksum = bytearray(CRC + 1)
    with path.open("rb", buffering=0) as file:
        read = os.preadv(file.fileno(), [values.data, checksum], 0)
    if read != len(values) + CRC or checksum[:CRC] != _sum(values):
        raise ValueError(f"{path} is not what was written")


STORAGES: dict[str, Storage] = {
    "zstd": Storage(
        "Compressed", "A third to a half of the room, by zstd.", 0.45, "zstd", _zstd, _compress, _decompress
    ),
    "fast": Storage(
        "As they are",
        "Read several times as fast, in two to three times the room.",
        1.0,
        "crc32c",
        _crc32c,
        _append_sum,
        _read_and_sum,
    ),
}
"""Ways to keep a chunk; all hold the same numbers, and a checksum beside them."""
USUAL = "zstd"


def storage_of(description: dict[str, Any]) -> Storage:
    """The storage that an array's description names; raises ValueError where it is none of ours."""
    codecs = [codec["name"] for codec in description["codecs"]]
    for storage in STORAGES.values():
        if codecs == ["bytes", storage.codec]:
            return storage
    raise ValueError(f"chunks of the codecs {codecs} are not written by this program")


@dataclass(frozen=True)
class Chunks:
    """The chunks of one array (versions, images, ...): each holds `rows` images of one version, the last one padded."""

    folder: Path
    shape: tuple[int, ...]
    rows: int
    dtype: np.dtype[Any]
    storage: Storage

    @classmethod
    def of(cls, folder: Path) -> Chunks:
        """The chunks that the description in an array's folder speaks of."""
        description = json.loads((folder / DESCRIPTION).read_text())
        rows = description["chunk_grid"]["configuration"]["chunk_shape"][1]
        dtype = np.dtype(description["data_type"]).newbyteorder("<")
        return cls(folder, tuple(description["shape"]), rows, dtype, storage_of(description))

    def file(self, version: int, chunk: int) -> str:
        """A chunk's file, below the folder."""
        return f"c/{version}/{chunk}" + "/0" * (len(self.shape) - 2)

    def write(self, version: int, chunk: int, values: NDArray[np.floating]) -> dict[str, Any]:
        """Write a chunk, whole or not at all; its size in bytes and SHA-256."""
        padded = np.full((self.rows, *self.shape[2:]), np.nan, self.dtype)
        padded[: len(values)] = values
        content = self.storage.encode(padded.reshape(-1).view(np.uint8))
        write_bytes(self.folder / self.file(version, chunk), content)
        return {"bytes": len(content), "sha256": digest_bytes(content)}

    def read(self, version: int, start: int = 0, stop: int | None = None) -> NDArray[np.floating]:
        """Images `start` to `stop` of a version, on all cores; `start` is a chunk's first.

        Raises what the codec raises, or OSError, where a chunk is gone or is not what was written.
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
        whole = len(part) == self.rows
        target = part if whole else np.empty((self.rows, *self.shape[2:]), self.dtype)
        self.storage.read(self.folder / self.file(version, chunk), target.reshape(-1).view(np.uint8))
        if not whole:
            part[:] = target[: len(part)]
