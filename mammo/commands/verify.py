"""`mammo verify`: every byte of the caches against its digest."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

from mammo.commands.shared import Commands, add_command, home_of, show, with_bar


def add(commands: Commands) -> None:
    """Add the command."""
    example = "mammo verify --repair"
    parser = add_command(commands, "verify", "check every chunk of every cache, and repair damaged ones", example, run)
    parser.add_argument("cache", nargs="?", metavar="CACHE", help="one cache (default: all)")
    parser.add_argument("--repair", action="store_true", help="compute damaged chunks again")
    parser.add_argument("--weights", type=Path, metavar="FILE", help="the weights file of caches made from one")


def run(arguments: argparse.Namespace) -> int:
    """Verify, repair if asked to, and end with 1 where damage was found and remains."""
    from mammo.features.verify import repair, verify

    home = home_of(arguments)
    found = with_bar(verify(home, arguments.cache))
    damaged = [dataclasses.asdict(one) for one in found.damaged]
    lines = [f"{found.caches} caches, {found.chunks} chunks: {len(damaged)} damaged."]
    lines += [f"{one['cache']}: the chunk {one['chunk']} {one['reason']}." for one in damaged]
    content = {"caches": found.caches, "chunks": found.chunks, "damaged": damaged, "repaired": False}
    if damaged and arguments.repair:
        with_bar(repair(home, found.damaged, arguments.weights))
        content["repaired"] = True
        lines.append("Repaired: the digests are again those that were written.")
    elif damaged:
        lines.append("Run `mammo verify --repair` to compute the damaged chunks again.")
    show(arguments, content, "\n".join(lines))
    return 1 if damaged and not content["repaired"] else 0
