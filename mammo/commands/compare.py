"""`mammo compare`: test whether runs differ."""

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
    tests = "the test of differences in AUC: delong (default) or bootstrap, both paired and by patient"
    parser.add_argument("--test", default="delong", help=tests)


def run(arguments: argparse.Namespace) -> int:
    """Print all runs with their intervals, and all pairs with their tests."""
    from mammo.results.comparison import TESTS, differences, shared_images
    from mammo.runs.stored_run import stored_runs
    from mammo.specs import pick

    pick(TESTS, arguments.test, "test")
    runs = stored_runs(home_of(arguments), dict.fromkeys(arguments.runs))
    shared = shared_images(runs, arguments.part)
    criterion = criterion_of(arguments)
    thresholds = [criterion.threshold(run.scored("validation")) for run in runs]
    content = document(runs, shared, differences(shared, thresholds), thresholds, arguments.part, arguments.test)
    content = {**content, "rule": criterion.rule, "criterion": criterion.words}
    show(arguments, content, text_of(content))
    return 0


def document(
    runs: list[StoredRun],
    shared: SharedImages,
    pairs: list[Difference],
    thresholds: list[float],
    part: str,
    test: str = "delong",
) -> dict[str, Any]:
    """The comparison as plain JSON values; `test` is the one that gives the verdicts."""
    from mammo.results.comparison import verdict
    from mammo.statistics.few import lack_of_patients
    from mammo.storage.json_files import json_value

    shared, names = shared.arranged, [run.id for run in runs]
    content = {
        "part": part,
        "unit": runs[0].unit,
        "n": shared.labels.size,
        "malignant": shared.labels.sum(),
        "classes": runs[0].sweep.classes.to_json(),
        "patients": len(set(shared.patients.tolist())),
        "synthetic": runs[0].sweep.synthetic,
        "runs": _runs_json(runs, shared, thresholds, part),
        "test": test,
        "reason": lack_of_patients(shared.labels, shared.patients, classes=shared.classes) or None,
        "pairs": [
            _pair_json(pair, names, shared.labels.size, test, verdict(pair, names, len(pairs), test)) for pair in pairs
        ],
    }
    document: dict[str, Any] = json_value(content)
    return document


def _runs_json(runs: list[StoredRun], shared: SharedImages, thresholds: list[float], part: str) -> list[dict[str, Any]]:
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
        columns = {"run": run.id, "name": names[run.id], "n": shared.labels.size, "left_out": shared.left_out[row]}
        columns |= {name: values[row] for name, values in figures.items()}
        columns |= {"leaked": scored.leaked, "near_duplicates": scored.repeated, "weights_note": run.weights_note}
        rows.append(columns)
    return rows


def _pair_json(pair: Difference, names: list[str], images: int, test: str, verdict: str) -> dict[str, Any]:
    flips = pair.flips
    counts = {"both_right": flips.both, "only_first_right": flips.first_only, "only_second_right": flips.second_only}
    return {
        "first": names[pair.first],
        "second": names[pair.second],
        "n": images,
        "auc_difference": pair.value,
        **_test_json(pair.result(test)),
        "reason": pair.reason or None,
        "verdict": verdict,
        "delong": _test_json(pair.delong),
        "bootstrap": _test_json(pair.bootstrap),
        "flips": {**counts, "both_wrong": flips.neither, "p": flips.p_value, "p_holm": pair.flips_corrected},
    }


def _test_json(test: PairedResult) -> dict[str, Any]:
    return {"interval": test.interval, "p": test.p_value, "p_holm": test.corrected}


def text_of(content: dict[str, Any]) -> str:
    """The comparison as two tables, with notes and warnings below them."""
    number_of = {run["run"]: str(number) for number, run in enumerate(content["runs"], start=1)}
    header = ["", "run", "name", "n", "AUC", "95 % interval", "above", "accuracy", "95 % interval", "leaked"]
    runs = [[number_of[run["run"]], *_run_cells(run, content["test"])] for run in content["runs"]]
    pairs = ["pair", "AUC difference", "95 % interval", "p", "Holm", "only first right", "only second", "p", "Holm"]
    lines = [
        f"Compared on the {content['n']} {content['part']} {content['unit']} of {content['patients']} patients "
        f"that all were scored on, {content['malignant']} of them {content['classes']['positive']}.",
        *_left_out(content),
        "",
        table(runs, header),
        "",
        table(
            [
                [f"{number_of[pair['first']]} − {number_of[pair['second']]}", *_pair_cells(pair)]
                for pair in content["pairs"]
            ],
            pairs,
        ),
        *(f"{number_of[pair['first']]} − {number_of[pair['second']]}: {pair['verdict']}." for pair in content["pairs"]),
        "",
        f"above: the probability above which a run calls {content['classes']['positive']}. "
        f"Rule on validation: {content['criterion']}.",
        "It holds for accuracy and for which images a run gets right.",
        f"Intervals of AUCs and p: {_test_words(content['test'])}, paired, by patient. "
        "Holm: p corrected for all pairs.",
        *([f"Differences have {content['reason']}."] if content["reason"] else []),
        f"only first right, only second: {content['unit']} that one run gets right and the other wrong, "
        "tested exactly.",
    ]
    if content["synthetic"]:
        lines.append("SYNTHETIC DATA: these figures say nothing about real mammograms.")
    if notes := sorted({run["weights_note"] for run in content["runs"]}):
        lines.append("Weights: " + "; ".join(notes) + ".")
    return "\n".join(line if "\n" in line else wrap(line) for line in lines)


def _left_out(content: dict[str, Any]) -> list[str]:
    """A line on the images that some runs were scored on but not all, empty where there are none."""
    lost = [f"{run['left_out']} of {run['run']}" for run in content["runs"] if run["left_out"]]
    return [f"Left out are {content['unit']} that not all runs were scored on: {', '.join(lost)}."] if lost else []


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
