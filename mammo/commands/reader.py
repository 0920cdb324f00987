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
    meaning = "what BI-RADS 0 counts as: recall (default), benign, or none: such images take no part"
    parser.add_argument("--recall-zero", default="recall", metavar="WAY", help=meaning)


def run(arguments: argparse.Namespace) -> int:
    """Print the reader's AUC and what calling BI-RADS 4 and 5 malignant finds."""
    from mammo.data.dataset.dataset import Dataset
    from mammo.runs.reader import reader_summary

    dataset = Dataset.open(home_of(arguments), arguments.dataset)
    told = reader_summary(dataset.images, dataset.available_lesions, dataset.about, arguments.recall_zero)
    text = text_of(told, dataset.synthetic, dataset.classes)
    show(arguments, {"dataset": dataset.name, "synthetic": dataset.synthetic, **told}, text)
    return 0


def text_of(told: dict[str, Any], synthetic: bool, classes: ClassNames) -> str:
    """The figures as a table, and below it what must be known about them."""
    from mammo.data.birads import ZEROS

    said = [told["reason"]] if told["reason"] else []
    if told["circular"]:
        return "\n".join(said)
    lines = [_areas(told, classes), "", _points(told, classes)]
    where = "the official test set" if told["part"] == "test" else "all images, since no official test set is named"
    lines.append(f"On {where}. The score is the BI-RADS assessment; an image has its highest.")
    lines.append(ZEROS[told["zero"]].description)
    lines.append(
        f"Sensitivity and specificity, with their 95 % intervals by patient, are those of calling BI-RADS 4 and above "
        f"{classes.positive}, with 0 and without."
    )
    if synthetic:
        said.append("SYNTHETIC DATA: these figures say nothing about real readers.")
    return "\n".join(lines + said)


def _areas(summary: dict[str, Any], classes: ClassNames) -> str:
    """The AUC of every kind of lesion and of images."""
    header = ["reader", "n", classes.positive, "AUC", "95 % interval", "without BI-RADS"]
    rows = []
    for name, words in ROWS.items():
        figures = summary[name]
        if name != "image" and not figures["n"] + figures["left_out"]:
            continue
        counts = [figures["n"], figures["positives"]]
        rows.append([words, *counts, _number(figures["auc"]), _bounds(figures), figures["left_out"]])
    return table(rows, header)


def _points(summary: dict[str, Any], classes: ClassNames) -> str:
    """What calling high assessments malignant gets right."""
    header = ["reader", f"{classes.positive} from"]
    header += [f"{share}, 95 %" for share in SHARES]
    rows = []
    for name, words in ROWS.items():
        for point in summary[name]["operating"]:
            rows.append([words, f"BI-RADS {point['birads']}", *(_share(point[share]) for share in SHARES)])
    return table(rows, header)


def _share(share: dict[str, Any] | None) -> str:
    """A share and its interval in one cell: apart, a narrow table would part them."""
    return f"{_number(share['value'])} ({_bounds(share)})" if share else "-"


def _bounds(figures: dict[str, Any]) -> str:
    from mammo.results.interval_words import interval_words

    return interval_words(figures["interval"], reason=figures.get("reason") or "") if figures["interval"] else "-"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
