"""`mammo paper`: the report's tables and figures, compared with ours."""

from __future__ import annotations

import argparse
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mammo.commands.shared import (
    Commands,
    add_command,
    add_criterion,
    criterion_of,
    home_of,
    measured_estimate,
    say,
    show,
    table,
    with_bar,
    words,
)

if TYPE_CHECKING:
    from mammo.paper import ReportRuns
    from mammo.results.report.comparison import Report, ReportComparison
    from mammo.results.report.stated import ReportSpec

NUMBERS = {
    "epochs": "epochs of every head (default: 30)",
    "splits": "draws of train and validation (default: 5, as in the report)",
    "draws": "augmented versions of an image (default: 10)",
    "size": "side of the trunk's square input in pixels (default: 224, the report's)",
    "seed": "seed of the test set and of the heads (default: 0)",
}


def add(commands: Commands) -> None:
    """Add the command."""
    purpose = "run the report's two tables and figures, and compare its figures with ours"
    parser = add_command(commands, "paper", purpose, "mammo paper phantom-demo --to report", run)
    parser.add_argument("dataset", metavar="NAME", help="the data set")
    parser.add_argument("--trunks", help="full (VGG16 and ResNet50), or mini (default where the data are synthetic)")
    weights = "imagenet (default), random or a FILE; two, separated by a comma, for VGG16 and ResNet50"
    parser.add_argument("--weights", help=weights)
    parser.add_argument("--kind", default="full", help="full mammograms (default) or crop")
    for name, meaning in NUMBERS.items():
        parser.add_argument(f"--{name}", type=int, help=meaning)
    parser.add_argument(
        "--estimate", action="store_true", help="show what the missing runs would cost, and run nothing"
    )
    parser.add_argument("--no-run", action="store_true", help="show the runs that are there; train nothing")
    add_criterion(parser, "half", "each run's")
    parser.add_argument(
        "--to", type=Path, metavar="DIR", help="write the report into DIR as Markdown, CSV, LaTeX and HTML"
    )
    parser.add_argument("--device", help="cpu or cuda (default: cuda where there is one)")


def run(arguments: argparse.Namespace) -> int:
    """Run the missing rows, print the tables, and write the files that the options ask for."""
    from mammo.paper import open_report_runs, reproduce
    from mammo.results.report.comparison import to_json
    from mammo.results.report.export import write_report

    home = home_of(arguments)
    spec, files = spec_of(arguments)
    criterion = criterion_of(arguments)
    if arguments.estimate:
        return _show_estimate(open_report_runs(home, spec), arguments)
    paper = (
        open_report_runs(home, spec) if arguments.no_run else with_bar(reproduce(home, spec, files, arguments.device))
    )
    for sentence in paper.left_out:
        say(sentence)
    report = paper.report(criterion)
    if arguments.to:
        say(f"Written: {', '.join(map(str, write_report(report, arguments.to)))}")
    show(arguments, to_json(report), text_of(report))
    return 0


def _show_estimate(paper: ReportRuns, arguments: argparse.Namespace) -> int:
    missing = sum(len(step.rows) for step in paper.missing)
    estimate = measured_estimate(paper.home, paper.estimate)
    text = f"{missing} rows to run: {estimate.sentence}" if missing else "Every row is there."
    show(arguments, {"rows": missing, **estimate.to_json()}, text)
    return 0


def spec_of(arguments: argparse.Namespace) -> tuple[ReportSpec, list[Path | None]]:
    """The spec that the options describe, and the files of its trunks' weights, None where they come from none."""
    from mammo.data.dataset.dataset import Dataset
    from mammo.features.trunks.weights import weights_label
    from mammo.paper import report_spec

    options = {name: getattr(arguments, name) for name in ("kind", *NUMBERS)}
    settings: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    choices = words(arguments.weights or "")
    choices *= 2 if len(choices) == 1 else 1
    labels = tuple(weights_label(choice) for choice in choices)
    spec = report_spec(
        Dataset.open(home_of(arguments), arguments.dataset), arguments.trunks, weights=labels, **settings
    )
    pairs = zip(choices or spec.weights, spec.weights, strict=True)
    return spec, [Path(choice).absolute() if label.startswith("file-") else None for choice, label in pairs]


def text_of(report: Report) -> str:
    """The tables in short form, and below them the notes and warnings."""
    from mammo.results.report.export import heading
    from mammo.results.report.tables import rows_table, splits_table

    header = ["row", "accuracy", "AUC", "ours: accuracy", "AUC", "95 % interval", "n", "by patient", "official"]
    header += ["inflation", "95 % interval"]
    lines = []
    for number in (1, 2):
        rows = rows_table(report, number)
        lines += [rows.title, table([_cells(comparison) for comparison in report.table(number)], header), ""]
    notes = [*rows.notes, "Settings are those of the report; accuracy and AUC are its own validation figures."]
    five = splits_table(report)
    splits = [[cell.text for cell in row] for row in five.rows]
    lines += [five.title, table(splits, five.names), ""] if splits else []
    return "\n".join([*lines, *notes, *heading(report)])


def _cells(comparison: ReportComparison) -> list[str]:
    ours, effect = comparison.ours, comparison.inflation.get("validation")
    honest = [
        comparison.outcomes[name].first["validation"].auc if name in comparison.outcomes else None for name in HONEST
    ]
    mark = "★ " if comparison.best else "≈ " if comparison.tied else "  "
    figures = [_number(ours.accuracy), _number(ours.auc), _pair(*ours.auc_interval), str(ours.n)] if ours else ["-"] * 4
    known = effect and not effect.reason
    inflation = [_number(effect.value), _pair(effect.low, effect.high)] if effect and known else ["-", "-"]
    reported = [_number(comparison.row.accuracy, 4), _number(comparison.row.auc, 4)]
    return [mark + comparison.row.label, *reported, *figures, *map(_number, honest), *inflation]


HONEST = ("patient", "official-pooled")


def _pair(low: float, high: float) -> str:
    from mammo.results.interval_words import interval_words

    return interval_words((low, high))


def _number(value: float | None, digits: int = 3) -> str:
    return "-" if value is None or isnan(value) else f"{value:.{digits}f}"
