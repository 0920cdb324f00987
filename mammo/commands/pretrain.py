"""`mammo pretrain`: train the mini trunks as their shipped weights were trained."""

from __future__ import annotations

import argparse
from pathlib import Path

from mammo.commands.shared import Commands, add_command, show, table, with_bar


def add(commands: Commands) -> None:
    """Add the command."""
    purpose = "train a mini trunk on synthetic lesions, as its shipped weights were"
    parser = add_command(commands, "pretrain", purpose, "mammo pretrain vgg16-mini --seed 1", run)
    parser.add_argument("trunk", metavar="TRUNK", help="vgg16-mini or resnet50-mini")
    parser.add_argument("--seed", type=int, default=1, help="the seed (default: 1)")
    parser.add_argument(
        "--to", type=Path, metavar="DIR", help="the folder to write into (default: that of the shipped ones)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Train and print the figures."""
    from mammo.features.pretraining.pretrain import pretrain

    figures = with_bar(pretrain(arguments.trunk, arguments.seed, arguments.to))
    show(arguments, figures, table([[name, value] for name, value in figures.items()], ["what", "figure"]))
    return 0
