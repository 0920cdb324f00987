"""The report on a data set: the features and heads of its rows, those that exist, and the work to add the missing."""

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
from mammo.heads.sweeps.existing import ExistingRuns, cache_identities, run_of
from mammo.heads.sweeps.plan import TRAINING
from mammo.progress import Progress, Work
from mammo.results.board.cross_validation import PROTOCOL as FIVE_FOLD
from mammo.results.report.comparison import PROTOCOLS, Outcome, Report, ReportComparison, Shared, compare_rows, outcome
from mammo.results.report.stated import ROWS, TRUNK_SETS, ReportSpec, Row
from mammo.runs.stored_run import StoredRun
from mammo.runs.sweep import Sweep
from mammo.specs import CacheSpec, HeadSpec, Home, SplitSpec, SweepSpec
from mammo.statistics.operating import AT_HALF, Criterion

REAL = (weights_note("imagenet"), weights_note("file"))
"""The notes of weights that need no warning."""
PARTS_OF_WORK = 1000
"""The number of steps of the progress of training."""


@dataclass(frozen=True)
class ReportStep:
    """The rows that share their features; `cache` and `sweep` hold these and all their heads, None where missing.

    `folds` holds the runs on all five folds of rows that were also cross-validated
    (`mammo sweep --protocol five-fold`).
    """

    rows: tuple[Row, ...]
    heads: tuple[HeadSpec, ...]
    features: CacheSpec
    cache: str | None
    sweep: Sweep | None
    folds: Mapping[Row, tuple[StoredRun, ...]] = field(default_factory=dict)

    def run(self, head: HeadSpec, split: SplitSpec) -> StoredRun:
        """The run of a head on a split; raises ValueError where the sweep is missing."""
        if self.sweep is None:
            raise ValueError(f"the heads on {self.features.readable_name()} are not trained")
        return run_of(self.sweep, self.features, head, split)


@dataclass(frozen=True)
class ReportRuns:
    """The runs of the report on one data set; `refused` says why a protocol cannot split its images.

    `left_out` has a sentence on each damaged sweep: its rows count as missing.
    """

    home: Home
    spec: ReportSpec
    dataset: Dataset
    refused: dict[str, str]
    steps: tuple[ReportStep, ...]
    left_out: tuple[str, ...] = ()

    @property
    def splits(self) -> dict[str, tuple[SplitSpec, ...]]:
        """The draws of each protocol."""
        return _splits(self.spec, self.refused)

    @property
    def missing(self) -> list[ReportStep]:
        """The steps that are still to be trained."""
        return [step for step in self.steps if step.sweep is None]

    def report(self, criterion: Criterion = AT_HALF) -> Report:
        """The report with the outcomes of its trained rows; `criterion` chooses the thresholds of accuracies."""
        runs = {
            row: {
                name: [step.run(self.spec.head(row), split) for split in splits] for name, splits in self.splits.items()
            }
            for step in self.steps
            if step.sweep
            for row in step.rows
        }
        shared: Shared = {}
        folds = {row: fold_runs for step in self.steps for row, fold_runs in step.folds.items()}
        rows = tuple(compare_rows(self.spec, runs, shared, criterion, folds))
        images, by_draws = len(self.dataset.table(self.spec.kind)), self._by_draws(rows, shared, criterion)
        return Report(self.spec, rows, images, self.note, self.refused, by_draws, criterion)

    def _by_draws(
        self, rows: Sequence[ReportComparison], shared: Shared, criterion: Criterion
    ) -> dict[int, dict[str, Outcome]]:
        """The outcomes of the augmented row by the number of augmented draws in training; empty where it is missing."""
        outcomes = {comparison.row: comparison.outcomes for comparison in rows}
        by_draws: dict[int, dict[str, Outcome]] = {}
        for step in self.steps:
            for row in step.rows:
                if row.augmented and step.sweep:
                    plain = self.spec.plain(row)
                    by_draws |= {0: outcomes[plain]} if plain and outcomes[plain] else {}
                    for head in self.spec.heads(row):
                        runs = {
                            name: [step.run(head, split) for split in splits] for name, splits in self.splits.items()
                        }
                        draws = head.first_draws or self.spec.draws
                        by_draws[draws] = {name: outcome(runs[name], name, shared, criterion) for name in runs}
        return by_draws

    @property
    def note(self) -> str:
        """A warning for all figures: synthetic data, substitute weights or trunks, sweeps of an earlier arithmetic."""
        warnings = ["synthetic data"] if self.dataset.synthetic else []
        notes = _weights_notes(self.spec)
        mini = ["mini trunks", *notes, "stand in"] if self.spec.trunks == "mini" else notes
        earlier = [step for step in self.steps if step.sweep and (step.sweep.arithmetic or TRAINING) < TRAINING]
        older = (
            [f"{len(earlier)} of {len(self.steps)} sets of heads trained by an earlier arithmetic"] if earlier else []
        )
        return "; ".join([*warnings, *([" ".join(mini)] if mini else []), *older]).capitalize()

    def estimate(self) -> Estimate:
        """Bytes and seconds of the missing features and heads, in one process."""
        missing = [step.features for step in self.missing if step.cache is None]
        costs = [self.step_estimate(step) for step in self.missing]
        costs += [extraction_estimate(self.home, missing)] if missing else []
        total = sum(costs[1:], costs[0]) if costs else Estimate(0, {})
        return replace(total, parts=total.parts | {"start": max((cost.parts["start"] for cost in costs), default=0.0)})

    def step_estimate(self, step: ReportStep) -> Estimate:
        """Bytes and seconds of training the heads of a step."""
        name = step.features.readable_name()
        return planned_estimate(self.home, self.sweep(step, name), {name: Features.planned(step.features)})

    def sweep(self, step: ReportStep, cache: str) -> SweepSpec:
        """The sweep of a step on its cache, with all draws of every protocol."""
        splits = tuple(split for splits in self.splits.values() for split in splits)
        return SweepSpec(self.dataset.name, (cache,), step.heads, splits)


def _weights_notes(spec: ReportSpec) -> list[str]:
    """The warning on substitute weights, for each trunk where they differ; empty where the weights need none."""
    labels, notes = spec.weights, [weights_note(label) for label in spec.weights]
    if all(note in REAL for note in notes):
        return []
    if len(set(labels)) == 1:
        return notes[:1]
    each = zip(TRUNK_SETS[spec.trunks].trunks, notes, labels, strict=True)
    return [", ".join(f"{trunk} with {note} ({label})" for trunk, note, label in each)]


def report_spec(dataset: Dataset, trunks: str | None = None, **settings: Any) -> ReportSpec:
    """The spec of the report on a data set; without `trunks` synthetic images get the mini trunks, real ones full."""
    return ReportSpec(dataset.name, trunks or ("mini" if dataset.synthetic else "full"), **settings)


def weights_choices(home: Home, dataset: Dataset, trunks: str) -> list[tuple[str, ...]]:
    """Labels of the weights of both trunks to choose from: the usual ones first, then those of existing caches."""
    chosen = TRUNK_SETS[trunks]
    usual = (chosen.weights,) * len(chosen.trunks)
    specs = [CacheSpec.from_json(identity["spec"]) for identity in cache_identities(home, dataset.name).values()]
    cached = [sorted({spec.weights for spec in specs if spec.trunk == trunk}) for trunk in chosen.trunks]
    return list(dict.fromkeys([usual, *itertools.product(*cached)]))


def open_report_runs(home: Home, spec: ReportSpec) -> ReportRuns:
    """Find the existing runs of a report; raises MammoError where the data set is missing or cannot be split."""
    dataset = Dataset.open(home, spec.dataset)
    existing = ExistingRuns(home, dataset, spec.kind)
    refused = _refused_protocols(existing, spec)
    steps = [_step(existing, spec, rows, _splits(spec, refused)) for rows in _by_features(spec)]
    return ReportRuns(home, spec, dataset, refused, tuple(steps), tuple(dict.fromkeys(existing.left_out)))


def reproduce(
    home: Home, spec: ReportSpec, weights_files: Sequence[Path | None] = (), device: str | None = None
) -> Work[ReportRuns]:
    """Extract and train the missing parts of a report, then open it; finished parts of a killed process are used.

    `weights_files` holds the files of the two trunks' weights, None where they come from none. Raises MammoError where
    weights or an image cannot be read, or where the disk is full.
    """
    report_runs = open_report_runs(home, spec)
    if not report_runs.missing:
        return report_runs
    files = dict(zip(TRUNK_SETS[spec.trunks].trunks, weights_files or (None, None), strict=True))
    names = yield from _extract_missing(report_runs, files, device)
    yield from _train_missing(report_runs, names, files, device)
    return open_report_runs(home, spec)


def _extract_missing(
    report_runs: ReportRuns, files: Mapping[str, Path | None], device: str | None
) -> Work[dict[CacheSpec, str]]:
    """Extract the missing caches; return the names of the caches that the missing sweeps need."""
    from mammo.features.extraction.extract import extract

    names = {step.features: step.cache for step in report_runs.missing if step.cache}
    missing = [step.features for step in report_runs.missing if step.cache is None]
    for file in dict.fromkeys(files.values()):  # specs of the same file are extracted in one pass over the images
        together = [spec for spec in missing if files[spec.trunk] == file]
        if together:
            extracted = yield from extract(report_runs.home, together, file, device)
            names |= {extraction.cache.spec: extraction.cache.name for extraction in extracted}
    return names


def _train_missing(
    report_runs: ReportRuns, names: Mapping[CacheSpec, str], files: Mapping[str, Path | None], device: str | None
) -> Work[None]:
    """Train the missing sweeps; progress is counted in shares of their estimated seconds."""
    from mammo.heads.sweeps.sweep import sweep

    costs = [report_runs.step_estimate(step).seconds for step in report_runs.missing]
    scale, before = PARTS_OF_WORK / max(sum(costs), 1e-9), 0.0
    for step, cost in zip(report_runs.missing, costs, strict=True):
        spec = report_runs.sweep(step, names[step.features])
        training = sweep(report_runs.home, spec, device, files[step.features.trunk])
        with contextlib.suppress(StopIteration):
            while True:
                progress = next(training)
                done = int(scale * (before + cost * progress.done / max(progress.total, 1)))
                yield Progress("train", done, PARTS_OF_WORK, "parts of the work", progress.live)
        before += cost


def _splits(spec: ReportSpec, refused: Mapping[str, str]) -> dict[str, tuple[SplitSpec, ...]]:
    numbers = range(spec.splits)
    return {name: tuple(spec.split(name, number) for number in numbers) for name in PROTOCOLS if name not in refused}


def _refused_protocols(existing: ExistingRuns, spec: ReportSpec) -> dict[str, str]:
    """The protocols that cannot split the data set, and why; raises MammoError where none can split it."""
    refused: dict[str, str] = {}
    for name in PROTOCOLS:
        try:
            existing.parts(spec.split(name, 0))
        except MammoError as error:
            refused[name] = str(error)
    if len(refused) == len(PROTOCOLS):
        raise MammoError(refused[PROTOCOLS[0]])
    return refused


def _by_features(spec: ReportSpec) -> list[tuple[Row, ...]]:
    """The groups of rows with the same features; those that train the head alone, which is fast, come first."""
    groups: dict[CacheSpec, list[Row]] = {}
    for row in sorted(ROWS, key=lambda row: row.last_layer):
        groups.setdefault(spec.cache(row, "float32"), []).append(row)
    return [tuple(rows) for rows in groups.values()]


def _step(
    existing: ExistingRuns, spec: ReportSpec, rows: tuple[Row, ...], splits: Mapping[str, tuple[SplitSpec, ...]]
) -> ReportStep:
    heads = tuple(head for row in rows for head in spec.heads(row))
    planned = spec.cache(rows[0], fast_precision())
    cache = existing.cache(planned)
    sweep = existing.sweep(planned, heads, [split for draws in splits.values() for split in draws])
    features = existing.caches[cache] if cache else planned
    folds = {row: runs for row in rows if (runs := _folds(existing, spec, row, features))}
    return ReportStep(rows, heads, features, cache, sweep, folds)


def _folds(existing: ExistingRuns, spec: ReportSpec, row: Row, features: CacheSpec) -> tuple[StoredRun, ...]:
    """The runs of a row's head on all five folds; empty where no sweep holds all of them."""
    head, splits = spec.head(row), [spec.split(FIVE_FOLD, number) for number in range(FOLDS)]
    sweep = existing.sweep(features, [head], splits)
    return tuple(run_of(sweep, features, head, split) for split in splits) if sweep else ()
