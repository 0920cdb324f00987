"""Symbolic links: the home and its top folders may be links to a larger disk; deeper links must stay inside."""

from __future__ import annotations

import os
from pathlib import Path

LEADS_OUT = "is a link, or lies behind one, that leads out of its home"


def leads_out(home: Path, path: Path, rooms: bool = True) -> bool:
    """Whether a link on the way from `home` to `path` leads out of the home.

    The home's rooms (its top folders) may be links to anywhere, unless `rooms` is false. Links within a home are
    allowed.
    """
    below = path.relative_to(home).parts
    steps = [home.joinpath(*below[:count]) for count in range(1, len(below) + 1)]
    links = [step for step in steps if step.is_symlink()]
    if not links or (rooms and links == steps[:1]):
        return False
    roots = [home, steps[0]] if rooms else [home]
    real = Path(os.path.realpath(path))
    return not any(real.is_relative_to(os.path.realpath(root)) for root in roots)
