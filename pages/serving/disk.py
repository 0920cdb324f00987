"""Which files of the server's disk a visitor may name: any on one's own machine, those of some folders for others.

Even whether a file exists is told to nobody else.
"""

import os
from pathlib import Path

from pages.serving.hosts import serves_others

DATA_ROOTS = "MAMMO_DATA_ROOTS"
"""The environment variable that lists the folders, as `PATH` lists its own."""


def data_roots() -> list[Path]:
    """The folders whose files visitors may name."""
    return [Path(root).resolve() for root in os.environ.get(DATA_ROOTS, "").split(os.pathsep) if root]


def may_name_files() -> bool:
    """Whether a visitor may name files at all."""
    return not serves_others() or bool(data_roots())


def open_to_visitors(name: str) -> Path | None:
    """The file of a name; None where there is none, where the name is too strange, or where it is not for visitors."""
    try:
        path = Path(name).expanduser()
        if serves_others():
            path = path.resolve()
            if not any(path.is_relative_to(root) for root in data_roots()):
                return None
        return path if path.is_file() else None
    except (OSError, RuntimeError, ValueError):
        return None
