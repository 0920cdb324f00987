"""`mammo licence`: what may leave the house of a data set, shown or recorded."""

from __future__ import annotations

import argparse

from mammo.commands.shared import Commands, add_command, home_of, show


def add(commands: Commands) -> None:
    """Add the command."""
    purpose = "show what may leave of a data set, or record its licence"
    parser = add_command(commands, "licence", purpose, "mammo licence phantom-demo no-pixels", run)
    parser.add_argument("dataset", metavar="NAME", help="the data set")
    named = "the licence to record: open, no-pixels or no-derivatives (without it, the one that is recorded is shown)"
    parser.add_argument("licence", nargs="?", metavar="LICENCE", help=named)
    parser.add_argument("--attribution", metavar="TEXT", help="how the source of the images wants to be named")


def run(arguments: argparse.Namespace) -> int:
    """Record a licence where one is named, and print what may leave."""
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
    licence, named = licence_of(dataset.about), attribution_of(dataset.about)
    told = {"dataset": name, "licence": dataset.about.get(LICENCE), "leaves": licence.leaves, "attribution": named}
    text = f"{name}: {licence.label}. {licence.description} {licence.words}"
    show(arguments, told, f"{text}\nTo be named: {named}" if named else text)
    return 0
