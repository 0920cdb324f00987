"""Copy rows that other caches already hold into a new cache, and note which caches they came from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from mammo.data.dataset.dataset import Dataset
from mammo.errors import MammoError
from mammo.features.cache.cache import ARRAYS, CHUNK, MANIFEST, MAPS, MAX_BYTES, POOLED, Cache, caches
from mammo.features.cache.chunks import Chunks
from mammo.features.cache.store import CacheWriter, library_versions
from mammo.images.augment import versions
from mammo.specs import CacheSpec, Home
from mammo.storage.digests import digest_file, digest_json
from mammo.storage.json_files import read_json, write_json
from mammo.storage.typed import typed

ROWS = "rows.json"
"""The file that records the content of each row of a cache, and which chunks were copied from which caches."""


class RowsNote(TypedDict):
    """The fields of the file `ROWS`."""

    contents: dict[str, str]
    copied: dict[str, list[str]]
    digest: str


OWN_FIELDS = ("dataset", "augment", "draws")
"""The fields of a spec that may differ between a cache and the one that its plain rows are copied from."""


@dataclass
class RowSource:
    """A cache that rows may be copied from. `contents` has the digest of each image, as `Dataset.contents` has it."""

    cache: Cache
    contents: dict[str, str]
    _index_by_image: dict[str, int] = field(default_factory=dict)
    _index_by_content: dict[str, int] = field(default_factory=dict)
    _chunks_read: dict[tuple[str, int, int], NDArray[np.floating]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Build the look-up of a row by its image and by its content."""
        self._index_by_image = {image: index for index, image in enumerate(self.cache.ids)}
        self._index_by_content = {
            self.contents[image]: index for image, index in self._index_by_image.items() if image in self.contents
        }

    @property
    def name(self) -> str:
        """The cache as DATASET/NAME."""
        return f"{self.cache.spec.dataset}/{self.cache.name}"

    def find_row(self, image: str, content: str, version: int, augment: str) -> int | None:
        """Return the row of a version of an image in this cache; None where there is none.

        The image's name is the seed of an augmented version: the version is the same only under the same name.
        """
        if version == 0:
            return self._index_by_content.get(content)
        same = self.cache.spec.augment == augment and version < self.cache.versions
        return self._index_by_image[image] if same and self.contents.get(image) == content else None

    def row(self, array: str, version: int, index: int) -> NDArray[np.floating] | None:
        """Read one row of the array `maps` or `pooled`; None where its chunk is damaged."""
        chunk = index // CHUNK
        if (array, version, chunk) not in self._chunks_read:
            while len(self._chunks_read) >= 8:
                del self._chunks_read[next(iter(self._chunks_read))]
            self._chunks_read[array, version, chunk] = self._chunk(array, version, chunk)
        rows = self._chunks_read[array, version, chunk]
        return rows[index - chunk * CHUNK] if len(rows) else None

    def _chunk(self, array: str, version: int, chunk: int) -> NDArray[np.floating]:
        """Read the rows of a chunk after checking its digest; an empty array where it is damaged."""
        try:
            chunks = Chunks.of(self.cache.folder / ARRAYS / array)
            file = f"{array}/{chunks.file(version, chunk)}"
            if digest_file(self.cache.folder / ARRAYS / file) == self.cache.manifest["chunks"][file]["sha256"]:
                return chunks.read(version, chunk * CHUNK, (chunk + 1) * CHUNK)
        except Exception:  # every codec raises its own kinds of errors for a damaged chunk
            pass
        return np.empty(0, np.float32)


def copy_rows(home: Home, name: str, identity: dict[str, Any], contents: Mapping[str, str], storage: str) -> None:
    """Copy chunks into an incomplete cache, where other caches of the home have all of their rows.

    `contents` has the digest of each image of the data set, in order. A chunk is copied only if every row of it is
    found; otherwise it is left to be computed. In a finished cache that is repaired, a chunk that was computed is not
    replaced by a copy, so that the repair restores the same numbers.
    """
    spec = CacheSpec.from_json(identity["spec"])
    folder = home.cache(spec.dataset, name)
    copied = _note_or_empty(folder)["copied"]
    sources = list(_sources(home, folder, identity))
    images = list(contents)
    writer = None
    for start in range(0, len(images), CHUNK):
        for version in range(versions(spec.augment, spec.draws)):
            key = f"{version}-{start // CHUNK}"
            if (folder / MANIFEST).is_file() and key not in copied:
                continue
            needed = [(image, contents[image]) for image in images[start : start + CHUNK]]
            if (rows := _rows(sources, needed, version, spec.augment)) is None:
                continue
            maps, pooled, names = rows
            if writer is None:
                settings = {"storage": storage, "batch": sources[0].cache.manifest["made_with"].get("batch", 32)}
                writer = CacheWriter(folder, identity, images, maps.shape[1:], settings)
            if (version, start // CHUNK) in writer.todo:
                copied[key] = names
                _write_note(folder, contents, copied)
                writer.write(version, start // CHUNK, maps, pooled)
    if writer is not None and not writer.todo:
        writer.finish()


def note_contents(folder: Path, contents: Mapping[str, str]) -> None:
    """Record the content of each row of a complete cache, so that rows can be copied after its data set has changed."""
    if _note_or_empty(folder)["contents"] != dict(contents):
        _write_note(folder, contents, _note_or_empty(folder)["copied"])


def _rows(
    sources: list[RowSource], needed: list[tuple[str, str]], version: int, augment: str
) -> tuple[NDArray[np.floating], NDArray[np.float32], list[str]] | None:
    """Return maps and means of the `needed` images, and the caches they come from; None where an image is not found."""
    maps, pooled, names = [], [], []
    for image, content in needed:
        for source in sources:
            index = source.find_row(image, content, version, augment)
            if index is None:
                continue
            row, row_mean = (source.row(array, version, index) for array in (MAPS, POOLED))
            if row is not None and row_mean is not None:
                maps.append(row)
                pooled.append(row_mean.astype(np.float32, copy=False))
                names.append(source.name)
                break
        else:
            return None
    return np.stack(maps), np.stack(pooled), sorted(set(names))


def _sources(home: Home, folder: Path, identity: dict[str, Any]) -> Iterator[RowSource]:
    """Yield the complete caches whose plain rows equal those that a cache of this identity would compute here today."""
    for dataset in home.names("features"):
        for name in caches(home, dataset):
            try:
                if home.cache(dataset, name) == folder:
                    continue
                cache = Cache.open(home, dataset, name)
                if _same_computation(cache.manifest, identity) and (contents := _image_contents(home, cache)):
                    yield RowSource(cache, contents)
            except MammoError:
                continue


def _same_computation(manifest: dict[str, Any], identity: dict[str, Any]) -> bool:
    """Whether two caches differ only in their data set and their augmentation."""
    if any(manifest["made_with"].get(name) != version for name, version in library_versions().items()):
        return False
    same_augment = manifest["identity"]["spec"]["augment"] == identity["spec"]["augment"]
    return _shared_fields(manifest["identity"], same_augment) == _shared_fields(identity, same_augment)


def _shared_fields(identity: dict[str, Any], same_augment: bool) -> dict[str, Any]:
    spec = {key: value for key, value in identity["spec"].items() if key not in OWN_FIELDS}
    ignored = ("dataset_digest", "spec") if same_augment else ("dataset_digest", "spec", "augment_version")
    return {key: value for key, value in identity.items() if key not in ignored} | {"spec": spec}


def _image_contents(home: Home, cache: Cache) -> dict[str, str]:
    """Return the content of each image of a cache: from its note, or from its data set where that has not changed."""
    recorded: dict[str, str] = _note_or_empty(cache.folder)["contents"]
    if recorded and list(recorded) == cache.ids:
        return recorded
    dataset = Dataset.open(home, cache.spec.dataset)
    if dataset.digest(cache.spec.kind) != cache.manifest["identity"]["dataset_digest"]:
        return {}
    return dataset.contents(cache.spec.kind)


def is_noted(folder: Path) -> bool:
    """Whether the note of a cache's rows exists and is undamaged."""
    return _read_note(folder) is not None


def _note_or_empty(folder: Path) -> dict[str, Any]:
    """Return the note of a cache's rows; an empty one where it is missing or damaged."""
    return _read_note(folder) or {"contents": {}, "copied": {}}


def _read_note(folder: Path) -> dict[str, Any] | None:
    try:
        note: dict[str, Any] = typed(read_json(folder / ROWS, "note of a cache's rows", MAX_BYTES), RowsNote, "note")
    except MammoError:
        return None
    content = {name: value for name, value in note.items() if name != "digest"}
    return content if note["digest"] == digest_json(content) else None


def _write_note(folder: Path, contents: Mapping[str, str], copied: Mapping[str, list[str]]) -> None:
    note = {"contents": dict(contents), "copied": dict(copied)}
    write_json(folder / ROWS, {**note, "digest": digest_json(note)})
