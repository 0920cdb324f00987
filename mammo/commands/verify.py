"""`mammo verify`: compare every byte of a home with what was written."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mammo.commands.shared import Commands, add_command, home_of, say, show, with_bar
from mammo.errors import MammoError

if TYPE_CHECKING:
    from mammo.specs import Home
    from mammo.verify import Verification


def add(commands: Commands) -> None:
    """Add the command."""
    example = "mammo verify --repair"
    purpose = "check every file of caches, sweeps and data sets, and repair what can be repaired"
    parser = add_command(commands, "verify", purpose, example, run)
    parser.add_argument("cache", nargs="?", metavar="NAME", help="one cache, sweep or data set (default: all)")
    parser.add_argument("--repair", action="store_true", help="compute damaged chunks again, write damaged notes again")
    parser.add_argument("--weights", type=Path, metavar="FILE", help="the weights file of caches made from one")


def run(arguments: argparse.Namespace) -> int:
    """Verify, repair with `--repair`, and return 1 where damage remains."""
    from mammo.verify import verify

    home = home_of(arguments)
    verification = with_bar(verify(home, arguments.cache))
    content: dict[str, Any] = {"caches": verification.caches, "chunks": verification.chunks}
    content |= {
        "sweeps": verification.sweeps,
        "datasets": verification.datasets,
        "damaged": verification.to_json(),
        "repaired": False,
    }
    numbers = {
        "cache": verification.caches,
        "chunk": verification.chunks,
        "sweep": verification.sweeps,
        "data set": verification.datasets,
    }
    counts = ", ".join(f"{number:,} {name}{'' if number == 1 else 's'}" for name, number in numbers.items())
    lines = [f"{counts}: {len(content['damaged'])} damaged.", *_lines(verification)]
    remaining, failed = verification, False
    if arguments.repair and not verification.sound:
        failed = _repair(home, verification, arguments.weights)
        remaining = with_bar(verify(home, arguments.cache))
        content["repaired"] = remaining.sound and not failed
        lines += ["Repaired: all is again what was written."] if content["repaired"] else ["Damaged after the repair:"]
        lines += _lines(remaining)
    elif not verification.sound:
        lines.append("Run `mammo verify --repair` to compute damaged chunks again and to write damaged notes anew.")
    show(arguments, {**content, "remaining": remaining.to_json()}, "\n".join(lines))
    return 0 if remaining.sound and not failed else 1


def _repair(home: Home, verification: Verification, weights: Path | None) -> bool:
    """Repair what can be repaired, and print the errors; return whether anything failed."""
    from mammo.verify import repair, repair_items

    failed = False
    try:
        repair_items(home, verification.damaged_items)
    except MammoError as error:
        failed = True
        say(str(error))
    try:
        with_bar(repair(home, verification.damaged, weights))
    except MammoError as error:
        failed = True
        say(str(error))
    return failed


def _lines(verification: Verification) -> list[str]:
    lines = []
    for damage in verification.damaged:
        chunk = "the chunk " if damage.file != damage.chunk else ""
        lines.append(f"{damage.cache}: {chunk}{damage.chunk} {damage.reason}.")
    return [*lines, *(item.sentence for item in verification.damaged_items)]
