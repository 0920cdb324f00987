"""The noun `Cache`: the activations of one trunk on one data set. Only a complete cache can be opened."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import numpy as np
from numpy.typing import NDArray

from mammo.errors import MammoError, brief
from mammo.features.cache.chunks import DEFAULT_STORAGE, DESCRIPTION, Chunks
from mammo.features.trunks.locate import TENSORS
from mammo.specs import CacheSpec, Home
from mammo.storage.digests import digest_file, digest_json
from mammo.storage.json_files import read_json
from mammo.storage.links import LEADS_OUT
from mammo.storage.typed import typed

CHUNK = 64
"""Number of images in one chunk."""
ARRAYS = "activations.zarr"
SPEC = "spec.json"
MANIFEST = "manifest.json"
RECORDS = "chunks"
MAPS, POOLED = "maps", "pooled"
WEIGHTS_READ = "weights_read"
"""Key of the manifest with notes on how the weights file was read; it is not part of any identity."""

MAX_BYTES = 2**29
"""The largest manifest that is read, in bytes: enough for some millions of images."""
ARRAY_FILE = re.compile(r"(maps|pooled)/(zarr\.json|c(/\d{1,9})+)")
"""The names that a file of an array may have."""


class FileRecord(TypedDict):
    """The size and the SHA-256 of a file when it was written."""

    bytes: int
    sha256: str


class CacheIdentity(TypedDict):
    """The fields of a cache's identity that are read by name."""

    spec: dict[str, Any]
    dataset_digest: str
    weights_digest: str


class CacheManifest(TypedDict):
    """The fields of a manifest: required ones, and those that may be missing."""

    identity: CacheIdentity
    made_with: dict[str, Any]
    shape: list[int]
    versions: int
    ids: list[str]
    arrays: dict[str, FileRecord]
    chunks: dict[str, FileRecord]
    digest: str
    weights_read: NotRequired[list[str]]


@dataclass(frozen=True)
class Damage:
    """A file of a cache that has changed since it was written: a chunk, an array's description, or a note."""

    cache: str
    chunk: str
    reason: str

    @property
    def file(self) -> str:
        """The path of the file, relative to the cache's folder."""
        return f"{ARRAYS}/{self.chunk}" if ARRAY_FILE.fullmatch(self.chunk) else self.chunk


@dataclass(frozen=True)
class Cache:
    """A complete cache. `ids` lists its images in row order; maps are (images, channels, rows, columns)."""

    name: str
    folder: Path
    spec: CacheSpec
    manifest: dict[str, Any]

    @classmethod
    def open(cls, home: Home, dataset: str, name: str) -> Cache:
        """Open a cache.

        Raises MammoError naming the chunk or field where the cache is incomplete, damaged or does not match its spec.
        """
        folder = home.cache(dataset, name)
        if not (folder / SPEC).is_file():
            raise MammoError(f"There is no cache {name!r} of the data set {dataset!r}; make it with `mammo extract`.")
        if path := home.leads_out(folder / SPEC, folder / MANIFEST):
            raise MammoError(f"The cache {name!r} is not opened: {path} {LEADS_OUT}; remove the link.")
        content = read_identity(folder)
        if not (folder / MANIFEST).is_file():
            done = len(list((folder / RECORDS).glob("*.json")))
            raise MammoError(
                f"The cache {name!r} is incomplete: {done} chunks are done; "
                "run the same `mammo extract` again to finish it."
            )
        manifest = read_manifest(folder)
        refuse_mismatch(name, manifest["identity"], content)
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
        """The shape of the maps: images, channels, rows and columns."""
        images, channels, rows, columns = self.manifest["shape"]
        return images, channels, rows, columns

    @property
    def versions(self) -> int:
        """The number of versions of each image, including the plain one."""
        return int(self.manifest["versions"])

    @property
    def storage(self) -> str:
        """How its chunks are encoded: a key of `mammo.features.cache.chunks.STORAGES`."""
        return str(self.manifest["made_with"].get("storage", DEFAULT_STORAGE))

    @property
    def bytes(self) -> int:
        """The size of all chunks on disk, in bytes."""
        return sum(record["bytes"] for record in self.manifest["chunks"].values())

    def maps(self, version: int = 0, rows: slice = slice(None)) -> NDArray[np.floating]:
        """The unpooled activations of one version of all images or `rows`, as stored; version 0 is the plain image."""
        return self._read(MAPS, version, rows.start or 0, rows.stop)

    def chunks(self, version: int = 0, first: int = 0) -> Iterator[NDArray[np.floating]]:
        """Yield the maps of a version, one chunk of images at a time, starting at the image `first`."""
        for start in range(first, self.shape[0], CHUNK):
            yield self._read(MAPS, version, start, start + CHUNK)

    def pooled(self, version: int = 0, rows: slice = slice(None)) -> NDArray[np.float32]:
        """The mean of each map over rows and columns; float32 (images, channels)."""
        return self._read(POOLED, version, rows.start or 0, rows.stop).astype(np.float32, copy=False)

    def _read(self, array: str, version: int, start: int = 0, stop: int | None = None) -> NDArray[np.floating]:
        if not 0 <= version < self.versions:
            raise MammoError(f"The cache {self.name!r} has the versions 0 to {self.versions - 1}, not {version}.")
        try:
            description = f"{array}/{DESCRIPTION}"
            if digest_file(self.folder / ARRAYS / description) != self.manifest["arrays"][description]["sha256"]:
                raise ValueError(description)
            chunks = Chunks.of(self.folder / ARRAYS / array)
            if chunks.shape != (self.versions, *self.shape)[: len(chunks.shape)]:
                raise ValueError(chunks.shape)
            return chunks.read(version, start, stop)
        except Exception:  # every codec raises its own kinds of errors for a damaged chunk
            raise _damaged(next(self.damage(), Damage(self.name, array, "cannot be decoded"))) from None

    def missing(self) -> Iterator[Damage]:
        """Yield a `Damage` for every file that is missing or has another size; reads no chunk."""
        return self._faults(lambda file: file in self.manifest["arrays"])

    def damage(self) -> Iterator[Damage]:
        """Yield a `Damage` for every file whose bytes have changed since they were written; reads every file."""
        return self._faults(lambda _: True)

    def _faults(self, checks_digest: Callable[[str], bool]) -> Iterator[Damage]:
        home = Home(self.folder.parents[2])
        for file, record in {**self.manifest["arrays"], **self.manifest["chunks"]}.items():
            path = self.folder / ARRAYS / file
            size = path.stat().st_size if path.is_file() else None
            if size is None:
                yield Damage(self.name, file, "is missing")
            elif home.leads_out(path):
                yield Damage(self.name, file, LEADS_OUT)
            elif size != record["bytes"]:
                yield Damage(self.name, file, f"has {size} bytes instead of {record['bytes']}")
            elif checks_digest(file) and digest_file(path) != record["sha256"]:
                yield Damage(self.name, file, "does not have the digest it was written with")


def caches(home: Home, dataset: str) -> list[str]:
    """The names of the complete caches of a data set."""
    names = home.names("features", dataset)
    return [name for name in names if (home.cache(dataset, name) / MANIFEST).is_file()]


def _damaged(damage: Damage) -> MammoError:
    return MammoError(
        f"The cache {damage.cache!r} is damaged: its chunk {damage.chunk} {damage.reason}; "
        "run `mammo verify --repair` to compute it again."
    )


def refuse_mismatch(name: str, made_with: dict[str, Any], requested: dict[str, Any]) -> None:
    """Raise MammoError naming the first field in which the `requested` identity differs from that of the cache."""
    for key in sorted(set(made_with) | set(requested)):
        stored, expected = made_with.get(key), requested.get(key)
        if isinstance(stored, dict) and isinstance(expected, dict):
            refuse_mismatch(name, stored, expected)
        elif stored != expected:
            raise MammoError(
                f"The cache {name!r} does not match its spec in the field {key!r}: it was made with {stored!r}, "
                f"and {expected!r} is asked for; extract it again."
            )


def read_identity(folder: Path) -> dict[str, Any]:
    """Return the identity of a cache, finished or not; raises MammoError where its file is not a table of fields."""
    return _table(folder / SPEC, "cache spec")


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of a finished cache; raises MammoError where it has changed since it was written."""
    manifest = _table(folder / MANIFEST, "cache manifest")
    try:
        sound = manifest.get("digest") == content_digest(manifest)
    except (TypeError, KeyError, ValueError, AttributeError):
        sound = False
    if not sound:
        raise MammoError(
            f"The manifest of the cache {folder.name!r} ({MANIFEST}) does not have the digest it was written with; "
            "run `mammo verify --repair` to write it anew."
        )
    return _checked(manifest, folder.name)


def _checked(manifest: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the manifest if its fields have the right types and its file names stay in its folder; else MammoError."""
    typed(manifest, CacheManifest, f"manifest of the cache {brief(name)}")
    CacheSpec.from_json(manifest["identity"]["spec"])
    if len(manifest["shape"]) != 4 or len(manifest["ids"]) != manifest["shape"][0] or manifest["versions"] < 1:
        raise MammoError(f"The manifest of the cache {name!r} has no shape of maps; extract the cache again.")
    for file in {**manifest["arrays"], **manifest["chunks"]}:
        if not ARRAY_FILE.fullmatch(file):
            raise MammoError(f"The manifest of the cache {name!r} names {brief(file)}; extract the cache again.")
    return manifest


def content_digest(manifest: dict[str, Any]) -> str:
    """Return the digest of a complete cache, over all fields of its manifest that describe its content.

    Left out are the versions of libraries and how the weights file was read; also the name of the weights file, where
    its tensors identify it.
    """
    content = {key: value for key, value in manifest.items() if key not in ("digest", "made_with", WEIGHTS_READ)}
    identity = content.get("identity")
    if isinstance(identity, dict) and str(identity.get("weights_digest")).startswith(TENSORS):
        content["identity"] = identity | {"spec": identity["spec"] | {"weights": "file"}}
    return digest_json(content)


def _table(path: Path, description: str) -> dict[str, Any]:
    content = read_json(path, description, MAX_BYTES)
    if not isinstance(content, dict):
        raise MammoError(f"The {description} at {path} is no table of fields; delete it and extract the cache again.")
    return content
