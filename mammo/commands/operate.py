"""`mammo operate`: one run at a threshold: its rates, metrics, calibration, predictive values and subgroups."""

from __future__ import annotations

import argparse
from typing import Any

from mammo.commands.shared import Commands, add_command, add_criterion, home_of, show, table


def add(commands: Commands) -> None:
    """Add the command."""
    purpose = "show a run at a threshold chosen on validation: confusion matrix, rates, predictive values, subgroups"
    example = "mammo operate phantom-1a2b3c4d.5 --rule sensitivity --target 0.9 --by density"
    parser = add_command(commands, "operate", purpose, example, run)
    names = "a run as `mammo leaderboard` lists it; SWEEP.3+7 is an ensemble, SWEEP.3@breast-max a run by breast"
    parser.add_argument("run_name", metavar="RUN", help=names)
    add_criterion(parser, "youden", "the")
    parser.add_argument("--part", default="test", help="test (default), validation or train")
    prevalence = "the share of cancers for predictive values (default: 0.006, as in screening)"
    parser.add_argument("--prevalence", type=float, default=0.006, help=prevalence)
    parser.add_argument("--by", metavar="COLUMN", help="groups of images: density, subtlety, abnormality, view, …")


def run(arguments: argparse.Namespace) -> int:
    """Print the summary of the run at its threshold."""
    from mammo.runs.run_summary import run_summary
    from mammo.runs.stored_run import StoredRun

    stored = StoredRun.open(home_of(arguments), arguments.run_name)
    options = (arguments.part, arguments.rule, arguments.target, arguments.prevalence, arguments.by)
    summary = run_summary(stored, *options)
    show(arguments, summary, text_of(summary))
    return 0


def text_of(summary: dict[str, Any]) -> str:
    """The figures as tables, with notes and warnings below them."""
    pieces = [
        _head(summary),
        _matrix(summary["confusion"], summary["classes"]),
        table(_measures(summary), ["measure", "n", "value", "95 % interval"]),
    ]
    if summary["subgroups"]:
        pieces.append(_groups(summary))
    return "\n\n".join([*pieces, _notes(summary)])


def _head(summary: dict[str, Any]) -> str:
    from mammo.specs.class_names import capital
    from mammo.statistics.operating import HALF, probability_words

    unit, facts, positive = summary["unit"], summary["chosen_on"], summary["classes"]["positive"]
    aim = f" {summary['target']:g}" if summary["target"] else ""
    chosen_on = f"chosen on {facts['n']} validation {unit}, {facts['malignant']} {positive}"
    return (
        f"{summary['run']}: {summary['n']} {summary['part']} {unit}, {summary['malignant']} {positive}, "
        f"{summary['patients']} patients\n"
        f"{capital(positive)} above probability {probability_words(summary['threshold'], 4)}: "
        f"rule {summary['rule']}{aim}, "
        f"{'chosen without looking' if summary['rule'] == HALF else chosen_on}"
    )


def _matrix(counts: dict[str, Any], classes: dict[str, str]) -> str:
    positive, negative = classes["positive"], classes["negative"]
    rows = [
        [positive, counts["true_malignant"], counts["false_benign"]],
        [negative, counts["false_malignant"], counts["true_benign"]],
    ]
    return table(rows, ["truth", f"called {positive}", f"called {negative}"])


def _measures(summary: dict[str, Any]) -> list[list[Any]]:
    from mammo.statistics.metrics import METRICS
    from mammo.statistics.operating import MEASURES

    predictive, calibration = summary["predictive"], summary["calibration"]
    at = f"at prevalence {predictive['prevalence']:g}"
    rows = {MEASURES[name].label: measure for name, measure in summary["measures"].items()}
    rows |= {f"{MEASURES[name].label} {at}": predictive[name] for name in ("ppv", "npv")}
    rows |= {METRICS[name].label: metric for name, metric in summary["metrics"].items()}
    rows[f"Brier score at temperature {_number(calibration['temperature'])}"] = calibration["brier"]
    return [[label, row["n"], _number(row["value"]), _bounds(row)] for label, row in rows.items()]


def _groups(summary: dict[str, Any]) -> str:
    from mammo.runs.subgroups import FEWEST, MEASURES

    header = [summary["column"], "n", summary["classes"]["positive"], "patients"]
    header += [word for label in MEASURES.values() for word in (label, "95 % interval")]
    rows = [[group[name] for name in ("value", "n", "malignant", "patients")] for group in summary["subgroups"]]
    for row, group in zip(rows, summary["subgroups"], strict=True):
        row[0] = f"({row[0]})" if group["small"] else row[0]
        row += [word for name in MEASURES for word in (_number(group[name]["value"]), _bounds(group[name]))]
    small = f"Groups in brackets have fewer than {FEWEST} of either class: their figures say little."
    return "\n".join([table(rows, header), small, "No interval is corrected for the number of groups."])


def _notes(summary: dict[str, Any]) -> str:
    of = "" if summary["unit"] == "patients" else f", not {summary['unit']}"
    lines = [f"Intervals count patients{of}; threshold and temperature were chosen on validation alone."]
    if note := summary["calibration"]["temperature_note"]:
        lines.append(note)
    if summary["synthetic"]:
        lines.append("SYNTHETIC DATA: these figures say nothing about real mammograms.")
    lines.append(f"Weights: {summary['weights_note']}.")
    if summary["leaked"]:
        of = f"{summary['leaked']} of {summary['n']} {summary['part']} {summary['unit']}"
        lines.append(
            f"leaked: training has seen the patient, or what may be a near-duplicate, of {of}; "
            "figures come out too high."
        )
    return "\n".join(lines)


def _bounds(measure: dict[str, Any]) -> str:
    from mammo.results.interval_words import interval_words

    return interval_words(measure["interval"], reason=measure["reason"])


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
