"""`mammo look`: show how files are read, alone or as part of a data set."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from mammo.commands.shared import Commands, add_colour_marks, add_command, home_of, say, show, table

if TYPE_CHECKING:
    from mammo.data.look import FileLook

HEADER = ["file", "height", "width", "bits", "depth", "minimum", "maximum", "mean", "centre"]


def add(commands: Commands) -> None:
    """Add the command."""
    purpose = "show how files are read: size, depth and greys, as a trunk sees them"
    parser = add_command(commands, "look", purpose, "mammo look film.dcm --dataset mine --to film.png", run)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="image files of any kind that is read")
    parser.add_argument("--dataset", metavar="NAME", help="read them as this data set does, at the depth it decided")
    parser.add_argument("--frame", type=int, default=0, metavar="N", help="which frame of a multi-frame file, from 1")
    add_colour_marks(parser)
    to = "write a 16-bit PNG as a trunk sees the file; with several files, the folder of their PNGs"
    parser.add_argument("--to", type=Path, metavar="PNG", help=to)


def run(arguments: argparse.Namespace) -> int:
    """Read the files, and print their greys; return 1 where no file can be read."""
    from mammo.data.dataset.dataset import Dataset
    from mammo.data.look import look_at_files
    from mammo.progress import finish

    dataset = Dataset.open(home_of(arguments), arguments.dataset) if arguments.dataset else None
    marks = arguments.colour_marks == "ignore"
    looks = finish(look_at_files(arguments.files, dataset, arguments.frame, arguments.to, colour_marks=marks))
    show(arguments, [dataclasses.asdict(look) for look in looks], text_of(looks))
    unread = sum(look.reason is not None for look in looks)
    if unread:
        say(f"{unread} of {len(looks)} files cannot be read.")
    return 1 if unread == len(looks) else 0


def text_of(looks: list[FileLook]) -> str:
    """The greys as a table, with the notes on each file below it."""
    read = [look for look in looks if look.reason is None]
    parts = [table([[_cell(getattr(look, name)) for name in HEADER] for look in read], HEADER)] if read else []
    for look in looks:
        parts += [f"{look.file}: {sentence}" for sentence in (*look.notes, *([look.reason] if look.reason else []))]
    return "\n".join(parts)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.4f}" if isinstance(value, float) else str(value)
