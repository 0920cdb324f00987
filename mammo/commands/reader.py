"""`mammo reader`: the radiologists' own ROC, from their BI-RADS assessments."""

from __future__ import annotations

import argparse
from typing import Any

from mammo.commands.shared import Commands, add_command, home_of, show, table

ROWS = {"image": "by image", "lesion": "by lesion", "mass": "masses", "calc": "calcifications"}


def add(commands: Commands) -> None:
    """Add the command."""
    purpose = "show the radiologists' own ROC: their BI-RADS assessments on the official test set"
    parser = add_command(commands, "reader", purpose, "mammo reader cbis-ddsm", run)
    parser.add_argument("dataset", metavar="NAME", help="the data set")


def run(arguments: argparse.Namespace) -> int:
    """Print the reader's AUC and what calling BI-RADS 4 and 5 malignant finds."""
    from mammo.data.dataset import Dataset
    from mammo.results.reader import reader_summary

    dataset = Dataset.open(home_of(arguments), arguments.dataset)
    told = reader_summary(dataset.images, dataset.held)
    show(arguments, {"dataset": dataset.name, "synthetic": dataset.synthetic, **told}, text_of(told, dataset.synthetic))
    return 0


def text_of(told: dict[str, Any], synthetic: bool) -> str:
    """The figures as a table, and below it what must be known about them."""
    header = ["reader", "n", "malignant", "AUC", "95 % interval", "sensitivity", "specificity", "without BI-RADS"]
    lines = [table([[words, *_cells(told[name])] for name, words in ROWS.items()], header)]
    where = "the official test set" if told["part"] == "test" else "all images, since no official test set is named"
    lines.append(f"On {where}. The score is the BI-RADS assessment, with 0 between 3 and 4; an image has its highest.")
    lines.append("Sensitivity and specificity are those of calling BI-RADS 4 and above malignant.")
    if synthetic:
        lines.append("SYNTHETIC DATA: these figures say nothing about real readers.")
    return "\n".join(lines)


def _cells(one: dict[str, Any]) -> list[Any]:
    from mammo.results.interval_words import interval_words

    bounds = interval_words(one["interval"], reason=one["reason"]) if one["interval"] else "-"
    shares = [_number(one[name]["value"] if one[name] else None) for name in ("sensitivity", "specificity")]
    return [one["n"], one["positives"], _number(one["auc"]), bounds, *shares, one["left_out"]]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
