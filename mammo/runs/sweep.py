"""The noun `Sweep`: a table of runs with their scores on every image, opened without torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammo.data.splits.protocols import PARTS
from mammo.errors import DamagedError, DamagedItem, MammoError
from mammo.runs.sweep_files import (
    ABOUT,
    FILES,
    HEADS,
    HISTORY,
    HISTORY_COLUMNS,
    LOGITS,
    OPENED,
    PARTS_FILE,
    FileError,
    are_parts,
    are_scores,
    check_digests,
    compare,
    facts_of,
    open_array,
    read_about,
    read_images,
    read_runs,
    with_digest,
)
from mammo.specs import Home
from mammo.specs.class_names import ClassNames, class_names
from mammo.storage.file_states import file_state, read_consistently
from mammo.storage.json_files import write_json
from mammo.storage.links import LEADS_OUT


@dataclass(frozen=True)
class Sweep:
    """A finished sweep.

    `runs` has one row per run and `images` one row per image; `logits` is (runs, images), stored as float32; `parts` is
    int8 (splits, images); `history` is float32 (runs, epochs, figures) and NaN after the early stop of a head.
    """

    id: str
    folder: Path
    about: dict[str, Any]
    runs: pd.DataFrame
    images: pd.DataFrame
    logits: NDArray[np.floating[Any]]
    parts: NDArray[np.int8]
    history: NDArray[np.float32]

    @classmethod
    def open(cls, home: Home, name: str) -> Sweep:
        """Open the sweep `name`; raises MammoError where there is none, and DamagedError where a file is damaged.

        Of files larger than `sweep_files.READ_WHOLE`, only the size, the shape and the type are checked.
        """
        folder = home.sweep(name)
        return read_consistently([folder / file for file in (ABOUT, *OPENED)], lambda: _opened(home, name))

    @property
    def labels(self) -> NDArray[np.int8]:
        """1 for a malignant image, 0 for a benign one; (images,)."""
        return np.asarray(self.images["label"] == "malignant", dtype=np.int8)

    @property
    def synthetic(self) -> bool:
        """Whether the images are synthetic."""
        return bool(self.about["dataset"]["synthetic"])

    @property
    def classes(self) -> ClassNames:
        """The names of the two classes."""
        return class_names(self.about["dataset"])

    @property
    def level(self) -> str:
        """What a row of `images` stands for: an image, or a breast or patient whose images' scores are fused."""
        return str(self.about.get("level", "image"))

    @property
    def arithmetic(self) -> int | None:
        """The version of the arithmetic that trained the runs; None where it is unknown."""
        version = self.about.get("identity", {}).get("training")
        return None if version is None else int(version)

    @property
    def notes(self) -> list[str]:
        """Warnings about the images and the runs, in sentences."""
        notes = [str(note) for note in (*self.about["dataset"].get("notes", []), *self.about.get("remarks", []))]
        if stopped := self.about.get("stopped"):
            notes.append(f"The sweep {self.id} was stopped: {stopped['runs']} of its {stopped['of']} runs are here.")
        return notes

    def row(self, run: str) -> int:
        """The row of a run by its id; raises MammoError where there is none."""
        rows = np.flatnonzero(self.runs["run"] == run)
        if not len(rows):
            raise MammoError(f"The sweep {self.id!r} has no run {run!r}.")
        return int(rows[0])

    def members(self, split: int, part: str) -> NDArray[np.intp]:
        """The positions of the images in `part` of the split in row `split`."""
        return np.flatnonzero(self.parts[split] == PARTS[part])


def _opened(home: Home, name: str) -> Sweep:
    folder = home.sweep(name)
    if not (folder / ABOUT).is_file():
        finished = ", ".join(sweeps(home)) or "none yet"
        raise MammoError(f"There is no finished sweep {name!r} (there: {finished}); run one with `mammo sweep`.")
    try:
        if path := home.leads_out(*(folder / file for file in (ABOUT, *OPENED, HEADS))):
            raise FileError(path.name, LEADS_OUT)
        about = read_about(folder)
        check_digests(folder, about)
        runs, images = read_runs(folder, name, about), read_images(folder)
        logits = open_array(folder, LOGITS, (len(runs), len(images)), are_scores)
        parts = open_array(folder, PARTS_FILE, (len(about["splits"]), len(images)), are_parts)
        history = open_array(folder, HISTORY, (len(runs), None, len(HISTORY_COLUMNS)), are_scores)
    except FileError as error:
        raise DamagedError(damaged_sweep(home, name, error)) from None
    return Sweep(name, folder, about, runs, images, logits, parts, history)


def damaged_sweep(home: Home, name: str, error: FileError) -> DamagedItem:
    """The damage of a sweep, with its remedy."""
    remedy = f"run the same `mammo sweep` again, or delete {home.sweep(name)}"
    if home.shared:
        remedy = f"delete {home.sweep(name)}, or ask those who shared the home for it again"
    return DamagedItem("sweep", name, error.file, error.reason, remedy)


def open_sweeps(home: Home, names: Iterable[str] | None = None) -> tuple[list[Sweep], list[DamagedItem]]:
    """Open the sweeps `names`, or all; the second list holds the damaged ones, which do not prevent the others.

    Raises MammoError where there is no sweep of a name.
    """
    opened, damaged = [], []
    for name in sweeps(home) if names is None else names:
        try:
            opened.append(Sweep.open(home, name))
        except DamagedError as error:
            damaged.append(error.damaged)
        except MammoError:
            if names is not None:
                raise  # without names, it was deleted after it was listed
    return opened, damaged


def refuse_all_damaged(opened: Iterable[Sweep], damaged: Iterable[DamagedItem]) -> None:
    """Raise MammoError where all sweeps that were to be opened are damaged."""
    sentences = [damage.sentence for damage in damaged]
    if sentences and not list(opened):
        raise MammoError(" ".join(sentences))


def check_sweep(home: Home, name: str) -> Sweep:
    """Open a sweep and compare all its files with their digests, where it has digests; raises DamagedError."""
    sweep = Sweep.open(home, name)
    try:
        for file, fact in sweep.about.get(FILES, {}).items():
            compare(sweep.folder, file, fact, most=fact["bytes"])
    except FileError as error:
        raise DamagedError(damaged_sweep(home, name, error)) from None
    return sweep


def write_about(folder: Path, about: Mapping[str, Any]) -> None:
    """Write `ABOUT`, the last file of a sweep: the facts of the sweep with the digests of the files in its folder."""
    files = [file for file in (*OPENED, HEADS) if (folder / file).is_file()]
    write_json(folder / ABOUT, with_digest(about, {file: facts_of(folder / file) for file in files}))


def is_complete(home: Home, name: str) -> bool:
    """Whether a home holds a sweep with all its runs: one that is neither stopped nor unfinished nor damaged."""
    try:
        sweep = Sweep.open(home, name)
        check_digests(sweep.folder, sweep.about, (HEADS,))
    except (MammoError, FileError):
        return False
    return not sweep.about.get("stopped")


def sweeps(home: Home) -> list[str]:
    """The names of the finished sweeps, newest first by the time of their files."""
    times = []
    for name in home.names("sweeps"):
        about = home.sweep(name) / ABOUT
        if about.is_file() and (state := file_state(about)):
            times.append((-state[1], name))
    return [name for _, name in sorted(times)]


def sweep_name_of(run: str) -> str:
    """The name of the sweep in a run's id; raises MammoError where the text is no id of a run."""
    sweep, _, number = run.rpartition(".")
    if not (sweep and number.isdecimal()):
        raise MammoError(f"{run!r} is no run; a run is named SWEEP.NUMBER, as `mammo leaderboard` lists them.")
    return sweep
