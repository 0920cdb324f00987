"""The home folder, in which specs name folders."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from mammo.errors import MammoError
from mammo.specs.names import NAME, check_name
from mammo.storage.links import LEADS_OUT, leads_out

SHARED = "shared.json"
"""The file by which a home is known as one that was written to be shared, and that nothing is to be added to."""
READ_ONLY = "MAMMO_READ_ONLY"
"""The environment variable by which a server lets its visitors add nothing."""


@dataclass(frozen=True)
class Home:
    """The one folder under which everything is written: data sets, features, sweeps and jobs."""

    path: Path

    def __post_init__(self) -> None:
        """Take a path or its text; it stays the same place when the working directory changes."""
        object.__setattr__(self, "path", Path(self.path).absolute())

    @classmethod
    def default(cls) -> Home:
        """`$MAMMO_HOME`, or `cache` in the folder of the caller."""
        return cls(Path(os.environ.get("MAMMO_HOME") or "cache"))

    @property
    def shared(self) -> bool:
        """Whether this is a demo to look at, which nothing is to be added to."""
        return (self.path / SHARED).is_file()

    @property
    def read_only(self) -> bool:
        """Whether nothing is to be added: to a demo, or by the visitors of a server that was started so."""
        return self.shared or bool(os.environ.get(READ_ONLY))

    def refuse_shared(self) -> None:
        """Raise MammoError where nothing is to be added."""
        if self.shared:
            raise MammoError("This is a shared home to look at: nothing can be added to it.")
        if self.read_only:
            raise MammoError("This server was started with --read-only: nothing can be added.")

    def leads_out(self, *paths: Path) -> Path | None:
        """The first of some paths below a room that a link leads out of the home, and of its rooms unless shared."""
        return next((path for path in paths if leads_out(self.path, path, rooms=not self.shared)), None)

    def refuse_links(self, *folders: Path) -> None:
        """Raise MammoError where a link leads one of some folders out of the home: nothing is written there."""
        if folder := self.leads_out(*folders):
            raise MammoError(
                f"{folder} {LEADS_OUT}: nothing is written there. Remove the link; the home itself, or its folder "
                f"{folder.relative_to(self.path).parts[0]}, may be a link to a larger disk."
            )

    def dataset(self, name: str) -> Path:
        """The folder of the data set `name`."""
        return self.path / "datasets" / check_name(name, "data set")

    def features(self, dataset: str) -> Path:
        """The folder that holds the caches of a data set."""
        return self.path / "features" / check_name(dataset, "data set")

    def cache(self, dataset: str, name: str) -> Path:
        """The folder of one cache."""
        return self.features(dataset) / check_name(name, "cache")

    def sweep(self, name: str) -> Path:
        """The folder of the sweep `name`."""
        return self.path / "sweeps" / check_name(name, "sweep")

    def job(self, name: str) -> Path:
        """The folder of the job `name`."""
        return self.path / "jobs" / check_name(name, "job")

    def names(self, *folders: str) -> list[str]:
        """The names of the folders below `folders`, sorted; a name that is no safe name is left out."""
        place = self.path.joinpath(*folders)
        if not place.is_dir():
            return []
        return sorted(entry.name for entry in place.iterdir() if entry.is_dir() and NAME.fullmatch(entry.name))
