"""The verb `verify`: every byte of every cache against the digest it was written with, and its repair."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mammo.data.dataset import Dataset
from mammo.errors import MammoError
from mammo.features.cache import (
    ARRAYS,
    MANIFEST,
    Cache,
    Damage,
    caches,
    read_identity,
    read_manifest,
    refuse_mismatch,
)
from mammo.features.extract import extract
from mammo.features.identity import identity
from mammo.features.weights import locate
from mammo.progress import Progress, Work
from mammo.specs import CacheSpec, Home


@dataclass(frozen=True)
class Verified:
    """What a verification found: counts, and the chunks that are not what was written."""

    caches: int
    chunks: int
    damaged: list[Damage]


def verify(home: Home, only: str | None = None) -> Work[Verified]:
    """Check every chunk of the cache named `only`, or of all caches; raises MammoError where there is none so named."""
    found = _find(home, only)
    damaged: list[Damage] = []
    chunks = 0
    for done, folder in enumerate(found):
        yield Progress("verify", done, len(found), "caches")
        try:
            cache = _unchecked(folder)
        except MammoError:
            damaged.append(Damage(folder.name, MANIFEST, "is not what was written"))
            continue
        damaged += cache.damage()
        chunks += len(cache.manifest["chunks"])
    yield Progress("verify", len(found), len(found), "caches")
    return Verified(len(found), chunks, damaged)


def repair(home: Home, damaged: list[Damage], weights_file: Path | None = None) -> Work[None]:
    """Compute damaged chunks again from the mammograms, and write a damaged manifest anew.

    Raises MammoError where what comes out is not what was written, as with other versions of the libraries.
    """
    for name in sorted({one.cache for one in damaged}):
        (folder,) = _find(home, name)
        broken = [one.chunk for one in damaged if one.cache == name]
        before = None if MANIFEST in broken else read_manifest(folder)
        made = before["identity"] if before else read_identity(folder)
        spec = CacheSpec.from_json(made["spec"])
        _refuse_other(home, name, made, weights_file)
        for chunk in broken:
            if chunk != MANIFEST:
                (folder / ARRAYS / chunk).unlink(missing_ok=True)
        yield from extract(home, [spec], weights_file)
        again = Cache.open(home, spec.dataset, name)
        if before is None:
            yield from repair(home, list(again.damage()), weights_file)
        elif again.manifest["digest"] != before["digest"]:
            raise MammoError(
                f"The cache {name!r} was computed again and is whole, but its digest has changed: it was made with "
                f"{before['made_with']} and now with {again.manifest['made_with']}; run its sweeps again."
            )


def _refuse_other(home: Home, name: str, made: dict[str, Any], weights_file: Path | None) -> None:
    """Refuse a repair from another data set or other weights than the cache was made with."""
    spec = CacheSpec.from_json(made["spec"])
    weights = locate(spec.trunk, spec.weights, weights_file).known_as(made["weights_digest"])
    digest = Dataset.open(home, spec.dataset).digest(spec.kind)
    refuse_mismatch(name, made, identity(spec, digest, weights))


def _find(home: Home, only: str | None) -> list[Path]:
    """The folders of the finished caches, or of the one so named."""
    names = [(dataset, name) for dataset in home.names("features") for name in caches(home, dataset)]
    chosen = [(dataset, name) for dataset, name in names if only in (None, name, f"{dataset}/{name}")]
    if only is not None and not chosen:
        raise MammoError(f"There is no finished cache {only!r}; there are: {', '.join(n for _, n in names) or 'none'}.")
    return [home.cache(dataset, name) for dataset, name in chosen]


def _unchecked(folder: Path) -> Cache:
    """A cache without the checks that opening makes of its chunks."""
    manifest = read_manifest(folder)
    return Cache(folder.name, folder, CacheSpec.from_json(manifest["identity"]["spec"]), manifest)
