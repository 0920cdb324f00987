"""Writing a cache chunk by chunk, so that a killed run loses only the chunk it was writing."""

from __future__ import annotations

import re
import shutil
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mammo.errors import MammoError
from mammo.features.cache.cache import (
    ARRAYS,
    CHUNK,
    MANIFEST,
    MAPS,
    POOLED,
    RECORDS,
    SPEC,
    WEIGHTS_READ,
    FileRecord,
    content_digest,
)
from mammo.features.cache.chunks import DEFAULT_STORAGE, DESCRIPTION, STORAGES, Chunks
from mammo.features.precision import PRECISIONS
from mammo.images.augment import versions
from mammo.specs import CacheSpec, pick
from mammo.storage.atomic_files import remove_partial_files, write_error
from mammo.storage.digests import digest_file
from mammo.storage.json_files import read_json, write_json
from mammo.storage.typed import typed

MADE_WITH = "made_with.json"
LIBRARIES = ("torch", "timm", "zarr", "numcodecs")
DEFAULT_SETTINGS: dict[str, Any] = {"storage": DEFAULT_STORAGE, "batch": 32}
"""How a cache is written by default."""
RECORD = re.compile(r"\d{4,9}-\d{6,9}\.json")
BATCHES = range(1, CHUNK + 1)


def library_versions() -> dict[str, Any]:
    """Return the installed versions of the libraries that compute and write a cache."""
    return {name: metadata.version(name) for name in LIBRARIES}


class CacheWriter:
    """Writes a cache chunk by chunk, and knows which chunks are done.

    `shape` is (channels, rows, columns) of one map. `settings` are not part of the identity but stay the same for all
    chunks of a cache: `storage`, a key of STORAGES, and `batch`, the number of pictures in one forward pass, which may
    change the last bits of a number. An unfinished cache goes on with the settings it was started with. `notes` say
    how the weights file was read.
    """

    def __init__(
        self,
        folder: Path,
        identity: dict[str, Any],
        ids: list[str],
        shape: tuple[int, int, int],
        settings: dict[str, Any] | None = None,
        notes: tuple[str, ...] = (),
    ) -> None:
        self.notes = notes
        self.folder, self.identity, self.ids, self.shape = folder, identity, ids, shape
        self.spec = CacheSpec.from_json(identity["spec"])
        self.versions = versions(self.spec.augment, self.spec.draws)
        self.made_with = library_versions() | DEFAULT_SETTINGS | (settings or {})
        pick(STORAGES, self.made_with["storage"], "storage")
        self._start()
        self.arrays = {name: Chunks.of(folder / ARRAYS / name) for name in (MAPS, POOLED)}
        self.records = self._intact_records()

    @property
    def batch(self) -> int:
        """The number of pictures in one forward pass of the trunk."""
        return int(self.made_with["batch"])

    @property
    def chunks(self) -> int:
        """The number of chunks that the images are divided into."""
        return -(-len(self.ids) // CHUNK)

    @property
    def todo(self) -> list[tuple[int, int]]:
        """The (version, chunk) pairs that are not yet written, in order."""
        pairs = [(version, chunk) for chunk in range(self.chunks) for version in range(self.versions)]
        return [pair for pair in pairs if pair not in self.records]

    def _start(self) -> None:
        """Create the arrays; keep existing ones with the same identity that the same library versions started."""
        remove_partial_files(self.folder)
        earlier = self._read_earlier(MADE_WITH)
        earlier = DEFAULT_SETTINGS | earlier if isinstance(earlier, dict) else {}
        resumed = self.made_with | {name: earlier.get(name) for name in DEFAULT_SETTINGS}
        sound = resumed["storage"] in STORAGES and resumed["batch"] in BATCHES and resumed["batch"] is not True
        if self._read_earlier(SPEC) == self.identity and earlier == resumed and sound:
            self.made_with = resumed
        else:
            for leftover in (ARRAYS, RECORDS):
                shutil.rmtree(self.folder / leftover, ignore_errors=True)
            (self.folder / MANIFEST).unlink(missing_ok=True)
        self._create_arrays()
        write_json(self.folder / MADE_WITH, self.made_with)
        write_json(self.folder / SPEC, self.identity)

    def _read_earlier(self, file: str) -> Any:
        """Return what an earlier run wrote into `file`; None where it is missing or cannot be read."""
        try:
            return read_json(self.folder / file, "cache spec")
        except MammoError:
            return None

    def _create_arrays(self) -> None:
        import zarr

        images, (channels, rows, columns) = len(self.ids), self.shape
        stored = PRECISIONS[self.spec.precision].stored
        layouts = {MAPS: ((channels, rows, columns), stored), POOLED: ((channels,), "float32")}
        for name, (item_shape, dtype) in layouts.items():
            if (self.folder / ARRAYS / name / DESCRIPTION).is_file():
                continue
            try:
                zarr.create_array(
                    self.folder / ARRAYS / name,
                    shape=(self.versions, images, *item_shape),
                    chunks=(1, min(CHUNK, images), *item_shape),
                    dtype=dtype,
                    compressors=STORAGES[self.made_with["storage"]].zarr_codec(),
                    fill_value=float("nan"),
                )
            except OSError as error:
                raise write_error(self.folder, error) from error

    def _intact_records(self) -> dict[tuple[int, int], dict[str, Any]]:
        """Return the records of the chunks whose files still have their original size, by (version, chunk)."""
        records = {}
        for path in sorted((self.folder / RECORDS).glob("*.json")):
            if not RECORD.fullmatch(path.name):
                continue
            version, chunk = (int(part) for part in path.stem.split("-"))
            record = self._record(version, chunk, path.name)
            if record and all(self._has_size(name, entry["bytes"]) for name, entry in record.items()):
                records[version, chunk] = record
        return records

    def _record(self, version: int, chunk: int, file: str) -> dict[str, Any] | None:
        """Return the record of a chunk; None where it is damaged, and the chunk has to be computed again."""
        try:
            record: dict[str, Any] = typed(self._read_earlier(f"{RECORDS}/{file}"), dict[str, FileRecord], "record")
        except MammoError:
            return None
        files = {f"{name}/{array.file(version, chunk)}" for name, array in self.arrays.items()}
        return record if set(record) == files else None

    def _has_size(self, name: str, size: int) -> bool:
        path = self.folder / ARRAYS / name
        return path.is_file() and path.stat().st_size == size

    def write(self, version: int, chunk: int, maps: NDArray[np.floating], pooled: NDArray[np.float32]) -> None:
        """Write one chunk of both arrays, and its record.

        Raises MammoError where an activation is not finite or the disk is full.
        """
        if not (np.isfinite(maps).all() and np.isfinite(pooled).all()):
            raise MammoError(
                f"The trunk {self.spec.trunk} gives activations too large for {self.spec.precision}; "
                "use --precision float32."
            )
        record = {}
        for name, values in ((MAPS, maps), (POOLED, pooled)):
            array = self.arrays[name]
            record[f"{name}/{array.file(version, chunk)}"] = array.write(version, chunk, values)
        write_json(self.folder / RECORDS / f"{version:04d}-{chunk:06d}.json", record)
        self.records[version, chunk] = record

    def _file_record(self, file: str) -> dict[str, Any]:
        path = self.folder / ARRAYS / file
        return {"bytes": path.stat().st_size, "sha256": digest_file(path)}

    def finish(self) -> dict[str, Any]:
        """Write and return the manifest of a cache, once all its chunks are written."""
        chunks = {name: entry for _, record in sorted(self.records.items()) for name, entry in record.items()}
        manifest: dict[str, Any] = {
            "identity": self.identity,
            "made_with": self.made_with,
            "shape": [len(self.ids), *self.shape],
            "versions": self.versions,
            "ids": self.ids,
            "arrays": {file: self._file_record(file) for file in (f"{name}/{DESCRIPTION}" for name in (MAPS, POOLED))},
            "chunks": chunks,
        }
        if self.notes:
            manifest[WEIGHTS_READ] = list(self.notes)
        manifest["digest"] = content_digest(manifest)
        write_json(self.folder / MANIFEST, manifest)
        return manifest
