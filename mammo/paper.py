"""The report on a data set: the features and heads that its rows need, what of that is there, and the rest made."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mammo.data.dataset.dataset import Dataset
from mammo.data.splits.protocols import FOLDS
from mammo.errors import MammoError
from mammo.estimates.estimate import Estimate, extraction_estimate, planned_estimate
from mammo.estimates.work import Features
from mammo.features.precision import fast_precision
from mammo.features.trunks.weights import weights_note
from mammo.heads.sweeps.existing import Shelf, cache_identities, run_of
from mammo.heads.sweeps.plan import TRAINING
from mammo.progress import Progress, Work
from mammo.results.board.cross_validation import PROTOCOL as FIVE_FOLD
from mammo.results.report.comparison import PROTOCOLS, Beside, Outcome, Report, Shared, beside, outcome
from mammo.results.report.stated import ROWS, TRUNK_SETS, PaperSpec, Row
from mammo.runs.stored_run import StoredRun
from mammo.runs.sweep import Sweep
from mammo.specs import CacheSpec, HeadSpec, Home, SplitSpec, SweepSpec
from mammo.statistics.operating import AT_HALF, Criterion

REAL = (weights_note("imagenet"), weights_note("file"))
"""What is said of weights that need no warning."""
PARTS_OF_WORK = 1000
"""Into how many parts training is divided for those who wait."""


@dataclass(frozen=True)
class Step:
    """The rows that share their features; `cache` and `sweep` hold these and all their heads, where they are there.

    `folds` holds the runs on all five folds of rows that were also trained so (`mammo sweep --protocol five-fold`).
    """

    rows: tuple[Row, ...]
    heads: tuple[HeadSpec, ...]
    features: CacheSpec
    cache: str | None
    sweep: Sweep | None
    folds: Mapping[Row, tuple[StoredRun, ...]] = field(default_factory=dict)

    def run(self, head: HeadSpec, split: SplitSpec) -> StoredRun:
        """The run of a head on a split; raises ValueError where the sweep is not there."""
        if self.sweep is None:
            raise ValueError(f"the heads on {self.features.readable_name()} are not trained")
        return run_of(self.sweep, self.features, head, split)


@dataclass(frozen=True)
class Paper:
    """The report on one data set; `refused` tells why its images cannot be split by some of the protocols.

    `left_out` names the sweeps that are damaged, each in a sentence: their rows are not there.
    """

    home: Home
    spec: PaperSpec
    dataset: Dataset
    refused: dict[str, str]
    steps: tuple[Step, ...]
    left_out: tuple[str, ...] = ()

    @property
    def splits(self) -> dict[str, tuple[SplitSpec, ...]]:
        """The draws of each protocol."""
        return _splits(self.spec, self.refused)

    @property
    def missing(self) -> list[Step]:
        """What is still to be trained."""
        return [step for step in self.steps if step.sweep is None]

    def report(self, criterion: Criterion = AT_HALF) -> Report:
        """The report with what was found of its rows, accuracies at the thresholds that the criterion chooses."""
        found = {
            row: {name: [step.run(self.spec.head(row), one) for one in splits] for name, splits in self.splits.items()}
            for step in self.steps
            if step.sweep
            for row in step.rows
        }
        shared: Shared = {}
        folds = {row: runs for step in self.steps for row, runs in step.folds.items()}
        rows = tuple(beside(self.spec, found, shared, criterion, folds))
        images, enough = len(self.dataset.table(self.spec.kind)), self._enough(rows, shared, criterion)
        return Report(self.spec, rows, images, self.note, self.refused, enough, criterion)

    def _enough(self, rows: Sequence[Beside], shared: Shared, criterion: Criterion) -> dict[int, dict[str, Outcome]]:
        """What the augmented row scores by the number of draws that trained; none where it was not."""
        known = {one.row: one.outcomes for one in rows}
        held: dict[int, dict[str, Outcome]] = {}
        for step in self.steps:
            for row in step.rows:
                if row.augmented and step.sweep:
                    plain = self.spec.plain(row)
                    held |= {0: known[plain]} if plain and known[plain] else {}
                    for head in self.spec.heads(row):
                        runs = {name: [step.run(head, one) for one in splits] for name, splits in self.splits.items()}
                        scored = {name: outcome(one, name, shared, criterion) for name, one in runs.items()}
                        held[head.first_draws or self.spec.draws] = scored
        return held

    @property
    def note(self) -> str:
        """What must be said beside any figure: data and weights that are not the real thing."""
        said = ["synthetic data"] if self.dataset.synthetic else []
        notes = _weights_notes(self.spec)
        mini = ["mini trunks", *notes, "stand in"] if self.spec.trunks == "mini" else notes
        earlier = [step for step in self.steps if step.sweep and (step.sweep.arithmetic or TRAINING) < TRAINING]
        older = (
            [f"{len(earlier)} of {len(self.steps)} sets of heads trained by an earlier arithmetic"] if earlier else []
        )
        return "; ".join([*said, *([" ".join(mini)] if mini else []), *older]).capitalize()

    def estimate(self) -> Estimate:
        """Bytes and seconds of what is still to be made, in one process."""
        wanted = [step.features for step in self.missing if step.cache is None]
        costs = [self.step_estimate(step) for step in self.missing]
        costs += [extraction_estimate(self.home, wanted)] if wanted else []
        total = sum(costs[1:], costs[0]) if costs else Estimate(0, {})
        return replace(total, parts=total.parts | {"start": max((one.parts["start"] for one in costs), default=0.0)})

    def step_estimate(self, step: Step) -> Estimate:
        """Bytes and seconds of training the heads of a step."""
        name = step.features.readable_name()
        return planned_estimate(self.home, self.sweep(step, name), {name: Features.planned(step.features)})

    def sweep(self, step: Step, cache: str) -> SweepSpec:
        """The sweep of a step on its cache, every protocol drawn as often as is asked for."""
        splits = tuple(split for splits in self.splits.values() for split in splits)
        return SweepSpec(self.dataset.name, (cache,), step.heads, splits)


def _weights_notes(spec: PaperSpec) -> list[str]:
    """What must be said of weights that are not the real thing, of each trunk apart where they differ."""
    labels, notes = spec.weights, [weights_note(label) for label in spec.weights]
    if all(note in REAL for note in notes):
        return []
    if len(set(labels)) == 1:
        return notes[:1]
    each = zip(TRUNK_SETS[spec.trunks].trunks, notes, labels, strict=True)
    return [", ".join(f"{trunk} with {note} ({label})" for trunk, note, label in each)]


def paper_on(dataset: Dataset, trunks: str | None = None, **more: Any) -> PaperSpec:
    """The report on a data set, on the mini trunks where its images are synthetic unless others are named."""
    return PaperSpec(dataset.name, trunks or ("mini" if dataset.synthetic else "full"), **more)


def known_weights(home: Home, dataset: Dataset, trunks: str) -> list[tuple[str, ...]]:
    """Labels of the weights of both trunks: those taken unless others are named, then those of caches."""
    chosen = TRUNK_SETS[trunks]
    usual = (chosen.weights,) * len(chosen.trunks)
    specs = [CacheSpec.from_json(one["spec"]) for one in cache_identities(home, dataset.name).values()]
    held = [sorted({spec.weights for spec in specs if spec.trunk == trunk}) for trunk in chosen.trunks]
    return list(dict.fromkeys([usual, *itertools.product(*held)]))


def open_paper(home: Home, spec: PaperSpec) -> Paper:
    """Find what is there of a report; raises MammoError where there is no such data set or it cannot be split."""
    dataset = Dataset.open(home, spec.dataset)
    shelf = Shelf(home, dataset, spec.kind)
    refused = _refused(shelf, spec)
    steps = [_step(shelf, spec, rows, _splits(spec, refused)) for rows in _by_features(spec)]
    return Paper(home, spec, dataset, refused, tuple(steps), tuple(dict.fromkeys(shelf.left_out)))


def reproduce(
    home: Home, spec: PaperSpec, weights_files: Sequence[Path | None] = (), device: str | None = None
) -> Work[Paper]:
    """Extract and train what is missing of a report, and open it; what a killed run had finished is kept.

    `weights_files` holds the files of the two trunks' weights, where they came from files. Raises MammoError where
    weights, an image or the disk does not allow it.
    """
    paper = open_paper(home, spec)
    if not paper.missing:
        return paper
    files = dict(zip(TRUNK_SETS[spec.trunks].trunks, weights_files or (None, None), strict=True))
    names = yield from _extracted(paper, files, device)
    yield from _trained(paper, names, files, device)
    return open_paper(home, spec)


def _extracted(paper: Paper, files: Mapping[str, Path | None], device: str | None) -> Work[dict[CacheSpec, str]]:
    """The names of the caches that are missing sweeps need, made where they are not there."""
    from mammo.features.extraction.extract import extract

    names = {step.features: step.cache for step in paper.missing if step.cache}
    wanted = [step.features for step in paper.missing if step.cache is None]
    for file in dict.fromkeys(files.values()):  # specs without a file of their own are read together
        together = [spec for spec in wanted if files[spec.trunk] == file]
        if together:
            made = yield from extract(paper.home, together, file, device)
            names |= {one.cache.spec: one.cache.name for one in made}
    return names


def _trained(
    paper: Paper, names: Mapping[CacheSpec, str], files: Mapping[str, Path | None], device: str | None
) -> Work[None]:
    """Train the missing sweeps; progress is counted in parts of the seconds that they are estimated at."""
    from mammo.heads.sweeps.sweep import sweep

    costs = [paper.step_estimate(step).seconds for step in paper.missing]
    scale, before = PARTS_OF_WORK / max(sum(costs), 1e-9), 0.0
    for step, cost in zip(paper.missing, costs, strict=True):
        spec = paper.sweep(step, names[step.features])
        training = sweep(paper.home, spec, device, files[step.features.trunk])
        with contextlib.suppress(StopIteration):
            while True:
                one = next(training)
                done = int(scale * (before + cost * one.done / max(one.total, 1)))
                yield Progress("train", done, PARTS_OF_WORK, "parts of the work", one.live)
        before += cost


def _splits(spec: PaperSpec, refused: Mapping[str, str]) -> dict[str, tuple[SplitSpec, ...]]:
    numbers = range(spec.splits)
    return {name: tuple(spec.split(name, number) for number in numbers) for name in PROTOCOLS if name not in refused}


def _refused(shelf: Shelf, spec: PaperSpec) -> dict[str, str]:
    """The protocols by which the data set cannot be split, and why; raises MammoError where none can split it."""
    refused: dict[str, str] = {}
    for name in PROTOCOLS:
        try:
            shelf.parts(spec.split(name, 0))
        except MammoError as error:
            refused[name] = str(error)
    if len(refused) == len(PROTOCOLS):
        raise MammoError(refused[PROTOCOLS[0]])
    return refused


def _by_features(spec: PaperSpec) -> list[tuple[Row, ...]]:
    """The rows that share their features; those whose heads alone learn, which are soon done, come first."""
    groups: dict[CacheSpec, list[Row]] = {}
    for row in sorted(ROWS, key=lambda row: row.last_layer):
        groups.setdefault(spec.cache(row, "float32"), []).append(row)
    return [tuple(rows) for rows in groups.values()]


def _step(shelf: Shelf, spec: PaperSpec, rows: tuple[Row, ...], splits: Mapping[str, tuple[SplitSpec, ...]]) -> Step:
    heads = tuple(head for row in rows for head in spec.heads(row))
    wanted = spec.cache(rows[0], fast_precision())
    cache = shelf.cache(wanted)
    sweep = shelf.sweep(wanted, heads, [split for held in splits.values() for split in held])
    features = shelf.caches[cache] if cache else wanted
    folds = {row: runs for row in rows if (runs := _folds(shelf, spec, row, features))}
    return Step(rows, heads, features, cache, sweep, folds)


def _folds(shelf: Shelf, spec: PaperSpec, row: Row, features: CacheSpec) -> tuple[StoredRun, ...]:
    """The runs of a row's head on all five folds; empty where no sweep holds them all."""
    head, splits = spec.head(row), [spec.split(FIVE_FOLD, number) for number in range(FOLDS)]
    sweep = shelf.sweep(features, [head], splits)
    return tuple(run_of(sweep, features, head, split) for split in splits) if sweep else ()
