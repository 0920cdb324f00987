"""`mammo reader`: the radiologists' own ROC, from their BI-RADS assessments."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from mammo.commands.shared import Commands, add_command, home_of, show, table

if TYPE_CHECKING:
    from mammo.specs.class_names import ClassNames

SHARES = ("sensitivity", "specificity")
ROWS = {"image": "by image", "lesion": "by lesion", "mass": "masses", "calc": "calcifications"}


def add(commands: Commands) -> None:
    """Add the command."""
    purpose = "show the radiologists' own ROC: their BI-RADS assessments on the official test set"
    parser = add_command(commands, "reader", purpose, "mammo reader cbis-ddsm", run)
    parser.add_argument("dataset", metavar="NAME", help="the data set")
    meaning = "what BI-RADS 0 counts as: recall (default), benign, or none: such images are left out"
    parser.add_argument("--recall-zero", default="recall", metavar="WAY", help=meaning)


def run(arguments: argparse.Namespace) -> int:
    """Print the reader's AUC, and sensitivity and specificity at BI-RADS 4."""
    from mammo.data.dataset.dataset import Dataset
    from mammo.runs.reader import reader_summary

    dataset = Dataset.open(home_of(arguments), arguments.dataset)
    summary = reader_summary(dataset.images, dataset.available_lesions, dataset.about, arguments.recall_zero)
    text = text_of(summary, dataset.synthetic, dataset.classes)
    show(arguments, {"dataset": dataset.name, "synthetic": dataset.synthetic, **summary}, text)
    return 0


def text_of(summary: dict[str, Any], synthetic: bool, classes: ClassNames) -> str:
    """The figures as two tables, with notes and warnings below them."""
    from mammo.data.birads import ZEROS

    warnings = [summary["reason"]] if summary["reason"] else []
    if summary["circular"]:
        return "\n".join(warnings)
    lines = [_auc_table(summary, classes), "", _operating_table(summary, classes)]
    where = "the official test set" if summary["part"] == "test" else "all images, since no official test set is named"
    lines.append(f"On {where}. The score is the BI-RADS assessment; an image has its highest.")
    lines.append(ZEROS[summary["zero"]].description)
    lines.append(
        f"Sensitivity and specificity, with their 95 % intervals by patient, are those of calling BI-RADS 4 and above "
        f"{classes.positive}, with 0 and without."
    )
    if synthetic:
        warnings.append("SYNTHETIC DATA: these figures say nothing about real readers.")
    return "\n".join(lines + warnings)


def _auc_table(summary: dict[str, Any], classes: ClassNames) -> str:
    """The table of AUCs: by image, by lesion and by kind of lesion."""
    header = ["reader", "n", classes.positive, "AUC", "95 % interval", "without BI-RADS"]
    rows = []
    for name, words in ROWS.items():
        figures = summary[name]
        if name != "image" and not figures["n"] + figures["left_out"]:
            continue
        counts = [figures["n"], figures["positives"]]
        rows.append([words, *counts, _number(figures["auc"]), _bounds(figures), figures["left_out"]])
    return table(rows, header)


def _operating_table(summary: dict[str, Any], classes: ClassNames) -> str:
    """The table of sensitivity and specificity by BI-RADS threshold."""
    header = ["reader", f"{classes.positive} from"]
    header += [f"{share}, 95 %" for share in SHARES]
    rows = []
    for name, words in ROWS.items():
        for point in summary[name]["operating"]:
            rows.append([words, f"BI-RADS {point['birads']}", *(_share(point[share]) for share in SHARES)])
    return table(rows, header)


def _share(share: dict[str, Any] | None) -> str:
    """A share and its interval in one cell, so that a narrow table cannot separate them."""
    return f"{_number(share['value'])} ({_bounds(share)})" if share else "-"


def _bounds(figures: dict[str, Any]) -> str:
    from mammo.results.interval_words import interval_words

    return interval_words(figures["interval"], reason=figures.get("reason") or "") if figures["interval"] else "-"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
