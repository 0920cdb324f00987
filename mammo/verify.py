"""The verb `verify`: compare every stored byte of a home with what was written, and repair what can be repaired."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mammo.data.dataset.dataset import Dataset, datasets
from mammo.data.index.verify import REPAIR, index_damage, repair_index
from mammo.errors import DamagedError, DamagedItem, MammoError
from mammo.estimates import prices as rates
from mammo.features.cache.cache import (
    ARRAYS,
    MANIFEST,
    RECORDS,
    SPEC,
    Cache,
    Damage,
    caches,
    read_identity,
    read_manifest,
    refuse_mismatch,
)
from mammo.features.cache.copied import ROWS, is_noted, note_contents
from mammo.features.cache.identity import identity
from mammo.features.cache.store import MADE_WITH
from mammo.features.extraction.extract import extract
from mammo.features.trunks.locate import locate
from mammo.progress import Progress, Work
from mammo.results.board import store as board_store
from mammo.runs.sweep import check_sweep, sweeps
from mammo.specs import CacheSpec, Home
from mammo.storage.json_files import read_json, write_json
from mammo.storage.links import LEADS_OUT


@dataclass(frozen=True)
class Verification:
    """The result of a verification: counts, the damaged files of caches, and all further damage as `damaged_items`."""

    caches: int
    chunks: int
    damaged: list[Damage]
    sweeps: int = 0
    datasets: int = 0
    damaged_items: tuple[DamagedItem, ...] = ()

    @property
    def sound(self) -> bool:
        """Whether nothing is damaged."""
        return not self.damaged and not self.damaged_items

    def to_json(self) -> list[dict[str, Any]]:
        """All damaged files as plain JSON values; `cache` and `chunk` are null where a file belongs to no cache."""
        rows: list[dict[str, Any]] = [
            {"kind": "cache", "name": damage.cache, "cache": damage.cache, "chunk": damage.chunk, "file": damage.file,
             "reason": damage.reason, "remedy": REPAIR}
            for damage in self.damaged
        ]  # fmt: skip
        rows += [
            {"kind": item.kind, "name": item.name, "cache": None, "chunk": None, "file": item.file,
             "reason": item.reason, "remedy": item.remedy}
            for item in self.damaged_items
        ]  # fmt: skip
        return rows


def verify(home: Home, only: str | None = None) -> Work[Verification]:
    """Check every file of a home, or of the cache, sweep or data set with the name `only`.

    Raises MammoError where nothing has this name.
    """
    folders = _caches(home, only)
    checks = [(check, name) for check, names in _checks(home).items() for name in names if only in (None, name)]
    if only is not None and not (folders or checks):
        existing = ", ".join(folder.name for folder in _caches(home, None)) or "none"
        raise MammoError(
            f"There is no finished cache {only!r}; there are: {existing}. A sweep or a data set may be named too."
        )
    damaged: list[Damage] = []
    damaged_items: list[DamagedItem] = []
    chunks, total = 0, len(folders) + len(checks)
    for done, folder in enumerate(folders):
        yield Progress("verify", done, total, "folders")
        cache_damage, count = _cache_damage(folder)
        damaged += cache_damage
        chunks += count
    for done, (check, name) in enumerate(checks, start=len(folders)):
        yield Progress("verify", done, total, "folders")
        damaged_items += check(home, name)
    yield Progress("verify", total, total, "folders")
    by_kind = [sum(check is kind for check, _ in checks) for kind in (_sweep_damage, index_damage)]
    return Verification(len(folders), chunks, damaged, by_kind[0], by_kind[1], tuple(damaged_items))


Check = Callable[[Home, str], Iterator[DamagedItem]]


def _checks(home: Home) -> dict[Check, list[str]]:
    """The checks of all that a home holds beside caches, each with the names that it checks."""
    boards = sorted(file.name for file in (home.path / "boards").glob("*.parquet"))
    prices = [rates.FILE] if (home.path / rates.FILE).exists() else []
    return {_sweep_damage: sweeps(home), index_damage: datasets(home), _board_damage: boards, _price_damage: prices}


def _sweep_damage(home: Home, name: str) -> Iterator[DamagedItem]:
    try:
        check_sweep(home, name)
    except DamagedError as error:
        yield error.damaged


def _board_damage(home: Home, name: str) -> Iterator[DamagedItem]:
    if board_store.is_damaged(home.path / "boards" / name):
        yield DamagedItem("leaderboard", name, f"boards/{name}", "is not what was written", REPAIR)


def _price_damage(home: Home, name: str) -> Iterator[DamagedItem]:
    try:
        rates.check(home)
    except MammoError as error:
        yield DamagedItem("table of prices", name, name, f"is not what was written ({error})", REPAIR)


def _cache_damage(folder: Path) -> tuple[list[Damage], int]:
    """The damaged files of a finished cache, and the number of its chunks."""
    home = Home(folder.parents[2])
    if home.leads_out(folder / MANIFEST):
        return [Damage(folder.name, MANIFEST, LEADS_OUT)], 0
    try:
        manifest = read_manifest(folder)
    except MammoError:
        return [Damage(folder.name, MANIFEST, "is not what was written")], 0
    cache = Cache(folder.name, folder, CacheSpec.from_json(manifest["identity"]["spec"]), manifest)
    damaged = [
        Damage(folder.name, file, "is not what the manifest holds")
        for file, content in _notes(manifest).items()
        if not _has_content(folder / file, content) or home.leads_out(folder / file)
    ]
    if (folder / ROWS).exists() and not is_noted(folder):
        damaged.append(Damage(folder.name, ROWS, "does not have the digest it was written with"))
    return [*cache.damage(), *damaged], len(manifest["chunks"])


def _notes(manifest: dict[str, Any]) -> dict[str, Any]:
    """The contents of the files beside a manifest, by file; all of them are in the manifest too."""
    records: defaultdict[str, dict[str, Any]] = defaultdict(dict)
    for file, facts in manifest["chunks"].items():
        version, chunk = file.split("/")[2:4]
        records[f"{RECORDS}/{int(version):04d}-{int(chunk):06d}.json"][file] = facts
    return {SPEC: manifest["identity"], MADE_WITH: manifest["made_with"], **records}


def _has_content(file: Path, content: Any) -> bool:
    try:
        return bool(read_json(file, "note") == content)
    except MammoError:
        return False


def repair(home: Home, damaged: list[Damage], weights_file: Path | None = None) -> Work[None]:
    """Compute damaged chunks again from the mammograms, and write damaged manifests and notes again, cache by cache.

    Raises MammoError, after all further caches are repaired, where a cache cannot be computed again or the result
    differs from what was written, for example with different versions of the libraries.
    """
    failed = ""
    for name in sorted({damage.cache for damage in damaged}):
        try:
            yield from _repair(home, name, [damage.chunk for damage in damaged if damage.cache == name], weights_file)
        except MammoError as error:
            failed = failed or str(error)
    if failed:
        raise MammoError(failed)


def repair_items(home: Home, damaged: tuple[DamagedItem, ...]) -> None:
    """Write files again that follow from intact files; raises MammoError, at the end, where a file cannot be read.

    A damaged index and a damaged sweep stay as they are: they do not follow from any file.
    """
    failed = ""
    for kind, name in dict.fromkeys((item.kind, item.name) for item in damaged if item.remedy == REPAIR):
        try:
            if kind == "data set":
                repair_index(home, name)
            else:
                (home.path / next(item.file for item in damaged if item.name == name)).unlink(missing_ok=True)
        except MammoError as error:
            failed = failed or str(error)
    if failed:
        raise MammoError(failed)


def _repair(home: Home, name: str, broken: list[str], weights_file: Path | None) -> Work[None]:
    (folder,) = _caches(home, name)
    home.refuse_links(folder, *((folder / ARRAYS / chunk).parent for chunk in broken))
    before = None if MANIFEST in broken else read_manifest(folder)
    content = before["identity"] if before else read_identity(folder)
    spec = CacheSpec.from_json(content.get("spec"))
    notes = _notes(before) if before else {}
    for file in set(broken) & set(notes):
        write_json(folder / file, notes[file])
    if set(broken) <= {*notes, ROWS}:
        _write_notes_again(home, folder, content, broken)
        return
    _refuse_changed_inputs(home, name, content, weights_file)
    for chunk in set(broken) - {MANIFEST, ROWS, *notes}:
        (folder / ARRAYS / chunk).unlink(missing_ok=True)
    yield from extract(home, [spec], weights_file)
    again = Cache.open(home, spec.dataset, name)
    if before is None:
        yield from repair(home, _cache_damage(folder)[0], weights_file)
    elif again.manifest["digest"] != before["digest"]:
        raise MammoError(
            f"The cache {name!r} was computed again and is whole, but its digest has changed: it was made with "
            f"{before['made_with']} and now with {again.manifest['made_with']}; run its sweeps again."
        )


def _write_notes_again(home: Home, folder: Path, content: dict[str, Any], broken: list[str]) -> None:
    """Write the notes on a cache's rows again; where its data set has changed, they are removed."""
    if ROWS not in broken:
        return
    (folder / ROWS).unlink(missing_ok=True)
    spec = CacheSpec.from_json(content["spec"])
    dataset = Dataset.open(home, spec.dataset)
    if dataset.digest(spec.kind) == content["dataset_digest"]:
        note_contents(folder, dataset.contents(spec.kind))


def _refuse_changed_inputs(home: Home, name: str, content: dict[str, Any], weights_file: Path | None) -> None:
    """Raise MammoError where the data set or the weights are not those that the cache was made with."""
    spec = CacheSpec.from_json(content["spec"])
    weights = locate(spec.trunk, spec.weights, weights_file).with_digest(content["weights_digest"])
    digest = Dataset.open(home, spec.dataset).digest(spec.kind)
    refuse_mismatch(name, content, identity(spec, digest, weights))


def _caches(home: Home, only: str | None) -> list[Path]:
    """The folders of the finished caches, or of the one with the name `only`."""
    names = [(dataset, name) for dataset in home.names("features") for name in caches(home, dataset)]
    chosen = [(dataset, name) for dataset, name in names if only in (None, name, f"{dataset}/{name}")]
    return [home.cache(dataset, name) for dataset, name in chosen]
