"""The report compared with our runs: each row under every protocol and over several draws, and its inflation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mammo.results.report.inflation import Effect, mean_difference
from mammo.results.report.stated import BOLD, FIVE_SPLITS, ROWS, TITLES, ReportSpec, Row
from mammo.statistics.comparing.ties import tie_groups
from mammo.statistics.cross_validated import CrossValidatedAuc, Fold, cross_validated_auc
from mammo.statistics.few import lack_of_patients
from mammo.statistics.intervals.delong import accuracy_interval, auc_interval
from mammo.statistics.metrics import accuracy, auc
from mammo.statistics.operating import AT_HALF, Criterion

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from mammo.runs.stored_run import StoredRun
    from mammo.statistics.scored import Scored

LEAKY = "paper"
"""The report's own protocol; its mean AUC less that of `HONEST` is the inflation."""
HONEST = "patient"
PROTOCOLS = (LEAKY, HONEST, "official-pooled")
UNDER = {LEAKY: "Ours, split as the report did", HONEST: "Ours, by patient", "official-pooled": "Ours, official test"}
"""The protocols in words."""
PARTS = ("validation", "test")


@dataclass(frozen=True)
class RunMetrics:
    """The AUC and accuracy of one run on one part with their 95 % intervals, and the leakage of the part's images.

    `leaked` is None where the images' patients are unknown; `repeated` counts images with a near-duplicate in train;
    `reason` says why the AUC has no interval.
    """

    auc: float
    auc_interval: tuple[float, float]
    accuracy: float
    accuracy_interval: tuple[float, float]
    n: int
    leaked: int | None
    repeated: int
    reason: str = ""


@dataclass(frozen=True)
class Spread:
    """A metric over the draws of train and validation: mean, standard deviation (None for one draw) and all values."""

    mean: float
    sd: float | None
    values: tuple[float, ...]


@dataclass(frozen=True)
class Outcome:
    """One row under one protocol: a run for each draw, the metrics of the first by part, and the spread over all."""

    runs: tuple[StoredRun, ...]
    first: dict[str, RunMetrics]
    spread: dict[str, dict[str, Spread]]
    scored: dict[str, tuple[Scored, ...]]


@dataclass(frozen=True)
class ReportComparison:
    """One row of the report with our outcomes.

    `outcomes` has an entry for each protocol under which the row was trained. `best` says whether its validation AUC
    under the report's protocol is the highest of its table, the rule by which the report prints a row in bold; `tied`
    whether that AUC cannot be distinguished from the highest. `inflation` is, by part, the gain of AUC by leakage.
    `cross` is the cross-validated AUC, where the row was trained on five folds too.
    """

    row: Row
    spec: ReportSpec
    outcomes: dict[str, Outcome]
    inflation: dict[str, Effect]
    best: bool
    tied: bool
    cross: CrossValidatedAuc | None = None

    @property
    def ours(self) -> RunMetrics | None:
        """The metrics to compare with the report's: validation under its own protocol; None where there is no run."""
        outcome = self.outcomes.get(LEAKY)
        return outcome.first["validation"] if outcome else None


@dataclass(frozen=True)
class Report:
    """The report compared with our runs on one data set.

    `refused` says why a protocol cannot split the data set; `by_draws` holds the outcomes of the augmented row by the
    number of augmented draws in training, from 0; `criterion` chooses the thresholds of our accuracies.
    """

    spec: ReportSpec
    rows: tuple[ReportComparison, ...]
    images: int
    note: str
    refused: dict[str, str]
    by_draws: dict[int, dict[str, Outcome]]
    criterion: Criterion = AT_HALF

    @property
    def trunks(self) -> list[str]:
        """The two trunks, each with the label of its weights."""
        pairs = zip(TITLES, self.spec.weights, strict=True)
        return [f"{self.spec.trunk(number)} (weights: {weights})" for number, weights in pairs]

    def table(self, number: int) -> list[ReportComparison]:
        """The rows of one of the report's tables."""
        return [comparison for comparison in self.rows if comparison.row.table == number]


def compare_rows(
    spec: ReportSpec,
    runs: Mapping[Row, Mapping[str, Sequence[StoredRun]]],
    shared: Shared,
    criterion: Criterion = AT_HALF,
    folds: Mapping[Row, Sequence[StoredRun]] | None = None,
) -> list[ReportComparison]:
    """All rows of the report with their outcomes: `runs` by row, protocol and draw, `folds` by row and fold."""
    crossed = {row: _cross_validated(fold_runs) for row, fold_runs in (folds or {}).items()}
    outcomes = {
        row: {name: outcome(draws, name, shared, criterion) for name, draws in runs.get(row, {}).items()}
        for row in ROWS
    }
    groups = {row: group for table in TITLES for row, group in _ties(table, outcomes).items()}
    return [
        ReportComparison(
            row,
            spec,
            outcomes[row],
            {part: effect for part in PARTS if (effect := inflation(outcomes[row], part))},
            row in groups and groups[row] == 0,
            groups.get(row) in (0, 1),
            crossed.get(row),
        )
        for row in ROWS
    ]


def _cross_validated(runs: Sequence[StoredRun]) -> CrossValidatedAuc:
    scored = [run.scored("test") for run in runs]
    folds = [
        Fold(np.asarray(run.labels), np.atleast_2d(run.logits), np.asarray(run.patients).astype(str), run.classes)
        for run in scored
    ]
    return cross_validated_auc([folds])


def outcome(runs: Sequence[StoredRun], protocol: str, shared: Shared, criterion: Criterion = AT_HALF) -> Outcome:
    """The outcome of one head under one protocol; `shared` stores what all heads on a draw have in common.

    Accuracies are those at the threshold that `criterion` chooses for each run on validation.
    """
    scored = {
        part: tuple(_scored(run, part, (protocol, number), shared) for number, run in enumerate(runs, 1))
        for part in PARTS
    }
    thresholds = [criterion.threshold_if_any(run) for run in scored["validation"]]
    scored = {
        part: tuple(replace(run, threshold=threshold) for run, threshold in zip(draws, thresholds, strict=True))
        for part, draws in scored.items()
    }
    return Outcome(
        tuple(runs),
        {part: run_metrics(scored[part][0], _patients_known(runs[0])) for part in PARTS},
        {part: {name: spread(scored[part], metric) for name, metric in METRICS.items()} for part in PARTS},
        scored,
    )


Shared = dict[tuple[str, int, str], tuple["NDArray[np.intp]", "Scored"]]
"""By protocol, draw and part: the positions of the images, and any one run scored on them."""


def _scored(run: StoredRun, part: str, draw: tuple[str, int], shared: Shared) -> Scored:
    """A run's scores on a part; labels, patients and leaks are taken from the first run on the same draw."""
    key = (*draw, part)
    if key not in shared:
        shared[key] = run.sweep.members(int(run.settings["split"]), part), run.scored(part, f"Draw {draw[1]}")
    rows, alike = shared[key]
    return replace(alike, logits=np.asarray(run.sweep.logits[run.row])[rows])


METRICS = {"auc": auc, "accuracy": accuracy}


def run_metrics(run: Scored, patients_known: bool) -> RunMetrics:
    """The metrics of a run on one part."""
    auc_bounds, accuracy_bounds = run.interval(auc_interval), run.called.interval(accuracy_interval)
    leaked, reason = (
        run.leaked if patients_known else None,
        lack_of_patients(run.labels, run.patients, classes=run.classes),
    )
    share = run.called.value(accuracy)
    return RunMetrics(
        run.value(auc), auc_bounds, share, accuracy_bounds, np.size(run.labels), leaked, run.repeated, reason
    )


def _patients_known(run: StoredRun) -> bool:
    leaks = run.sweep.about["splits"][int(run.settings["split"])]["leakage"]
    return leaks.get("test_images_with_patient_in_train") is not None


def spread(runs: Sequence[Scored], metric: Callable[..., Any]) -> Spread:
    """A metric over some runs."""
    values = np.array([(run.called if metric is accuracy else run).value(metric) for run in runs])
    return Spread(
        float(values.mean()), float(values.std(ddof=1)) if len(values) > 1 else None, tuple(map(float, values))
    )


def inflation(outcomes: Mapping[str, Outcome], part: str) -> Effect | None:
    """Mean AUC under the report's protocol less mean AUC by patient; None where one of them is missing."""
    if LEAKY not in outcomes or HONEST not in outcomes:
        return None
    return mean_difference(outcomes[LEAKY].scored[part], outcomes[HONEST].scored[part])


def _ties(table: int, outcomes: Mapping[Row, Mapping[str, Outcome]]) -> dict[Row, int]:
    """0 for a table's best row, 1 for rows that validation cannot distinguish from it, 2 for further trained rows."""
    rows = [row for row in ROWS if row.table == table and LEAKY in outcomes[row]]
    runs = [outcomes[row][LEAKY].scored["validation"][0] for row in rows]
    aucs = [run.value(auc) for run in runs]
    if not rows or np.isnan(aucs).all():
        return {}
    groups = tie_groups(runs[0].labels, np.stack([np.asarray(run.logits) for run in runs]), runs[0].patients)
    best = int(np.nanargmax(aucs))
    return {row: 0 if number == best else 1 if groups[number] == 1 else 2 for number, row in enumerate(rows)}


def to_json(report: Report) -> list[dict[str, Any]]:
    """The rows as plain JSON values: `reported` beside `ours`, an unknown number as null."""
    target = report.criterion.target if report.criterion.has_target else None
    rule = {"rule": report.criterion.rule, "target": target}
    rows = [{**_row_json(comparison), **rule} for comparison in report.rows]
    curve = [
        {"draws": number, **{name: _spreads_json(outcome) for name, outcome in outcomes.items()}}
        for number, outcomes in sorted(report.by_draws.items())
    ]
    return [{**row, "by_draws": curve} if row["settings"]["draws"] else row for row in rows]


def _row_json(comparison: ReportComparison) -> dict[str, Any]:
    row, ours = comparison.row, comparison.ours
    five = FIVE_SPLITS.get(row.table, (None, None)) if BOLD[row.table] == row.row else (None, None)
    return {
        "table": row.table,
        "row": row.row,
        "settings": comparison.spec.settings(row),
        "reported": {
            "accuracy": row.accuracy,
            "auc": row.auc,
            "best": BOLD[row.table] == row.row,
            "mean_test_accuracy": five[0],
            "mean_test_auc": five[1],
        },
        "ours": _metrics_json(ours),
        "best": comparison.best,
        "tied_with_best": comparison.tied,
        **_cross_json(comparison.cross),
        "inflation": {part: _effect_json(comparison.inflation.get(part)) for part in PARTS},
        "protocols": {
            name: _outcome_json(comparison.outcomes[name]) if name in comparison.outcomes else None
            for name in PROTOCOLS
        },
        **_origin_json(comparison),
    }


def _cross_json(cross: CrossValidatedAuc | None) -> dict[str, Any]:
    if cross is None:
        return {"cv_auc": None, "cv_auc_interval": None, "cv_reason": "not trained on five folds"}
    bounds = [_plain(bound) for bound in cross.interval]
    return {"cv_auc": _plain(cross.auc), "cv_auc_interval": bounds, "cv_reason": cross.reason or None}


def _origin_json(comparison: ReportComparison) -> dict[str, Any]:
    runs = [run for outcome in comparison.outcomes.values() for run in outcome.runs]
    return {"synthetic": runs[0].sweep.synthetic, "weights_note": runs[0].weights_note} if runs else {}


def _outcome_json(outcome: Outcome) -> dict[str, Any]:
    spreads = _spreads_json(outcome)
    return {
        "runs": [run.id for run in outcome.runs],
        **{part: {**_metrics_json(outcome.first[part]), "draws": spreads[part]} for part in PARTS},
    }


def _spreads_json(outcome: Outcome) -> dict[str, Any]:
    return {part: {name: _spread_json(spread) for name, spread in outcome.spread[part].items()} for part in PARTS}


def _spread_json(spread: Spread) -> dict[str, Any]:
    return {"mean": _plain(spread.mean), "sd": _plain(spread.sd), "values": [*map(_plain, spread.values)]}


def _metrics_json(metrics: RunMetrics | None) -> dict[str, Any]:
    if metrics is None:
        names = ("accuracy", "accuracy_interval", "auc", "auc_interval", "n", "leaked", "near_duplicates", "reason")
        return dict.fromkeys(names)
    return {
        "accuracy": _plain(metrics.accuracy),
        "accuracy_interval": [_plain(bound) for bound in metrics.accuracy_interval],
        "auc": _plain(metrics.auc),
        "auc_interval": [_plain(bound) for bound in metrics.auc_interval],
        "n": metrics.n,
        "leaked": metrics.leaked,
        "near_duplicates": metrics.repeated,
        "reason": metrics.reason or None,
    }


def _effect_json(effect: Effect | None) -> dict[str, Any] | None:
    if effect is None:
        return None
    return {
        "auc": _plain(effect.value),
        "interval": [_plain(effect.low), _plain(effect.high)],
        "reason": effect.reason or None,
    }


def _plain(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else float(value)
