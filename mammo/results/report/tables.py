"""The report as tables of cells, ready to be written in any form."""

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

    from mammo.results.report.comparison import Beside, Figures, Outcome, Report, Spread
    from mammo.results.report.inflation import Effect
    from mammo.statistics.operating import Criterion

NONE = "–"


@dataclass(frozen=True)
class Cell:
    """What stands in a cell: a value, and a detail in smaller print."""

    value: str
    detail: str = ""
    bold: bool = False

    @property
    def text(self) -> str:
        """The cell in one line."""
        detail = self.detail if self.detail.startswith("±") else f"({self.detail})" if self.detail else ""
        return f"{self.value} {detail}".rstrip()


@dataclass(frozen=True)
class Table:
    """A table: its columns stand in groups of a name and a width, and `notes` are said below it."""

    title: str
    groups: tuple[tuple[str, int], ...]
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        """The columns' names with their groups'."""
        groups = [group for group, width in self.groups for _ in range(width)]
        return [f"{group}: {name}" if group else name for group, name in zip(groups, self.header, strict=True)]


def tables(report: Report) -> list[Table]:
    """Tables 1 and 2, the means over several splits, and what the report leaves open."""
    return [*(rows_table(report, number) for number in TITLES), splits_table(report), open_table(report)]


def rows_table(report: Report, number: int) -> Table:
    """One of the report's tables, row by row, with ours beside it."""
    rows = report.table(number)
    shown = [name for name in PROTOCOLS if name not in report.refused]
    settings = ("Prepro", "Last layer trainable", "Adam/ NAdam", "Flatten/ GAP", "Learning rate", "Data augm.")
    header = ["Row", *settings, "H/W ratio", "Accuracy", "AUC"]
    groups = [("", 8), ("The report", 2)]
    for name in shown:
        figures = ["Accuracy", "AUC"] if name == LEAKY else ["AUC"]
        header += [*figures, f"mean of {report.spec.splits}"]
        groups.append((UNDER[name] + _counted(rows, name), len(figures) + 1))
    if HONEST in shown:
        header.append("of AUC")
        groups.append(("Inflation", 1))
    if any(one.cross for one in rows):
        header.append("mean of the folds")
        groups.append(("Ours, cross-validated AUC", 1))
    title = f"Table {number}: {TITLES[number]}, on validation images"
    crossed = any(one.cross for one in rows)
    told = tuple((*_row(one, shown), *([_cross(one)] if crossed else [])) for one in rows)
    notes = tuple(_notes(report, rows)) if number == max(TITLES) else ()
    return Table(title, tuple(groups), tuple(header), told, notes)


def _counted(rows: Sequence[Beside], protocol: str) -> str:
    counts = {one.outcomes[protocol].first["validation"].n for one in rows if protocol in one.outcomes}
    return f" (n\u00a0=\u00a0{', '.join(map(str, sorted(counts)))})" if counts else ""


def _row(one: Beside, shown: Sequence[str]) -> tuple[Cell, ...]:
    row = one.row
    mark = " ★" if one.best else " ≈" if one.tied else ""
    yes = {True: "yes", False: "no"}
    words = [f"{row.row}{mark}", row.preprocessing, yes[row.last_layer]]
    words += [label_of("optimizer", row.optimizer), label_of("pool", row.pool)]
    words += [power(row.lr), yes[row.augmented], yes[row.ratio_kept]]
    bold = BOLD[row.table] == row.row
    cells = [Cell(word, bold=one.best) for word in words]
    cells += [Cell(NONE if value is None else f"{value:.4f}", bold=bold) for value in (row.accuracy, row.auc)]
    for name in shown:
        cells += [replace(cell, bold=one.best) for cell in _under(one.outcomes.get(name), name == LEAKY)]
    return (*cells, _effect(one.inflation.get("validation"))) if HONEST in shown else tuple(cells)


def _cross(one: Beside) -> Cell:
    """The cross-validated AUC of a row that was trained on five folds too."""
    if one.cross is None:
        return Cell(NONE)
    return Cell(_number(one.cross.auc), one.cross.reason or _bounds(one.cross.interval), bold=one.best)


def _under(outcome: Outcome | None, accuracy: bool) -> list[Cell]:
    if outcome is None:
        return [Cell(NONE)] * (3 if accuracy else 2)
    first = outcome.first["validation"]
    cells = [Cell(_number(first.auc), _bounds(first.auc_interval)), _spread(outcome.spread["validation"]["auc"])]
    return [Cell(_number(first.accuracy), _bounds(first.accuracy_interval)), *cells] if accuracy else cells


def _notes(report: Report, rows: Sequence[Beside]) -> list[str]:
    """How both tables are to be read, and what train has seen of the images."""
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
        *_lacks(report.rows),
        *_leaks(rows),
    ]


def _threshold_note(criterion: Criterion) -> list[str]:
    """At which threshold our accuracies are counted; the report's own are at probability 0.5."""
    if not criterion.uses_validation:
        return ["Accuracy calls positive what lies above probability 0.5, as the report's does."]
    return [
        f"Our accuracies are those at each run's own threshold, chosen on its validation images: {criterion.words}. "
        "Those on validation come out too high by that choice; the report's are at probability 0.5."
    ]


def _lacks(rows: Sequence[Beside]) -> list[str]:
    """Why figures have no interval, and why the inflation is not told."""
    said: dict[str, None] = {}
    for one in rows:
        for name, outcome in one.outcomes.items():
            for part, figures in outcome.first.items():
                if figures.reason:
                    said[f"{UNDER[name]}, on {part}: {figures.reason}."] = None
        for part, effect in one.inflation.items():
            if effect.reason:
                said[f"Inflation on {part} is not told, for it has {effect.reason}."] = None
    return list(said)


def _leaks(rows: Sequence[Beside]) -> list[str]:
    """What train has seen of the images of each protocol's first draw."""
    said = []
    for name in PROTOCOLS:
        found = next((one.outcomes[name].first for one in rows if name in one.outcomes), None)
        if found:
            parts = [_leak(part, figures) for part, figures in found.items()]
            said.append(f"{UNDER[name]}: {'; '.join(parts)}.")
    return said


def _leak(part: str, figures: Figures) -> str:
    copies = f", {figures.repeated} what may be a near-duplicate" if figures.repeated else ""
    if figures.leaked is None:
        return f"of {figures.n} {part} images the patients are not known{copies}"
    seen = f"{figures.leaked or 'none'} {'have' if figures.leaked > 1 else 'has'} a patient who is in train"
    return f"of {figures.n} {part} images {seen}{copies}"


def splits_table(report: Report) -> Table:
    """Mean test figures over several draws of each table's best row, ours and the report's."""
    rows = []
    for one in report.rows:
        if one.best or BOLD[one.row.table] == one.row.row:
            rows += [_splits_row(one, name) for name in PROTOCOLS if name in one.outcomes]
    header = ("Row", "Split", "n", "Accuracy", "AUC", "Inflation of AUC", "Accuracy", "AUC")
    title = f"Test figures over {report.spec.splits} draws of train and validation, the test set fixed"
    notes = (
        "Mean ± standard deviation. The rows are those of the highest validation AUC, ours (★) and the report's. "
        "The report gives its figures for VGG16 alone.",
    )
    return Table(title, (("", 3), ("Ours", 3), ("The report", 2)), header, tuple(rows), notes)


def _splits_row(one: Beside, protocol: str) -> tuple[Cell, ...]:
    outcome, leaky = one.outcomes[protocol], protocol == LEAKY
    bold = BOLD[one.row.table] == one.row.row
    said = FIVE_SPLITS.get(one.row.table) if leaky and bold else None
    spread = outcome.spread["test"]
    return (
        Cell(f"{one.row.name}{' ★' if one.best else ''}", one.row.told.partition(" · ")[2], bold=one.best),
        Cell(UNDER[protocol].removeprefix("Ours, ")),
        Cell(str(outcome.first["test"].n)),
        _spread(spread["accuracy"]),
        _spread(spread["auc"]),
        _effect(one.inflation.get("test")) if leaky else Cell(""),
        *(Cell(f"{value:.3f}" if said else NONE) for value in said or (0.0, 0.0)),
    )


def open_table(report: Report) -> Table:
    """What the report does not say, and what is done here."""
    rows = tuple(tuple(Cell(text) for text in line) for line in left_open(report.spec, report.images))
    header = ("", "The report", "Here")
    return Table("What the report leaves open", (("", 3),), header, rows)


def _number(value: float) -> str:
    return f"{value:.3f}" if np.isfinite(value) else NONE


def _bounds(bounds: tuple[float, float]) -> str:
    return interval_words(bounds, ".2f", "–", "no interval")


def _spread(one: Spread) -> Cell:
    return Cell(_number(one.mean), f"± {one.sd:.3f}" if one.sd is not None and np.isfinite(one.sd) else "")


def _effect(one: Effect | None) -> Cell:
    if one is None or one.reason or not np.isfinite(one.value):
        return Cell(NONE)
    bounds = f"{_signed(one.low, 2)} to {_signed(one.high, 2)}" if np.isfinite(one.low) else ""
    return Cell(_signed(one.value, 3), bounds)


def _signed(value: float, digits: int) -> str:
    return f"{value:+.{digits}f}".replace("-", "−")
