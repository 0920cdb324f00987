"""`mammo index`: mammogram files become a data set."""

from __future__ import annotations

import argparse
from pathlib import Path

from mammo.commands.shared import Commands, add_common, home_of, say, show, table, with_bar


def add(commands: Commands) -> None:
    """Add the command and its sources."""
    purpose = "index mammograms into a data set"
    parser = commands.add_parser("index", help=purpose, description=purpose[0].upper() + purpose[1:] + ".")
    sources = parser.add_subparsers(dest="source", required=True, metavar="SOURCE")
    _add_phantom(sources)
    _add_cbis_ddsm(sources)


def _add_phantom(sources: Commands) -> None:
    purpose = "write synthetic mammograms in the layout of CBIS-DDSM and index them"
    example = "mammo index phantom --images 400 --seed 7 --as phantom"
    parser = sources.add_parser("phantom", help=purpose, epilog=f"example:\n  {example}", **_RAW)
    parser.add_argument("--images", type=int, default=400, help="full mammograms to write (default: 400)")
    parser.add_argument("--seed", type=int, default=0, help="the same seed gives the same files (default: 0)")
    _finish(parser)


def _add_cbis_ddsm(sources: Commands) -> None:
    purpose = "index a download of CBIS-DDSM"
    example = "mammo index cbis-ddsm ~/Downloads/manifest-1234 --csv ~/Downloads/csv --as cbis"
    parser = sources.add_parser("cbis-ddsm", help=purpose, epilog=f"example:\n  {example}", **_RAW)
    parser.add_argument("root", type=Path, metavar="ROOT", help="the folder that holds CBIS-DDSM/")
    parser.add_argument("--csv", type=Path, metavar="DIR", help="the folder of the four case CSVs, if not beside them")
    _finish(parser)


_RAW = {"formatter_class": argparse.RawDescriptionHelpFormatter}


def _finish(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--as", dest="name", required=True, metavar="NAME", help="the name of the data set")
    add_common(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Index, and print what was found."""
    from mammo.data.index import index_cbis_ddsm, index_phantom, summary

    home = home_of(arguments)
    if arguments.source == "phantom":
        dataset = with_bar(index_phantom(home, arguments.name, arguments.images, arguments.seed))
    else:
        dataset = with_bar(index_cbis_ddsm(home, arguments.name, arguments.root, arguments.csv))
    found = summary(dataset)
    if found["quarantined"]:
        say(
            f"{len(found['quarantined'])} files were set aside; they are listed in {dataset.folder / 'quarantine.csv'}."
        )
    show(arguments, found, _text(found))
    return 0


def _text(found: dict[str, object]) -> str:
    counts = ("images", "views", "lesions", "patients", "labels", "conflicts", "kinds")
    rows = [[name, _plain(found[name])] for name in counts]
    kind = "synthetic data set" if found["synthetic"] else "data set"
    return f"The {kind} {found['dataset']}:\n" + table(rows, ["what", "count"])


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{count} {str(name).replace('_', ' ')}" for name, count in value.items())
    return str(value)
