"""What a home holds that would come out the same today: the caches and sweeps of a data set as it now is."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mammo.data.dataset.dataset import Dataset
from mammo.data.splits.protocols import Parts, draw
from mammo.errors import DamagedError, MammoError
from mammo.features.cache.cache import MANIFEST, caches, read_identity
from mammo.features.cache.identity import is_current
from mammo.heads.finetune import TAILS
from mammo.heads.sweeps.plan import NORMALISED, PROBES, SHOWN, TRAINING, truth_digest
from mammo.runs.stored_run import StoredRun
from mammo.runs.sweep import Sweep, damaged_sweep, sweeps
from mammo.runs.sweep_files import FileError, read_about
from mammo.specs import CacheSpec, HeadSpec, Home, Spec, SplitSpec
from mammo.specs.cache_spec import CACHE_AXES


class ExistingRuns:
    """The caches and sweeps of one data set and image kind, read once; nothing heavy is opened.

    They may be of another precision than this machine's own, since a home is shared between machines, and a sweep's
    cache may be gone. The sweeps of a home that was written to be shared are taken as they are: its images have other
    names there, and nothing changes.
    """

    def __init__(self, home: Home, dataset: Dataset, kind: str) -> None:
        self.home, self.dataset, self.table = home, dataset, dataset.table(kind)
        self.digest, self.truth = dataset.digest(kind), truth_digest(self.table)
        self.left_out: list[str] = []
        """What is damaged and therefore not looked at, in sentences."""
        contents = cache_identities(home, dataset.name)
        current = {name: content["spec"] for name, content in contents.items() if is_current(content, self.digest)}
        self.caches = {name: CacheSpec.from_json(spec) for name, spec in current.items()}
        self.sweeps = self._sweeps()
        self.drawn: dict[SplitSpec, Parts] = {}

    def _sweeps(self) -> dict[str, dict[str, Any]]:
        """What every sweep tells of itself that is not damaged there."""
        abouts: dict[str, dict[str, Any]] = {}
        for name in sweeps(self.home):
            try:
                abouts[name] = read_about(self.home.sweep(name))
            except FileError as error:
                self.left_out.append(damaged_sweep(self.home, name, error).sentence)
        return abouts

    def cache(self, wanted: CacheSpec) -> str | None:
        """The name of the cache of a spec, of its own precision if there is one."""
        fitting = [name for name, spec in self.caches.items() if _alike(spec, wanted)]
        return max(fitting, key=lambda name: self.caches[name] == wanted, default=None)

    def sweep(self, spec: CacheSpec, heads: Sequence[HeadSpec], splits: Sequence[SplitSpec]) -> Sweep | None:
        """The newest sweep that trained all these heads, on the features of a spec, on all these splits.

        One of today's arithmetic comes before those of earlier ones, which stay good enough to be shown.
        """
        for name, about in sorted(self.sweeps.items(), key=lambda item: -_arithmetic(item[1])):
            if self._current(about) and self._made(about, spec):
                rows = [_index_of(about["spec"], "splits", split) for split in splits]
                if None not in rows and None not in [_index_of(about["spec"], "heads", head) for head in heads]:
                    if (sweep := self._opened(name)) is None:
                        continue
                    drawn = sweep.parts[np.array(rows)]
                    if self.home.shared or np.array_equal(drawn, [self.parts(split) for split in splits]):
                        return sweep
        return None

    def _opened(self, name: str) -> Sweep | None:
        try:
            return Sweep.open(self.home, name)
        except DamagedError as error:
            self.left_out.append(str(error))
            return None

    def parts(self, split: SplitSpec) -> Parts:
        """The parts of a split of the images as they are now; raises MammoError where they cannot be split so."""
        if split not in self.drawn:
            self.drawn[split] = draw(self.table, split)
        return self.drawn[split]

    def _current(self, about: Mapping[str, Any]) -> bool:
        """Whether a sweep is whole, and trained on the images and labels that there are now, much as one would now."""
        if about.get("stopped") or about["dataset"].get("digest") != self.digest or "spec" not in about:
            return False
        identity = about.get("identity", {})
        versions = identity.get("probes", PROBES), identity.get("tails", TAILS)
        alike = SHOWN <= _arithmetic(about) <= TRAINING and versions == (PROBES, TAILS)
        return self.home.shared or bool(alike and identity.get("truth") == self.truth)

    def _made(self, about: Mapping[str, Any], spec: CacheSpec) -> bool:
        """Whether a sweep has a cache of a spec that is current; of one that is gone, the sweep's word is taken."""
        row = cache_index(about, spec)
        if row is None:
            return False
        name = about["spec"]["caches"][row]
        return name in self.caches or not (self.home.cache(self.dataset.name, name) / MANIFEST).is_file()


def _arithmetic(about: Mapping[str, Any]) -> int:
    return int(about.get("identity", {}).get("training", 0))


def cache_identities(home: Home, dataset: str) -> dict[str, dict[str, Any]]:
    """The identities of the whole caches of a data set, by name; of those that are damaged there are none."""
    contents = {}
    for name in caches(home, dataset):
        with contextlib.suppress(MammoError):
            identity = read_identity(home.cache(dataset, name))
            CacheSpec.from_json(identity.get("spec"))
            contents[name] = identity
    return contents


def cache_index(about: Mapping[str, Any], spec: CacheSpec) -> int | None:
    """The place among a sweep's caches of the one that was made as `spec`; None where there is none."""
    for row, name in enumerate(about["spec"]["caches"]):
        description = about["caches"][name]
        fields = {field: description[field] for field in (*CACHE_AXES, *NORMALISED) if field in description}
        if _alike(CacheSpec(spec.dataset, **fields), spec):
            return row
    return None


def run_of(sweep: Sweep, features: CacheSpec, head: HeadSpec, split: SplitSpec) -> StoredRun:
    """The run of a sweep by what it was trained on; raises ValueError where the sweep does not hold it."""
    stored = sweep.about["spec"]
    cache = cache_index(sweep.about, features)
    head_index, split_index = _index_of(stored, "heads", head), _index_of(stored, "splits", split)
    if cache is None or head_index is None or split_index is None:
        raise ValueError(f"the sweep {sweep.id} holds no such run")
    number = (split_index * len(stored["caches"]) + cache) * len(stored["heads"]) + head_index
    return StoredRun(sweep, sweep.row(f"{sweep.id}.{number}"))


def _index_of(stored: Mapping[str, Any], kind: str, spec: Spec) -> int | None:
    """The place of a head or split among those of a sweep's spec, whose older ones name fewer fields."""
    fields, defaults = spec.to_json(), type(spec)().to_json()
    return next((index for index, entry in enumerate(stored[kind]) if {**defaults, **entry} == fields), None)


def _alike(first: CacheSpec, second: CacheSpec) -> bool:
    """Whether two specs differ in precision at most."""
    return dataclasses.replace(first, precision=second.precision) == second
