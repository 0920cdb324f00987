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
    FileFacts,
    content_digest,
)
from mammo.features.cache.chunks import DESCRIPTION, STORAGES, USUAL, Chunks
from mammo.features.precision import PRECISIONS
from mammo.images.augment import versions
from mammo.specs import CacheSpec, pick
from mammo.storage.atomic_files import remove_partial_files, write_error
from mammo.storage.digests import digest_file
from mammo.storage.json_files import read_json, write_json
from mammo.storage.typed import typed

MADE_WITH = "made_with.json"
MAKERS = ("torch", "timm", "zarr", "numcodecs")
HOW: dict[str, Any] = {"storage": USUAL, "batch": 32}
"""How a cache is made where nothing else is said."""
RECORD = re.compile(r"\d{4,9}-\d{6,9}\.json")
BATCHES = range(1, CHUNK + 1)


def made_here() -> dict[str, Any]:
    """The versions of the libraries that make a cache here."""
    return {name: metadata.version(name) for name in MAKERS}


class CacheWriter:
    """A cache in the making: which chunks are done, and how the others are written.

    `shape` is (channels, rows, columns) of one map. `how` holds what does not belong to the identity and yet stays the
    same for a whole cache: its `storage`, an entry of STORAGES, and the `batch` that the trunk takes at once, which may
    change the last bits of a number. A cache that is begun keeps what it was begun with. `notes` says how the file of
    weights was read.
    """

    def __init__(
        self,
        folder: Path,
        identity: dict[str, Any],
        ids: list[str],
        shape: tuple[int, int, int],
        how: dict[str, Any] | None = None,
        notes: tuple[str, ...] = (),
    ) -> None:
        self.notes = notes
        self.folder, self.identity, self.ids, self.shape = folder, identity, ids, shape
        self.spec = CacheSpec.from_json(identity["spec"])
        self.versions = versions(self.spec.augment, self.spec.draws)
        self.made_with = made_here() | HOW | (how or {})
        pick(STORAGES, self.made_with["storage"], "storage")
        self._start()
        self.arrays = {name: Chunks.of(folder / ARRAYS / name) for name in (MAPS, POOLED)}
        self.records = self._kept_records()

    @property
    def batch(self) -> int:
        """How many pictures the trunk takes at once."""
        return int(self.made_with["batch"])

    @property
    def chunks(self) -> int:
        """The number of chunks of images."""
        return -(-len(self.ids) // CHUNK)

    @property
    def todo(self) -> list[tuple[int, int]]:
        """The (version, chunk) pairs that are not done, in order."""
        pairs = [(version, chunk) for chunk in range(self.chunks) for version in range(self.versions)]
        return [pair for pair in pairs if pair not in self.records]

    def _start(self) -> None:
        """Make the arrays; keep those that the same versions of the same libraries began for this identity."""
        remove_partial_files(self.folder)
        begun = self._begun(MADE_WITH)
        begun = HOW | begun if isinstance(begun, dict) else {}
        kept = self.made_with | {name: begun.get(name) for name in HOW}
        sound = kept["storage"] in STORAGES and kept["batch"] in BATCHES and kept["batch"] is not True
        if self._begun(SPEC) == self.identity and begun == kept and sound:
            self.made_with = kept
        else:
            for leftover in (ARRAYS, RECORDS):
                shutil.rmtree(self.folder / leftover, ignore_errors=True)
            (self.folder / MANIFEST).unlink(missing_ok=True)
        self._create_arrays()
        write_json(self.folder / MADE_WITH, self.made_with)
        write_json(self.folder / SPEC, self.identity)

    def _begun(self, file: str) -> Any:
        """What an earlier run wrote into `file`; None where there is nothing that can be read."""
        try:
            return read_json(self.folder / file, "cache spec")
        except MammoError:
            return None

    def _create_arrays(self) -> None:
        import zarr

        images, (channels, rows, columns) = len(self.ids), self.shape
        stored = PRECISIONS[self.spec.precision].stored
        layouts = {MAPS: ((channels, rows, columns), stored), POOLED: ((channels,), "float32")}
        for name, (item, dtype) in layouts.items():
            if (self.folder / ARRAYS / name / DESCRIPTION).is_file():
                continue
            try:
                zarr.create_array(
                    self.folder / ARRAYS / name,
                    shape=(self.versions, images, *item),
                    chunks=(1, min(CHUNK, images), *item),
                    dtype=dtype,
                    compressors=STORAGES[self.made_with["storage"]].make(),
                    fill_value=float("nan"),
                )
            except OSError as error:
                raise write_error(self.folder, error) from error

    def _kept_records(self) -> dict[tuple[int, int], dict[str, Any]]:
        """The chunks that were recorded and whose files still have the size they were written with."""
        kept = {}
        for path in sorted((self.folder / RECORDS).glob("*.json")):
            if not RECORD.fullmatch(path.name):
                continue
            version, chunk = (int(part) for part in path.stem.split("-"))
            record = self._record(version, chunk, path.name)
            if record and all(self._has_size(name, entry["bytes"]) for name, entry in record.items()):
                kept[version, chunk] = record
        return kept

    def _record(self, version: int, chunk: int, file: str) -> dict[str, Any] | None:
        """What was recorded of a chunk; None where that is damaged: the chunk is made again."""
        try:
            record: dict[str, Any] = typed(self._begun(f"{RECORDS}/{file}"), dict[str, FileFacts], "record")
        except MammoError:
            return None
        files = {f"{name}/{array.file(version, chunk)}" for name, array in self.arrays.items()}
        return record if set(record) == files else None

    def _has_size(self, name: str, size: int) -> bool:
        path = self.folder / ARRAYS / name
        return path.is_file() and path.stat().st_size == size

    def write(self, version: int, chunk: int, maps: NDArray[np.floating], pooled: NDArray[np.float32]) -> None:
        """Write one chunk of both arrays and record it.

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

    def _facts(self, file: str) -> dict[str, Any]:
        path = self.folder / ARRAYS / file
        return {"bytes": path.stat().st_size, "sha256": digest_file(path)}

    def finish(self) -> dict[str, Any]:
        """Write the manifest of a cache whose chunks are all done, and return it."""
        chunks = {name: entry for _, record in sorted(self.records.items()) for name, entry in record.items()}
        manifest: dict[str, Any] = {
            "identity": self.identity,
            "made_with": self.made_with,
            "shape": [len(self.ids), *self.shape],
            "versions": self.versions,
            "ids": self.ids,
            "arrays": {file: self._facts(file) for file in (f"{name}/{DESCRIPTION}" for name in (MAPS, POOLED))},
            "chunks": chunks,
        }
        if self.notes:
            manifest[WEIGHTS_READ] = list(self.notes)
        manifest["digest"] = content_digest(manifest)
        write_json(self.folder / MANIFEST, manifest)
        return manifest
