"""The report as tables of cells, which the forms of export write."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from mammo.results.interval_words import interval_words
from mammo.results.report.comparison import HONEST, LEAKY, PROTOCOLS, UNDER
from mammo.results.report.stated import BOLD, FIVE_SPLITS, TITLES, VALIDATED, left_open, power
from mammo.results.setting_words import label_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mammo.results.report.comparison import Outcome, Report, ReportComparison, RunMetrics, Spread
    from mammo.results.report.inflation import Effect
    from mammo.statistics.operating import Criterion

NONE = "–"


@dataclass(frozen=True)
class Cell:
    """The content of a cell: a value, and a detail in smaller print."""

    value: str
    detail: str = ""
    bold: bool = False

    @property
    def text(self) -> str:
        """The cell in one line."""
        detail = self.detail if self.detail.startswith("±") else f"({self.detail})" if self.detail else ""
        return f"{self.value} {detail}".rstrip()


@dataclass(frozen=True)
class ReportTable:
    """A table: `groups` are names and widths of groups of columns, `notes` are sentences below it."""

    title: str
    groups: tuple[tuple[str, int], ...]
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        """The names of the columns, each after the name of its group."""
        groups = [group for group, width in self.groups for _ in range(width)]
        return [f"{group}: {name}" if group else name for group, name in zip(groups, self.header, strict=True)]


def tables(report: Report) -> list[ReportTable]:
    """Tables 1 and 2, the means over several splits, and what the report leaves open."""
    return [*(rows_table(report, number) for number in TITLES), splits_table(report), open_table(report)]


def rows_table(report: Report, number: int) -> ReportTable:
    """One of the report's tables, each row with our outcomes."""
    rows = report.table(number)
    shown = [name for name in PROTOCOLS if name not in report.refused]
    settings = ("Prepro", "Last layer trainable", "Adam/ NAdam", "Flatten/ GAP", "Learning rate", "Data augm.")
    header = ["Row", *settings, "H/W ratio", "Accuracy", "AUC"]
    groups = [("", 8), ("The report", 2)]
    for name in shown:
        figures = ["Accuracy", "AUC"] if name == LEAKY else ["AUC"]
        header += [*figures, f"mean of {report.spec.splits}"]
        groups.append((UNDER[name] + _count_words(rows, name), len(figures) + 1))
    if HONEST in shown:
        header.append("of AUC")
        groups.append(("Inflation", 1))
    crossed = any(row.cross for row in rows)
    if crossed:
        header.append("mean of the folds")
        groups.append(("Ours, cross-validated AUC", 1))
    title = f"Table {number}: {TITLES[number]}, on validation images"
    cells = tuple((*_row_cells(row, shown), *([_cross_cell(row)] if crossed else [])) for row in rows)
    notes = tuple(_notes(report, rows)) if number == max(TITLES) else ()
    return ReportTable(title, tuple(groups), tuple(header), cells, notes)


def _count_words(rows: Sequence[ReportComparison], protocol: str) -> str:
    counts = {row.outcomes[protocol].first["validation"].n for row in rows if protocol in row.outcomes}
    return f" (n\u00a0=\u00a0{', '.join(map(str, sorted(counts)))})" if counts else ""


def _row_cells(comparison: ReportComparison, shown: Sequence[str]) -> tuple[Cell, ...]:
    row = comparison.row
    mark = " ★" if comparison.best else " ≈" if comparison.tied else ""
    yes = {True: "yes", False: "no"}
    words = [f"{row.row}{mark}", row.preprocessing, yes[row.last_layer]]
    words += [label_of("optimizer", row.optimizer), label_of("pool", row.pool)]
    words += [power(row.lr), yes[row.augmented], yes[row.ratio_kept]]
    bold = BOLD[row.table] == row.row
    cells = [Cell(word, bold=comparison.best) for word in words]
    cells += [Cell(NONE if value is None else f"{value:.4f}", bold=bold) for value in (row.accuracy, row.auc)]
    for name in shown:
        cells += [
            replace(cell, bold=comparison.best) for cell in _outcome_cells(comparison.outcomes.get(name), name == LEAKY)
        ]
    return (*cells, _effect_cell(comparison.inflation.get("validation"))) if HONEST in shown else tuple(cells)


def _cross_cell(comparison: ReportComparison) -> Cell:
    """The cross-validated AUC of a row that was trained on five folds too."""
    if comparison.cross is None:
        return Cell(NONE)
    return Cell(
        _number(comparison.cross.auc),
        comparison.cross.reason or _bounds(comparison.cross.interval),
        bold=comparison.best,
    )


def _outcome_cells(outcome: Outcome | None, accuracy: bool) -> list[Cell]:
    if outcome is None:
        return [Cell(NONE)] * (3 if accuracy else 2)
    first = outcome.first["validation"]
    cells = [Cell(_number(first.auc), _bounds(first.auc_interval)), _spread_cell(outcome.spread["validation"]["auc"])]
    return [Cell(_number(first.accuracy), _bounds(first.accuracy_interval)), *cells] if accuracy else cells


def _notes(report: Report, rows: Sequence[ReportComparison]) -> list[str]:
    """How to read both tables, and the leakage of the images."""
    return [
        "★ is the row of our highest validation AUC, the rule by which the report prints a row in bold; its own choice "
        "is bold in its columns. ≈ are rows of its tie group, as on the leaderboard: they lie no farther "
        "from ★ on the same images than chance puts the farthest of equally good rows in 5 % of cases (paired, by "
        "patient).",
        f"Ours is the first of {report.spec.splits} draws of train and validation with its 95 % interval, for which a "
        "patient's images count together; beside it stands the mean ± standard deviation of all. Inflation is the "
        "mean AUC, split as the report did, less that by patient, with its 95 % interval.",
        *_threshold_note(report.criterion),
        f"The report validated on {VALIDATED} images or so, so that its own AUCs carry about ±0.05.",
        *_missing_intervals(report.rows),
        *_leaks(rows),
    ]


def _threshold_note(criterion: Criterion) -> list[str]:
    """The threshold of our accuracies; the report's own is probability 0.5."""
    if not criterion.uses_validation:
        return ["Accuracy calls positive what lies above probability 0.5, as the report's does."]
    return [
        f"Our accuracies are those at each run's own threshold, chosen on its validation images: {criterion.words}. "
        "Those on validation come out too high by that choice; the report's are at probability 0.5."
    ]


def _missing_intervals(rows: Sequence[ReportComparison]) -> list[str]:
    """Why some metrics have no interval, and why an inflation is missing."""
    sentences: dict[str, None] = {}
    for comparison in rows:
        for name, outcome in comparison.outcomes.items():
            for part, metrics in outcome.first.items():
                if metrics.reason:
                    sentences[f"{UNDER[name]}, on {part}: {metrics.reason}."] = None
        for part, effect in comparison.inflation.items():
            if effect.reason:
                sentences[f"Inflation on {part} is not told, for it has {effect.reason}."] = None
    return list(sentences)


def _leaks(rows: Sequence[ReportComparison]) -> list[str]:
    """A sentence for each protocol on the leakage of the images of its first draw."""
    sentences = []
    for name in PROTOCOLS:
        first = next((row.outcomes[name].first for row in rows if name in row.outcomes), None)
        if first:
            parts = [_leak(part, metrics) for part, metrics in first.items()]
            sentences.append(f"{UNDER[name]}: {'; '.join(parts)}.")
    return sentences


def _leak(part: str, metrics: RunMetrics) -> str:
    copies = f", {metrics.repeated} what may be a near-duplicate" if metrics.repeated else ""
    if metrics.leaked is None:
        return f"of {metrics.n} {part} images the patients are not known{copies}"
    leaked = f"{metrics.leaked or 'none'} {'have' if metrics.leaked > 1 else 'has'} a patient who is in train"
    return f"of {metrics.n} {part} images {leaked}{copies}"


def splits_table(report: Report) -> ReportTable:
    """Mean test metrics over several draws of the best rows of each table: ours and the report's choice."""
    rows = []
    for comparison in report.rows:
        if comparison.best or BOLD[comparison.row.table] == comparison.row.row:
            rows += [_splits_row(comparison, name) for name in PROTOCOLS if name in comparison.outcomes]
    header = ("Row", "Split", "n", "Accuracy", "AUC", "Inflation of AUC", "Accuracy", "AUC")
    title = f"Test figures over {report.spec.splits} draws of train and validation, the test set fixed"
    notes = (
        "Mean ± standard deviation. The rows are those of the highest validation AUC, ours (★) and the report's. "
        "The report gives its figures for VGG16 alone.",
    )
    return ReportTable(title, (("", 3), ("Ours", 3), ("The report", 2)), header, tuple(rows), notes)


def _splits_row(comparison: ReportComparison, protocol: str) -> tuple[Cell, ...]:
    outcome, leaky = comparison.outcomes[protocol], protocol == LEAKY
    bold = BOLD[comparison.row.table] == comparison.row.row
    reported = FIVE_SPLITS.get(comparison.row.table) if leaky and bold else None
    spread = outcome.spread["test"]
    return (
        Cell(
            f"{comparison.row.name}{' ★' if comparison.best else ''}",
            comparison.row.label.partition(" · ")[2],
            bold=comparison.best,
        ),
        Cell(UNDER[protocol].removeprefix("Ours, ")),
        Cell(str(outcome.first["test"].n)),
        _spread_cell(spread["accuracy"]),
        _spread_cell(spread["auc"]),
        _effect_cell(comparison.inflation.get("test")) if leaky else Cell(""),
        *(Cell(f"{value:.3f}" if reported else NONE) for value in reported or (0.0, 0.0)),
    )


def open_table(report: Report) -> ReportTable:
    """What the report leaves open, and the choice here."""
    rows = tuple(tuple(Cell(text) for text in line) for line in left_open(report.spec, report.images))
    header = ("", "The report", "Here")
    return ReportTable("What the report leaves open", (("", 3),), header, rows)


def _number(value: float) -> str:
    return f"{value:.3f}" if np.isfinite(value) else NONE


def _bounds(bounds: tuple[float, float]) -> str:
    return interval_words(bounds, ".2f", "–", "no interval")


def _spread_cell(spread: Spread) -> Cell:
    return Cell(_number(spread.mean), f"± {spread.sd:.3f}" if spread.sd is not None and np.isfinite(spread.sd) else "")


def _effect_cell(effect: Effect | None) -> Cell:
    if effect is None or effect.reason or not np.isfinite(effect.value):
        return Cell(NONE)
    bounds = f"{_signed(effect.low, 2)} to {_signed(effect.high, 2)}" if np.isfinite(effect.low) else ""
    return Cell(_signed(effect.value, 3), bounds)


def _signed(value: float, digits: int) -> str:
    return f"{value:+.{digits}f}".replace("-", "−")
