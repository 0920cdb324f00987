"""The noun `Cache`: the activations of one trunk on one data set, opened only when whole."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import numpy as np
from numpy.typing import NDArray

from mammo.errors import MammoError, brief
from mammo.features.cache.chunks import DESCRIPTION, USUAL, Chunks
from mammo.features.trunks.locate import TENSORS
from mammo.specs import CacheSpec, Home
from mammo.storage.digests import digest_file, digest_json
from mammo.storage.json_files import read_json
from mammo.storage.links import LEADS_OUT
from mammo.storage.typed import typed

CHUNK = 64
"""Images in one chunk."""
ARRAYS = "activations.zarr"
SPEC = "spec.json"
MANIFEST = "manifest.json"
RECORDS = "chunks"
MAPS, POOLED = "maps", "pooled"
WEIGHTS_READ = "weights_read"
"""What the manifest says of how the file of weights was read; it is no part of any identity."""


MOST_BYTES = 2**29
"""Bytes that a manifest has at most: some millions of images."""
ARRAY_FILE = re.compile(r"(maps|pooled)/(zarr\.json|c(/\d{1,9})+)")
"""Names of files that an array may have."""


class FileFacts(TypedDict):
    """What a file was when it was written."""

    bytes: int
    sha256: str


class Identity(TypedDict):
    """Of a cache's identity, what is looked up."""

    spec: dict[str, Any]
    dataset_digest: str
    weights_digest: str


class Manifest(TypedDict):
    """What a manifest must hold, and may."""

    identity: Identity
    made_with: dict[str, Any]
    shape: list[int]
    versions: int
    ids: list[str]
    arrays: dict[str, FileFacts]
    chunks: dict[str, FileFacts]
    digest: str
    weights_read: NotRequired[list[str]]


@dataclass(frozen=True)
class Damage:
    """A file of a cache that is not what it was when it was written: a chunk, an array's description, or a note."""

    cache: str
    chunk: str
    reason: str

    @property
    def file(self) -> str:
        """The file, below the cache's folder."""
        return f"{ARRAYS}/{self.chunk}" if ARRAY_FILE.fullmatch(self.chunk) else self.chunk


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
        """Images, channels, rows and columns of the maps."""
        images, channels, rows, columns = self.manifest["shape"]
        return images, channels, rows, columns

    @property
    def versions(self) -> int:
        """How many versions of each image there are, the plain one included."""
        return int(self.manifest["versions"])

    @property
    def storage(self) -> str:
        """How its chunks are kept, an entry of `mammo.features.cache.chunks.STORAGES`."""
        return str(self.manifest["made_with"].get("storage", USUAL))

    @property
    def bytes(self) -> int:
        """Bytes on disk."""
        return sum(record["bytes"] for record in self.manifest["chunks"].values())

    def maps(self, version: int = 0, rows: slice = slice(None)) -> NDArray[np.floating]:
        """The unpooled activations of one version of every image or some, as stored; version 0 is the plain image."""
        return self._read(MAPS, version, rows.start or 0, rows.stop)

    def chunks(self, version: int = 0, first: int = 0) -> Iterator[NDArray[np.floating]]:
        """The maps of `maps(version)` from the image `first` on, a chunk of images at a time."""
        for start in range(first, self.shape[0], CHUNK):
            yield self._read(MAPS, version, start, start + CHUNK)

    def pooled(self, version: int = 0, rows: slice = slice(None)) -> NDArray[np.float32]:
        """Each map's mean over rows and columns; float32 (images, channels)."""
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
        except Exception:  # a damaged chunk raises whatever its codec raises
            raise _damaged(next(self.damage(), Damage(self.name, array, "cannot be decoded"))) from None

    def missing(self) -> Iterator[Damage]:
        """Yield a `Damage` for every file that is absent or of another size; reads no chunk."""
        return self._faults(lambda file: file in self.manifest["arrays"])

    def damage(self) -> Iterator[Damage]:
        """Yield a `Damage` for every file whose bytes are not those that were written."""
        return self._faults(lambda _: True)

    def _faults(self, read: Callable[[str], bool]) -> Iterator[Damage]:
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
            elif read(file) and digest_file(path) != record["sha256"]:
                yield Damage(self.name, file, "does not have the digest it was written with")


def caches(home: Home, dataset: str) -> list[str]:
    """The names of the whole caches of a data set."""
    names = home.names("features", dataset)
    return [name for name in names if (home.cache(dataset, name) / MANIFEST).is_file()]


def _damaged(damage: Damage) -> MammoError:
    return MammoError(
        f"The cache {damage.cache!r} is damaged: its chunk {damage.chunk} {damage.reason}; "
        "run `mammo verify --repair` to compute it again."
    )


def refuse_mismatch(name: str, made_with: dict[str, Any], asked: dict[str, Any]) -> None:
    """Raise MammoError naming the first field in which the identity `asked` for is not the one of the cache."""
    for key in sorted(set(made_with) | set(asked)):
        ours, theirs = made_with.get(key), asked.get(key)
        if isinstance(ours, dict) and isinstance(theirs, dict):
            refuse_mismatch(name, ours, theirs)
        elif ours != theirs:
            raise MammoError(
                f"The cache {name!r} does not match its spec in the field {key!r}: it was made with {ours!r}, "
                f"and {theirs!r} is asked for; extract it again."
            )


def read_identity(folder: Path) -> dict[str, Any]:
    """All that a cache was asked for, finished or not; raises MammoError where that is no table of fields."""
    return _table(folder / SPEC, "cache spec")


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a finished cache; raises MammoError where it is not what was written."""
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
    """A manifest whose fields have their types and whose names stay in its folder; raises MammoError otherwise."""
    typed(manifest, Manifest, f"manifest of the cache {brief(name)}")
    CacheSpec.from_json(manifest["identity"]["spec"])
    if len(manifest["shape"]) != 4 or len(manifest["ids"]) != manifest["shape"][0] or manifest["versions"] < 1:
        raise MammoError(f"The manifest of the cache {name!r} has no shape of maps; extract the cache again.")
    for file in {**manifest["arrays"], **manifest["chunks"]}:
        if not ARRAY_FILE.fullmatch(file):
            raise MammoError(f"The manifest of the cache {name!r} names {brief(file)}; extract the cache again.")
    return manifest


def content_digest(manifest: dict[str, Any]) -> str:
    """The digest of a whole cache: of all that its manifest holds but how it was made.

    That is the versions of libraries and how the weights' file was read; nor does the file's name count where its
    tensors identify it.
    """
    content = {key: value for key, value in manifest.items() if key not in ("digest", "made_with", WEIGHTS_READ)}
    identity = content.get("identity")
    if isinstance(identity, dict) and str(identity.get("weights_digest")).startswith(TENSORS):
        content["identity"] = identity | {"spec": identity["spec"] | {"weights": "file"}}
    return digest_json(content)


def _table(path: Path, what: str) -> dict[str, Any]:
    content = read_json(path, what, MOST_BYTES)
    if not isinstance(content, dict):
        raise MammoError(f"The {what} at {path} is no table of fields; delete it and extract the cache again.")
    return content
