"""`mammo operate`: one run at a threshold, its curves in numbers, calibration, predictive values and subgroups."""

from __future__ import annotations

import argparse
from typing import Any

from mammo.commands.shared import Commands, add_command, add_criterion, home_of, show, table


def add(commands: Commands) -> None:
    """Add the command."""
    purpose = "show a run at a threshold chosen on validation: confusion matrix, rates, predictive values, subgroups"
    example = "mammo operate phantom-1a2b3c4d.5 --rule sensitivity --target 0.9 --by density"
    parser = add_command(commands, "operate", purpose, example, run)
    named = "a run as `mammo leaderboard` lists it; SWEEP.3+7 is an ensemble, SWEEP.3@breast-max a run by breast"
    parser.add_argument("run_name", metavar="RUN", help=named)
    add_criterion(parser, "youden", "the")
    parser.add_argument("--part", default="test", help="test (default), validation or train")
    share = "share of cancers for which predictive values are given (default: 0.006, as in screening)"
    parser.add_argument("--prevalence", type=float, default=0.006, help=share)
    parser.add_argument("--by", metavar="COLUMN", help="groups of images: density, subtlety, abnormality, view, …")


def run(arguments: argparse.Namespace) -> int:
    """Print what there is to say of the run."""
    from mammo.runs.run_summary import run_summary
    from mammo.runs.stored_run import StoredRun

    stored = StoredRun.open(home_of(arguments), arguments.run_name)
    asked = (arguments.part, arguments.rule, arguments.target, arguments.prevalence, arguments.by)
    told = run_summary(stored, *asked)
    show(arguments, told, text_of(told))
    return 0


def text_of(told: dict[str, Any]) -> str:
    """The figures as tables, and what must be known about them."""
    pieces = [
        _head(told),
        _matrix(told["confusion"], told["classes"]),
        table(_measures(told), ["measure", "n", "value", "95 % interval"]),
    ]
    if told["subgroups"]:
        pieces.append(_groups(told))
    return "\n\n".join([*pieces, _notes(told)])


def _head(told: dict[str, Any]) -> str:
    from mammo.specs.class_names import capital
    from mammo.statistics.operating import HALF, probability_words

    unit, chosen, positive = told["unit"], told["chosen_on"], told["classes"]["positive"]
    aim = f" {told['target']:g}" if told["target"] else ""
    looked = f"chosen on {chosen['n']} validation {unit}, {chosen['malignant']} {positive}"
    return (
        f"{told['run']}: {told['n']} {told['part']} {unit}, {told['malignant']} {positive}, {told['patients']} patients"
        f"\n{capital(positive)} above probability {probability_words(told['threshold'], 4)}: rule {told['rule']}{aim}, "
        f"{'chosen without looking' if told['rule'] == HALF else looked}"
    )


def _matrix(counts: dict[str, Any], classes: dict[str, str]) -> str:
    positive, negative = classes["positive"], classes["negative"]
    rows = [
        [positive, counts["true_malignant"], counts["false_benign"]],
        [negative, counts["false_malignant"], counts["true_benign"]],
    ]
    return table(rows, ["truth", f"called {positive}", f"called {negative}"])


def _measures(told: dict[str, Any]) -> list[list[Any]]:
    from mammo.statistics.metrics import METRICS
    from mammo.statistics.operating import MEASURES

    predictive, calibration = told["predictive"], told["calibration"]
    at = f"at prevalence {predictive['prevalence']:g}"
    rows = {MEASURES[name].label: one for name, one in told["measures"].items()}
    rows |= {f"{MEASURES[name].label} {at}": predictive[name] for name in ("ppv", "npv")}
    rows |= {METRICS[name].label: one for name, one in told["metrics"].items()}
    rows[f"Brier score at temperature {_number(calibration['temperature'])}"] = calibration["brier"]
    return [[label, one["n"], _number(one["value"]), _bounds(one)] for label, one in rows.items()]


def _groups(told: dict[str, Any]) -> str:
    from mammo.runs.subgroups import FEWEST, MEASURES

    header = [told["column"], "n", told["classes"]["positive"], "patients"]
    header += [word for label in MEASURES.values() for word in (label, "95 % interval")]
    rows = [[group[name] for name in ("value", "n", "malignant", "patients")] for group in told["subgroups"]]
    for row, group in zip(rows, told["subgroups"], strict=True):
        row[0] = f"({row[0]})" if group["small"] else row[0]
        row += [word for name in MEASURES for word in (_number(group[name]["value"]), _bounds(group[name]))]
    small = f"Groups in brackets have fewer than {FEWEST} of either class: their figures say little."
    return "\n".join([table(rows, header), small, "No interval is corrected for the number of groups."])


def _notes(told: dict[str, Any]) -> str:
    of = "" if told["unit"] == "patients" else f", not {told['unit']}"
    lines = [f"Intervals count patients{of}; threshold and temperature were chosen on validation alone."]
    if note := told["calibration"]["temperature_note"]:
        lines.append(note)
    if told["synthetic"]:
        lines.append("SYNTHETIC DATA: these figures say nothing about real mammograms.")
    lines.append(f"Weights: {told['weights_note']}.")
    if told["leaked"]:
        of = f"{told['leaked']} of {told['n']} {told['part']} {told['unit']}"
        lines.append(
            f"leaked: training has seen the patient, or what may be a near-duplicate, of {of}; "
            "figures come out too high."
        )
    return "\n".join(lines)


def _bounds(one: dict[str, Any]) -> str:
    from mammo.results.interval_words import interval_words

    return interval_words(one["interval"], reason=one["reason"])


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
