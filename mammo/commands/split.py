"""`mammo split`: the sizes of a split and what it leaks."""

from __future__ import annotations

import argparse

from mammo.commands.shared import POLICIES, PROTOCOLS, Commands, add_command, home_of, show, table
from mammo.specs import SplitSpec


def add(commands: Commands) -> None:
    """Add the command."""
    example = "mammo split phantom --protocol patient --seed 0"
    parser = add_command(commands, "split", "show the sizes of a split and what it leaks", example, run)
    parser.add_argument("dataset", metavar="NAME", help="the data set")
    parser.add_argument("--protocol", default="patient", help=PROTOCOLS)
    parser.add_argument("--labels", default="merged", help=POLICIES)
    parser.add_argument("--seed", type=int, default=0, help="fixes the test set (default: 0)")
    parser.add_argument("--redraw", type=int, default=0, help="draws train and validation anew (default: 0)")
    parser.add_argument("--kind", default="full", help="full mammograms (default) or crop")


def run(arguments: argparse.Namespace) -> int:
    """Draw the split and print its sizes and leakage."""
    from mammo.data.dataset import Dataset
    from mammo.data.leakage import COUNTS, leakage
    from mammo.data.splits import OUT, draw, sizes

    spec = SplitSpec(arguments.protocol, arguments.seed, arguments.redraw, labels=arguments.labels)
    images = Dataset.open(home_of(arguments), arguments.dataset).table(arguments.kind)
    parts = draw(images, spec)
    leaks = leakage(images, parts)
    rows = [[f"{name} images", count] for name, count in sizes(parts).items()]
    left_out = int((parts == OUT).sum())
    rows.append(["images left out", left_out])
    rows += [[words, "-" if leaks[name] is None else leaks[name]] for name, words in COUNTS.items()]
    told = {"protocol": spec.protocol, "labels": spec.labels, **sizes(parts), "left_out": left_out, "leakage": leaks}
    show(arguments, told, table(rows, ["what", "count"]))
    return 0
