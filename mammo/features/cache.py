"""The noun `Cache`: the activations of one trunk on one data set, opened only when whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mammo.errors import MammoError
from mammo.files import digest_file, digest_json, read_json
from mammo.specs import CacheSpec, Home

CHUNK = 64
"""Images in one chunk."""
ARRAYS = "activations.zarr"
SPEC = "spec.json"
MANIFEST = "manifest.json"
RECORDS = "chunks"
MAPS, POOLED = "maps", "pooled"


@dataclass(frozen=True)
class Damage:
    """A chunk that is not what it was when it was written."""

    cache: str
    chunk: str
    reason: str


@dataclass(frozen=True)
class Cache:
    """A whole cache. `ids` names its images in order; maps are (images, channels, rows, columns)."""

    name: str
    folder: Path
    spec: CacheSpec
    manifest: dict[str, Any]

    @classmethod
    def open(cls, home: Home, dataset: str, name: str) -> Cache:
        """Open a cache; raises MammoError naming the chunk or field where it is incomplete, damaged or mismatching."""
        folder = home.cache(dataset, name)
        if not (folder / SPEC).is_file():
            raise MammoError(f"There is no cache {name!r} of the data set {dataset!r}; make it with `mammo extract`.")
        content = read_json(folder / SPEC, "cache spec")
        if not (folder / MANIFEST).is_file():
            done = len(list((folder / RECORDS).glob("*.json")))
            raise MammoError(
                f"The cache {name!r} is incomplete: {done} chunks are done; "
                "run the same `mammo extract` again to finish it."
            )
        manifest = read_json(folder / MANIFEST, "cache manifest")
        _refuse_mismatch(name, manifest["identity"], content)
        cache = cls(name, folder, CacheSpec.from_json(content["spec"]), manifest)
        if damaged := next(cache.missing(), None):
            raise _damaged(damaged)
        return cache

    @property
    def ids(self) -> list[str]:
        """The ids of the images, in the order of the rows."""
        return list(self.manifest["ids"])

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Images, channels, rows and columns of the maps."""
        images, channels, rows, columns = self.manifest["shape"]
        return images, channels, rows, columns

    @property
    def bytes(self) -> int:
        """Bytes on disk."""
        return sum(record["bytes"] for record in self.manifest["chunks"].values())

    def maps(self, version: int = 0) -> NDArray[np.floating]:
        """The unpooled activations of one version of every image, as stored; version 0 is the plain image."""
        return self._read(MAPS, version)

    def pooled(self, version: int = 0) -> NDArray[np.float32]:
        """Each map's mean over rows and columns; float32 (images, channels)."""
        return self._read(POOLED, version).astype(np.float32, copy=False)

    def _read(self, array: str, version: int) -> NDArray[np.floating]:
        import zarr

        try:
            stored = zarr.open_array(self.folder / ARRAYS / array, mode="r")
            values: NDArray[np.floating] = np.asarray(stored[version])
        except Exception:  # a damaged chunk raises whatever its codec raises
            raise _damaged(next(self.damage(), Damage(self.name, array, "cannot be decoded"))) from None
        return values

    def missing(self) -> Iterator[Damage]:
        """Yield a `Damage` for every chunk file that is absent or of another size; reads no content."""
        for chunk, record in self.manifest["chunks"].items():
            path = self.folder / ARRAYS / chunk
            size = path.stat().st_size if path.is_file() else None
            if size is None:
                yield Damage(self.name, chunk, "is missing")
            elif size != record["bytes"]:
                yield Damage(self.name, chunk, f"has {size} bytes instead of {record['bytes']}")

    def damage(self) -> Iterator[Damage]:
        """Yield a `Damage` for every chunk whose bytes are not those that were written."""
        absent = {one.chunk: one for one in self.missing()}
        for chunk, record in self.manifest["chunks"].items():
            if chunk in absent:
                yield absent[chunk]
            elif digest_file(self.folder / ARRAYS / chunk) != record["sha256"]:
                yield Damage(self.name, chunk, "does not have the digest it was written with")


def caches(home: Home, dataset: str) -> list[str]:
    """The names of the whole caches of a data set."""
    names = home.names("features", dataset)
    return [name for name in names if (home.cache(dataset, name) / MANIFEST).is_file()]


def _damaged(damage: Damage) -> MammoError:
    return MammoError(
        f"The cache {damage.cache!r} is damaged: its chunk {damage.chunk} {damage.reason}; "
        "run `mammo verify --repair` to compute it again."
    )


def _refuse_mismatch(name: str, expected: dict[str, Any], found: dict[str, Any]) -> None:
    for key in sorted(set(expected) | set(found)):
        ours, theirs = expected.get(key), found.get(key)
        if isinstance(ours, dict) and isinstance(theirs, dict):
            _refuse_mismatch(name, ours, theirs)
        elif ours != theirs:
            raise MammoError(
                f"The cache {name!r} does not match its spec in the field {key!r}: it was made with {ours!r}, "
                f"and {theirs!r} is asked for; extract it again."
            )


def content_digest(identity: dict[str, Any], chunks: dict[str, dict[str, Any]]) -> str:
    """The digest of a whole cache: of its identity and of every chunk's bytes."""
    return digest_json([identity, {chunk: record["sha256"] for chunk, record in sorted(chunks.items())}])
