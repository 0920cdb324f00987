"""`mammo split`: the parts of a split and its leakage."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from mammo.commands.shared import POLICIES, PROTOCOLS, Commands, add_command, home_of, say, show, table
from mammo.specs import SplitSpec

if TYPE_CHECKING:
    import pandas as pd


def add(commands: Commands) -> None:
    """Add the command."""
    example = "mammo split phantom --protocol patient --seed 0"
    parser = add_command(commands, "split", "show the parts of a split and its leakage", example, run)
    parser.add_argument("dataset", metavar="NAME", help="the data set")
    parser.add_argument("--protocol", default="patient", help=PROTOCOLS)
    parser.add_argument("--labels", default="merged", help=POLICIES)
    parser.add_argument("--seed", type=int, default=0, help="fixes the test set (default: 0)")
    redraw = "the number of the draw of train and validation; under five-fold, the test fold, 0 to 4 (default: 0)"
    parser.add_argument("--redraw", type=int, default=0, help=redraw)
    parser.add_argument("--kind", default="full", help="full mammograms (default) or crop")


def run(arguments: argparse.Namespace) -> int:
    """Draw the split and print its parts and leakage."""
    from mammo.data.dataset.dataset import Dataset
    from mammo.data.splits.leakage import COUNTS
    from mammo.data.splits.protocols import OUT, PARTS, sizes
    from mammo.runs.stored_splits import split_of

    spec = SplitSpec(arguments.protocol, arguments.seed, arguments.redraw, labels=arguments.labels)
    home = home_of(arguments)
    dataset = Dataset.open(home, arguments.dataset)
    images = dataset.table(arguments.kind)
    parts, leaks = split_of(home, dataset, arguments.kind, spec)
    by_part = {name: images[parts == number] for name, number in {**PARTS, "left out": OUT}.items()}
    rows = [[name, len(part), _malignant(part), part["patient"].nunique()] for name, part in by_part.items()]
    text = [table(rows, ["part", "images", dataset.classes.positive, "patients"]), ""]
    shared = [[words, "-" if leaks[name] is None else leaks[name]] for name, words in COUNTS.items()]
    text.append(table(shared, ["leak", "count"]))
    if leaks["near_duplicates"] is None:
        text.append("Near-duplicates are not known: the index holds no hashes of the images.")
    for note in dataset.notes:
        say(f"Note: {note}")
    malignant = {name: _malignant(by_part[name]) for name in PARTS}
    content = {"protocol": spec.protocol, "labels": spec.labels, **sizes(parts), "left_out": len(by_part["left out"])}
    show(arguments, {**content, "malignant": malignant, "leakage": leaks}, "\n".join(text))
    return 0


def _malignant(images: pd.DataFrame) -> int:
    return int((images["label"] == "malignant").sum())
