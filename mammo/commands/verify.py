"""`mammo verify`: every byte of a home against what was written."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mammo.commands.shared import Commands, add_command, home_of, say, show, with_bar
from mammo.errors import MammoError

if TYPE_CHECKING:
    from mammo.specs import Home
    from mammo.verify import Verified


def add(commands: Commands) -> None:
    """Add the command."""
    example = "mammo verify --repair"
    purpose = "check every file of caches, sweeps and data sets, and repair those that can be"
    parser = add_command(commands, "verify", purpose, example, run)
    parser.add_argument("cache", nargs="?", metavar="NAME", help="one cache, sweep or data set (default: all)")
    parser.add_argument("--repair", action="store_true", help="compute damaged chunks again, write damaged notes anew")
    parser.add_argument("--weights", type=Path, metavar="FILE", help="the weights file of caches made from one")


def run(arguments: argparse.Namespace) -> int:
    """Verify, repair if asked to, and end with 1 where damage remains."""
    from mammo.verify import verify

    home = home_of(arguments)
    found = with_bar(verify(home, arguments.cache))
    content: dict[str, Any] = {"caches": found.caches, "chunks": found.chunks}
    content |= {"sweeps": found.sweeps, "datasets": found.datasets, "damaged": found.to_json(), "repaired": False}
    numbers = {"cache": found.caches, "chunk": found.chunks, "sweep": found.sweeps, "data set": found.datasets}
    counts = ", ".join(f"{number:,} {name}{'' if number == 1 else 's'}" for name, number in numbers.items())
    lines = [f"{counts}: {len(content['damaged'])} damaged.", *_lines(found)]
    remaining, failed = found, False
    if arguments.repair and not found.sound:
        failed = _repair(home, found, arguments.weights)
        remaining = with_bar(verify(home, arguments.cache))
        content["repaired"] = remaining.sound and not failed
        lines += ["Repaired: all is again what was written."] if content["repaired"] else ["Damaged after the repair:"]
        lines += _lines(remaining)
    elif not found.sound:
        lines.append("Run `mammo verify --repair` to compute damaged chunks again and to write damaged notes anew.")
    show(arguments, {**content, "remaining": remaining.to_json()}, "\n".join(lines))
    return 0 if remaining.sound and not failed else 1


def _repair(home: Home, found: Verified, weights: Path | None) -> bool:
    """Repair what can be, and tell why something cannot; whether anything failed."""
    from mammo.verify import repair, repair_others

    failed = False
    try:
        repair_others(home, found.others)
    except MammoError as error:
        failed = True
        say(str(error))
    try:
        with_bar(repair(home, found.damaged, weights))
    except MammoError as error:
        failed = True
        say(str(error))
    return failed


def _lines(found: Verified) -> list[str]:
    lines = []
    for one in found.damaged:
        chunk = "the chunk " if one.file != one.chunk else ""
        lines.append(f"{one.cache}: {chunk}{one.chunk} {one.reason}.")
    return [*lines, *(one.sentence for one in found.others)]
