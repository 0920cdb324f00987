"""Ours laid beside the report: each row under every protocol and over several draws, and what the leak is worth."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mammo.results.report.inflation import Effect, mean_difference
from mammo.results.report.stated import BOLD, FIVE_SPLITS, ROWS, TITLES, PaperSpec, Row
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
"""The report's own protocol; what it shows more than `HONEST` is the inflation."""
HONEST = "patient"
PROTOCOLS = (LEAKY, HONEST, "official-pooled")
UNDER = {LEAKY: "Ours, split as the report did", HONEST: "Ours, by patient", "official-pooled": "Ours, official test"}
"""The protocols in words."""
PARTS = ("validation", "test")


@dataclass(frozen=True)
class Figures:
    """What one run scores on one part: AUC and accuracy with 95 % intervals, and what of the images train has seen.

    `leaked` is None where the data set does not tell the images' patients; `reason` says why the AUC has no interval.
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
    """A figure over the draws of train and validation: mean, standard deviation (None of one draw) and each value."""

    mean: float
    sd: float | None
    values: tuple[float, ...]


@dataclass(frozen=True)
class Outcome:
    """One row under one protocol: `runs` by draw, the figures of the first, and those of all, by part and metric."""

    runs: tuple[StoredRun, ...]
    first: dict[str, Figures]
    spread: dict[str, dict[str, Spread]]
    scored: dict[str, tuple[Scored, ...]]


@dataclass(frozen=True)
class Beside:
    """One row of the report with what we find.

    `outcomes` holds the protocols under which it was trained. `best` says whether its validation AUC under the
    report's protocol is its table's highest, the rule by which the report prints a row in bold; `tied` whether that
    AUC cannot be told from the highest. `inflation` is, by part, what AUC gains by the leak. `cross` is the
    cross-validated AUC, where the row was trained on five folds too.
    """

    row: Row
    spec: PaperSpec
    outcomes: dict[str, Outcome]
    inflation: dict[str, Effect]
    best: bool
    tied: bool
    cross: CrossValidatedAuc | None = None

    @property
    def ours(self) -> Figures | None:
        """What stands beside the report's figures: validation under its own protocol."""
        outcome = self.outcomes.get(LEAKY)
        return outcome.first["validation"] if outcome else None


@dataclass(frozen=True)
class Report:
    """The report laid beside ours on one data set.

    `refused` tells of the protocols that cannot split it, and why; `enough` holds the augmented row's outcomes by the
    number of draws that trained, from none; `criterion` says at which thresholds accuracies are counted.
    """

    spec: PaperSpec
    rows: tuple[Beside, ...]
    images: int
    note: str
    refused: dict[str, str]
    enough: dict[int, dict[str, Outcome]]
    criterion: Criterion = AT_HALF

    @property
    def trunks(self) -> list[str]:
        """The two trunks, each with the label of its weights."""
        pairs = zip(TITLES, self.spec.weights, strict=True)
        return [f"{self.spec.trunk(number)} (weights: {weights})" for number, weights in pairs]

    def table(self, number: int) -> list[Beside]:
        """The rows of one of the report's tables."""
        return [one for one in self.rows if one.row.table == number]


def beside(
    spec: PaperSpec,
    found: Mapping[Row, Mapping[str, Sequence[StoredRun]]],
    shared: Shared,
    criterion: Criterion = AT_HALF,
    folds: Mapping[Row, Sequence[StoredRun]] | None = None,
) -> list[Beside]:
    """All rows of the report, each with the runs that were found of it, by protocol and draw, and on five `folds`."""
    crossed = {row: _cross_validated(runs) for row, runs in (folds or {}).items()}
    outcomes = {
        row: {name: outcome(runs, name, shared, criterion) for name, runs in found.get(row, {}).items()} for row in ROWS
    }
    groups = {row: group for table in TITLES for row, group in _ties(table, outcomes).items()}
    return [
        Beside(
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
        Fold(np.asarray(one.labels), np.atleast_2d(one.logits), np.asarray(one.patients).astype(str), one.classes)
        for one in scored
    ]
    return cross_validated_auc([folds])


def outcome(runs: Sequence[StoredRun], protocol: str, shared: Shared, criterion: Criterion = AT_HALF) -> Outcome:
    """The figures of one head under one protocol; `shared` keeps what all heads have in common on a draw.

    Accuracies are those at the threshold that the `criterion` chooses for each run on validation.
    """
    scored = {
        part: tuple(_scored(run, part, (protocol, number), shared) for number, run in enumerate(runs, 1))
        for part in PARTS
    }
    thresholds = [criterion.threshold_if_any(one) for one in scored["validation"]]
    scored = {
        part: tuple(replace(one, threshold=at) for one, at in zip(held, thresholds, strict=True))
        for part, held in scored.items()
    }
    return Outcome(
        tuple(runs),
        {part: figures(scored[part][0], _patients_known(runs[0])) for part in PARTS},
        {part: {name: spread(scored[part], metric) for name, metric in METRICS.items()} for part in PARTS},
        scored,
    )


Shared = dict[tuple[str, int, str], tuple["NDArray[np.intp]", "Scored"]]
"""By protocol, draw and part: the positions of the images, and some run scored on them."""


def _scored(run: StoredRun, part: str, place: tuple[str, int], shared: Shared) -> Scored:
    """A run's scores of a part: labels, patients and leaks are those of any other run on the same draw."""
    key = (*place, part)
    if key not in shared:
        shared[key] = run.sweep.members(int(run.settings["split"]), part), run.scored(part, f"Draw {place[1]}")
    rows, alike = shared[key]
    return replace(alike, logits=np.asarray(run.sweep.logits[run.row])[rows])


METRICS = {"auc": auc, "accuracy": accuracy}


def figures(run: Scored, patients_known: bool) -> Figures:
    """What a run scores."""
    areas, shares = run.interval(auc_interval), run.called.interval(accuracy_interval)
    leaked, reason = (
        run.leaked if patients_known else None,
        lack_of_patients(run.labels, run.patients, classes=run.classes),
    )
    right = run.called.value(accuracy)
    return Figures(run.value(auc), areas, right, shares, np.size(run.labels), leaked, run.repeated, reason)


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
    """0 for a table's best row, 1 for rows that validation cannot tell from it, 2 for the others that were trained."""
    rows = [row for row in ROWS if row.table == table and LEAKY in outcomes[row]]
    runs = [outcomes[row][LEAKY].scored["validation"][0] for row in rows]
    areas = [run.value(auc) for run in runs]
    if not rows or np.isnan(areas).all():
        return {}
    groups = tie_groups(runs[0].labels, np.stack([np.asarray(run.logits) for run in runs]), runs[0].patients)
    best = int(np.nanargmax(areas))
    return {row: 0 if number == best else 1 if groups[number] == 1 else 2 for number, row in enumerate(rows)}


def to_json(report: Report) -> list[dict[str, Any]]:
    """The rows as plain JSON values: `reported` beside `ours`, an unknown number as null."""
    at = {"rule": report.criterion.rule, "target": report.criterion.target if report.criterion.has_target else None}
    rows = [{**_row(one), **at} for one in report.rows]
    curve = [
        {"draws": number, **{name: _spreads(one) for name, one in outcomes.items()}}
        for number, outcomes in sorted(report.enough.items())
    ]
    return [{**row, "by_draws": curve} if row["settings"]["draws"] else row for row in rows]


def _row(one: Beside) -> dict[str, Any]:
    row, ours = one.row, one.ours
    five = FIVE_SPLITS.get(row.table, (None, None)) if BOLD[row.table] == row.row else (None, None)
    return {
        "table": row.table,
        "row": row.row,
        "settings": one.spec.settings(row),
        "reported": {
            "accuracy": row.accuracy,
            "auc": row.auc,
            "best": BOLD[row.table] == row.row,
            "mean_test_accuracy": five[0],
            "mean_test_auc": five[1],
        },
        "ours": _figures(ours),
        "best": one.best,
        "tied_with_best": one.tied,
        **_cross(one.cross),
        "inflation": {part: _effect(one.inflation.get(part)) for part in PARTS},
        "protocols": {name: _outcome(one.outcomes[name]) if name in one.outcomes else None for name in PROTOCOLS},
        **_about(one),
    }


def _cross(found: CrossValidatedAuc | None) -> dict[str, Any]:
    if found is None:
        return {"cv_auc": None, "cv_auc_interval": None, "cv_reason": "not trained on five folds"}
    bounds = [_plain(bound) for bound in found.interval]
    return {"cv_auc": _plain(found.auc), "cv_auc_interval": bounds, "cv_reason": found.reason or None}


def _about(one: Beside) -> dict[str, Any]:
    runs = [run for outcome in one.outcomes.values() for run in outcome.runs]
    return {"synthetic": runs[0].sweep.synthetic, "weights_note": runs[0].weights_note} if runs else {}


def _outcome(found: Outcome) -> dict[str, Any]:
    spreads = _spreads(found)
    return {
        "runs": [run.id for run in found.runs],
        **{part: {**_figures(found.first[part]), "draws": spreads[part]} for part in PARTS},
    }


def _spreads(found: Outcome) -> dict[str, Any]:
    return {part: {name: _spread(one) for name, one in found.spread[part].items()} for part in PARTS}


def _spread(one: Spread) -> dict[str, Any]:
    return {"mean": _plain(one.mean), "sd": _plain(one.sd), "values": [*map(_plain, one.values)]}


def _figures(one: Figures | None) -> dict[str, Any]:
    if one is None:
        names = ("accuracy", "accuracy_interval", "auc", "auc_interval", "n", "leaked", "near_duplicates", "reason")
        return dict.fromkeys(names)
    return {
        "accuracy": _plain(one.accuracy),
        "accuracy_interval": [_plain(bound) for bound in one.accuracy_interval],
        "auc": _plain(one.auc),
        "auc_interval": [_plain(bound) for bound in one.auc_interval],
        "n": one.n,
        "leaked": one.leaked,
        "near_duplicates": one.repeated,
        "reason": one.reason or None,
    }


def _effect(one: Effect | None) -> dict[str, Any] | None:
    if one is None:
        return None
    return {"auc": _plain(one.value), "interval": [_plain(one.low), _plain(one.high)], "reason": one.reason or None}


def _plain(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else float(value)
