"""`mammo licence`: show or record what others may get of a data set."""

from __future__ import annotations

import argparse

from mammo.commands.shared import Commands, add_command, home_of, show


def add(commands: Commands) -> None:
    """Add the command."""
    purpose = "show what the licence of a data set lets others get, or record its licence"
    parser = add_command(commands, "licence", purpose, "mammo licence phantom-demo no-pixels", run)
    parser.add_argument("dataset", metavar="NAME", help="the data set")
    licence = "the licence to record: open, no-pixels or no-derivatives (without it, the recorded one is shown)"
    parser.add_argument("licence", nargs="?", metavar="LICENCE", help=licence)
    parser.add_argument("--attribution", metavar="TEXT", help="how the source of the images wants to be named")


def run(arguments: argparse.Namespace) -> int:
    """Record a licence where the command line has one, and print what it allows."""
    from mammo.data.dataset.dataset import Dataset
    from mammo.data.dataset.licence import LICENCE, attribution_of, licence_of
    from mammo.data.dataset.relicensing import record_licence
    from mammo.errors import MammoError

    home, name = home_of(arguments), arguments.dataset
    if arguments.attribution is not None and not arguments.licence:
        raise MammoError("Name the licence beside --attribution: open, no-pixels or no-derivatives.")
    if arguments.licence:
        dataset = record_licence(home, name, arguments.licence, arguments.attribution)
    else:
        dataset = Dataset.open(home, name)
    licence, attribution = licence_of(dataset.about), attribution_of(dataset.about)
    content = {"dataset": name, "licence": dataset.about.get(LICENCE), "leaves": licence.leaves}
    text = f"{name}: {licence.label}. {licence.description} {licence.words}"
    text += f"\nTo be named: {attribution}" if attribution else ""
    show(arguments, {**content, "attribution": attribution}, text)
    return 0
