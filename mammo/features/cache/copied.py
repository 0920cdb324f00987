"""Rows of other caches that hold what a cache is to hold: copied, with a note of where they came from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from mammo.data.dataset.dataset import Dataset
from mammo.errors import MammoError
from mammo.features.cache.cache import ARRAYS, CHUNK, MANIFEST, MAPS, MOST_BYTES, POOLED, Cache, caches
from mammo.features.cache.chunks import Chunks
from mammo.features.cache.store import CacheWriter, made_here
from mammo.images.augment import versions
from mammo.specs import CacheSpec, Home
from mammo.storage.digests import digest_file, digest_json
from mammo.storage.json_files import read_json, write_json
from mammo.storage.typed import typed

ROWS = "rows.json"
"""What each row of a cache shows, and which chunks were copied from which caches."""


class Note(TypedDict):
    """What `ROWS` holds."""

    contents: dict[str, str]
    copied: dict[str, list[str]]
    digest: str


OWN_FIELDS = ("dataset", "augment", "draws")
"""The fields of a spec in which a cache may differ from one whose plain rows it takes."""


@dataclass
class Source:
    """A cache that rows may be taken from; `shown` is what its images show, by `Dataset.contents`."""

    cache: Cache
    shown: dict[str, str]
    _places: dict[str, int] = field(default_factory=dict)
    _by_content: dict[str, int] = field(default_factory=dict)
    _read: dict[tuple[str, int, int], NDArray[np.floating]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Note where each image and each content stand."""
        self._places = {image: place for place, image in enumerate(self.cache.ids)}
        self._by_content = {self.shown[image]: place for image, place in self._places.items() if image in self.shown}

    @property
    def name(self) -> str:
        """The cache, by its data set and its own name."""
        return f"{self.cache.spec.dataset}/{self.cache.name}"

    def place(self, image: str, content: str, version: int, augment: str) -> int | None:
        """The row that a version of an image has here; None where there is none.

        An augmented version is drawn by the image's name: it is the same only under the same name.
        """
        if version == 0:
            return self._by_content.get(content)
        same = self.cache.spec.augment == augment and version < self.cache.versions
        return self._places[image] if same and self.shown.get(image) == content else None

    def row(self, array: str, version: int, place: int) -> NDArray[np.floating] | None:
        """One row of `maps` or `pooled`; None where its chunk is not what was written."""
        chunk = place // CHUNK
        if (array, version, chunk) not in self._read:
            while len(self._read) >= 8:
                del self._read[next(iter(self._read))]
            self._read[array, version, chunk] = self._chunk(array, version, chunk)
        rows = self._read[array, version, chunk]
        return rows[place - chunk * CHUNK] if len(rows) else None

    def _chunk(self, array: str, version: int, chunk: int) -> NDArray[np.floating]:
        """A chunk's rows, checked byte by byte; none where it is damaged."""
        try:
            chunks = Chunks.of(self.cache.folder / ARRAYS / array)
            file = f"{array}/{chunks.file(version, chunk)}"
            if digest_file(self.cache.folder / ARRAYS / file) == self.cache.manifest["chunks"][file]["sha256"]:
                return chunks.read(version, chunk * CHUNK, (chunk + 1) * CHUNK)
        except Exception:  # a damaged chunk raises whatever its codec raises
            pass
        return np.empty(0, np.float32)


def copy_rows(home: Home, name: str, identity: dict[str, Any], contents: Mapping[str, str], storage: str) -> None:
    """Fill what other caches of the home hold into a cache that is not whole, a chunk at a time.

    `contents` are those of its data set, in order. Only whole chunks are copied: a chunk of which a row is nowhere is
    left to be computed. What a finished cache computed itself is not copied either, so that its repair gives it the
    numbers it had.
    """
    spec = CacheSpec.from_json(identity["spec"])
    folder = home.cache(spec.dataset, name)
    copied = _noted(folder)["copied"]
    sources = list(_sources(home, folder, identity))
    images = list(contents)
    writer = None
    for start in range(0, len(images), CHUNK):
        for version in range(versions(spec.augment, spec.draws)):
            key = f"{version}-{start // CHUNK}"
            if (folder / MANIFEST).is_file() and key not in copied:
                continue
            wanted = [(image, contents[image]) for image in images[start : start + CHUNK]]
            if (found := _rows(sources, wanted, version, spec.augment)) is None:
                continue
            maps, pooled, names = found
            if writer is None:
                how = {"storage": storage, "batch": sources[0].cache.manifest["made_with"].get("batch", 32)}
                writer = CacheWriter(folder, identity, images, maps.shape[1:], how)
            if (version, start // CHUNK) in writer.todo:
                copied[key] = names
                _note(folder, contents, copied)
                writer.write(version, start // CHUNK, maps, pooled)
    if writer is not None and not writer.todo:
        writer.finish()


def note_contents(folder: Path, contents: Mapping[str, str]) -> None:
    """Keep what the rows of a whole cache show, so that they can be copied when its data set is no more what it was."""
    if _noted(folder)["contents"] != dict(contents):
        _note(folder, contents, _noted(folder)["copied"])


def _rows(
    sources: list[Source], wanted: list[tuple[str, str]], version: int, augment: str
) -> tuple[NDArray[np.floating], NDArray[np.float32], list[str]] | None:
    """Maps and means of some images and the caches that hold them; None where one is nowhere whole."""
    maps, pooled, names = [], [], []
    for image, content in wanted:
        for source in sources:
            place = source.place(image, content, version, augment)
            if place is None:
                continue
            one, mean = (source.row(array, version, place) for array in (MAPS, POOLED))
            if one is not None and mean is not None:
                maps.append(one)
                pooled.append(mean.astype(np.float32, copy=False))
                names.append(source.name)
                break
        else:
            return None
    return np.stack(maps), np.stack(pooled), sorted(set(names))


def _sources(home: Home, folder: Path, identity: dict[str, Any]) -> Iterator[Source]:
    """The whole caches whose plain rows were made as those of a cache of this identity would be made here today."""
    for dataset in home.names("features"):
        for name in caches(home, dataset):
            try:
                if home.cache(dataset, name) == folder:
                    continue
                cache = Cache.open(home, dataset, name)
                if _alike(cache.manifest, identity) and (shown := _contents_of(home, cache)):
                    yield Source(cache, shown)
            except MammoError:
                continue


def _alike(manifest: dict[str, Any], identity: dict[str, Any]) -> bool:
    """Whether two caches differ in no more than their data set and their augmentation."""
    if any(manifest["made_with"].get(name) != version for name, version in made_here().items()):
        return False
    same_augment = manifest["identity"]["spec"]["augment"] == identity["spec"]["augment"]
    return _common(manifest["identity"], same_augment) == _common(identity, same_augment)


def _common(identity: dict[str, Any], same_augment: bool) -> dict[str, Any]:
    spec = {key: value for key, value in identity["spec"].items() if key not in OWN_FIELDS}
    ignored = ("dataset_digest", "spec") if same_augment else ("dataset_digest", "spec", "augment_version")
    return {key: value for key, value in identity.items() if key not in ignored} | {"spec": spec}


def _contents_of(home: Home, cache: Cache) -> dict[str, str]:
    """What a cache's images show: as it was noted, or as its data set tells where that is still the same."""
    noted: dict[str, str] = _noted(cache.folder)["contents"]
    if noted and list(noted) == cache.ids:
        return noted
    dataset = Dataset.open(home, cache.spec.dataset)
    if dataset.digest(cache.spec.kind) != cache.manifest["identity"]["dataset_digest"]:
        return {}
    return dataset.contents(cache.spec.kind)


def is_noted(folder: Path) -> bool:
    """Whether the note of a cache's rows is there and is what was written."""
    return _read_note(folder) is not None


def _noted(folder: Path) -> dict[str, Any]:
    """What was noted of a cache's rows; nothing where the note is missing or damaged."""
    return _read_note(folder) or {"contents": {}, "copied": {}}


def _read_note(folder: Path) -> dict[str, Any] | None:
    try:
        note: dict[str, Any] = typed(read_json(folder / ROWS, "note of a cache's rows", MOST_BYTES), Note, "note")
    except MammoError:
        return None
    content = {name: told for name, told in note.items() if name != "digest"}
    return content if note["digest"] == digest_json(content) else None


def _note(folder: Path, contents: Mapping[str, str], copied: Mapping[str, list[str]]) -> None:
    noted = {"contents": dict(contents), "copied": dict(copied)}
    write_json(folder / ROWS, {**noted, "digest": digest_json(noted)})
