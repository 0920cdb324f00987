"""Which files of the server's disk a visitor may name: any file on one's own machine, else only those of set folders.

Outside these folders a visitor cannot even learn whether a file exists.
"""

import os
from pathlib import Path

from pages.serving.hosts import serves_others

DATA_ROOTS = "MAMMO_DATA_ROOTS"
"""The environment variable that lists the folders, separated as in `PATH`."""


def data_roots() -> list[Path]:
    """The folders whose files visitors may name."""
    return [Path(root).resolve() for root in os.environ.get(DATA_ROOTS, "").split(os.pathsep) if root]


def may_name_files() -> bool:
    """Whether a visitor may name files at all."""
    return not serves_others() or bool(data_roots())


def visitor_file(name: str) -> Path | None:
    """The path of a file; None where the file is missing, its name is invalid, or visitors may not name it."""
    try:
        path = Path(name).expanduser()
        if serves_others():
            path = path.resolve()
            if not any(path.is_relative_to(root) for root in data_roots()):
                return None
        return path if path.is_file() else None
    except (OSError, RuntimeError, ValueError):
        return None
