"""`mammo compare`: whether runs really differ."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from mammo.commands.shared import Commands, add_command, add_criterion, criterion_of, home_of, show, table, wrap

if TYPE_CHECKING:
    from mammo.results.comparison import Difference, PairedResult, SharedImages
    from mammo.runs.stored_run import StoredRun


def add(commands: Commands) -> None:
    """Add the command."""
    purpose = "test whether runs differ: paired tests on the same images, and the images that flip between them"
    parser = add_command(commands, "compare", purpose, "mammo compare SWEEP.3 SWEEP.7", run)
    parser.add_argument("runs", nargs="+", metavar="RUN", help="two or more runs, as `mammo leaderboard` names them")
    parser.add_argument("--part", default="test", help="the images: test (default), validation or train")
    add_criterion(parser, "youden", "each run's")
    other = "the test of differences in AUC: delong (default) or bootstrap, both paired and by patient"
    parser.add_argument("--test", default="delong", help=other)


def run(arguments: argparse.Namespace) -> int:
    """Print every run with its intervals, and every pair with its tests."""
    from mammo.results.comparison import TESTS, differences, shared_images
    from mammo.runs.stored_run import stored_runs
    from mammo.specs import pick

    pick(TESTS, arguments.test, "test")
    runs = stored_runs(home_of(arguments), dict.fromkeys(arguments.runs))
    shared = shared_images(runs, arguments.part)
    criterion = criterion_of(arguments)
    thresholds = [criterion.threshold(run.scored("validation")) for run in runs]
    told = document(runs, shared, differences(shared, thresholds), thresholds, arguments.part, arguments.test)
    told = {**told, "rule": criterion.rule, "criterion": criterion.words}
    show(arguments, told, text_of(told))
    return 0


def document(
    runs: list[StoredRun],
    shared: SharedImages,
    pairs: list[Difference],
    thresholds: list[float],
    part: str,
    test: str = "delong",
) -> dict[str, Any]:
    """What is told, as plain JSON values; `test` is the one that counts."""
    from mammo.results.comparison import verdict
    from mammo.statistics.few import lack_of_patients
    from mammo.storage.json_files import json_value

    shared, names = shared.arranged, [run.id for run in runs]
    told = {
        "part": part,
        "unit": runs[0].unit,
        "n": shared.labels.size,
        "malignant": shared.labels.sum(),
        "classes": runs[0].sweep.classes.to_json(),
        "patients": len(set(shared.patients.tolist())),
        "synthetic": runs[0].sweep.synthetic,
        "runs": _runs(runs, shared, thresholds, part),
        "test": test,
        "reason": lack_of_patients(shared.labels, shared.patients, classes=shared.classes) or None,
        "pairs": [
            _pair(pair, names, shared.labels.size, test, verdict(pair, names, len(pairs), test)) for pair in pairs
        ],
    }
    document: dict[str, Any] = json_value(told)
    return document


def _runs(runs: list[StoredRun], shared: SharedImages, thresholds: list[float], part: str) -> list[dict[str, Any]]:
    import numpy as np
    import pandas as pd

    from mammo.results.setting_words import short_names
    from mammo.statistics.intervals.bootstrap import bootstrap_interval
    from mammo.statistics.intervals.delong import accuracy_interval, auc_interval
    from mammo.statistics.metrics import accuracy, auc, probability

    names = short_names(pd.DataFrame([run.settings for run in runs]))
    above = shared.logits - np.asarray(thresholds, dtype=float)[:, None]
    figures: dict[str, Any] = {
        "auc": auc(shared.labels, shared.logits),
        "auc_interval": auc_interval(shared.labels, shared.logits, shared.patients),
        "auc_bootstrap_interval": bootstrap_interval(shared.labels, shared.logits, shared.patients),
        "threshold": probability(thresholds),
        "threshold_logit": thresholds,
        "accuracy": accuracy(shared.labels, above),
        "accuracy_interval": accuracy_interval(shared.labels, above, shared.patients),
    }
    rows = []
    for row, run in enumerate(runs):
        scored = run.scored(part)
        told = {"run": run.id, "name": names[run.id], "n": shared.labels.size, "left_out": shared.left_out[row]}
        told |= {name: values[row] for name, values in figures.items()}
        told |= {"leaked": scored.leaked, "near_duplicates": scored.repeated, "weights_note": run.weights_note}
        rows.append(told)
    return rows


def _pair(pair: Difference, names: list[str], images: int, test: str, said: str) -> dict[str, Any]:
    flips = pair.flips
    counts = {"both_right": flips.both, "only_first_right": flips.first_only, "only_second_right": flips.second_only}
    return {
        "first": names[pair.first],
        "second": names[pair.second],
        "n": images,
        "auc_difference": pair.value,
        **_tested(pair.result(test)),
        "reason": pair.reason or None,
        "verdict": said,
        "delong": _tested(pair.delong),
        "bootstrap": _tested(pair.bootstrap),
        "flips": {**counts, "both_wrong": flips.neither, "p": flips.p_value, "p_holm": pair.flips_corrected},
    }


def _tested(test: PairedResult) -> dict[str, Any]:
    return {"interval": test.interval, "p": test.p_value, "p_holm": test.corrected}


def text_of(told: dict[str, Any]) -> str:
    """The document as two tables, and below them what must be known about them."""
    place = {run["run"]: str(number) for number, run in enumerate(told["runs"], start=1)}
    header = ["", "run", "name", "n", "AUC", "95 % interval", "above", "accuracy", "95 % interval", "leaked"]
    runs = [[place[run["run"]], *_run_cells(run, told["test"])] for run in told["runs"]]
    pairs = ["pair", "AUC difference", "95 % interval", "p", "Holm", "only first right", "only second", "p", "Holm"]
    lines = [
        f"Compared on the {told['n']} {told['part']} {told['unit']} of {told['patients']} patients "
        f"that all were scored on, {told['malignant']} of them {told['classes']['positive']}.",
        *_left_out(told),
        "",
        table(runs, header),
        "",
        table(
            [[f"{place[pair['first']]} − {place[pair['second']]}", *_pair_cells(pair)] for pair in told["pairs"]], pairs
        ),
        *(f"{place[pair['first']]} − {place[pair['second']]}: {pair['verdict']}." for pair in told["pairs"]),
        "",
        f"above: the probability above which a run calls {told['classes']['positive']}. "
        f"Rule on validation: {told['criterion']}.",
        "It holds for accuracy and for which images a run gets right.",
        f"Intervals of AUCs and p: {_test_words(told['test'])}, paired, by patient. Holm: p corrected for all pairs.",
        *([f"Differences have {told['reason']}."] if told["reason"] else []),
        f"only first right, only second: {told['unit']} that one run gets right and the other wrong, tested exactly.",
    ]
    if told["synthetic"]:
        lines.append("SYNTHETIC DATA: these figures say nothing about real mammograms.")
    if notes := sorted({run["weights_note"] for run in told["runs"]}):
        lines.append("Weights: " + "; ".join(notes) + ".")
    return "\n".join(line if "\n" in line else wrap(line) for line in lines)


def _left_out(told: dict[str, Any]) -> list[str]:
    """What runs of other splits or labels were also scored on."""
    lost = [f"{run['left_out']} of {run['run']}" for run in told["runs"] if run["left_out"]]
    return [f"Left out are {told['unit']} that not all runs were scored on: {', '.join(lost)}."] if lost else []


def _test_words(test: str) -> str:
    from mammo.results.comparison import TESTS

    return f"{TESTS[test].label} (--test {test})"


def _run_cells(run: dict[str, Any], test: str) -> list[Any]:
    from mammo.statistics.operating import probability_words

    leaked = max(run["leaked"], run["near_duplicates"])
    bounds = _between(run["auc_bootstrap_interval" if test == "bootstrap" else "auc_interval"])
    figures = [_number(run["auc"]), bounds, probability_words(run["threshold_logit"]), _number(run["accuracy"])]
    figures.append(_between(run["accuracy_interval"]))
    return [run["run"], run["name"], run["n"], *figures, leaked]


def _pair_cells(pair: dict[str, Any]) -> list[Any]:
    from mammo.results.comparison import p_words

    tests = [_between(pair["interval"], "+.3f"), p_words(pair["p"]), p_words(pair["p_holm"])]
    flips = pair["flips"]
    counts = [flips["only_first_right"], flips["only_second_right"], p_words(flips["p"]), p_words(flips["p_holm"])]
    return [_number(pair["auc_difference"], "+.3f"), *tests, *counts]


def _between(interval: list[float | None], form: str = ".3f") -> str:
    from mammo.results.interval_words import interval_words

    return interval_words(interval, form)


def _number(value: float | None, form: str = ".3f") -> str:
    return "-" if value is None else format(value, form)
