"""The noun `Sweep`: a table of runs with their scores on every image, opened without torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammo.data.labels import ClassNames, class_names
from mammo.data.splits import PARTS
from mammo.errors import MammoError
from mammo.files import read_json
from mammo.specs import Home

ABOUT = "sweep.json"
RUNS, IMAGES = "runs.parquet", "images.parquet"
LOGITS, PARTS_FILE, HISTORY = "logits.npy", "parts.npy", "history.npy"
HEADS = "heads.safetensors"
COURSE = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy", "validation_auc")
"""What `HISTORY` holds of an epoch, in the order of its last axis."""


@dataclass(frozen=True)
class Sweep:
    """A finished sweep.

    `runs` has one row a run and `images` one row an image; `logits` is (runs, images), stored as float32, `parts`
    int8 (splits, images), `history` float32 (runs, epochs, figures) and NaN after a head stopped.
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
        """Open the sweep `name`; raises MammoError where there is none, or it is not finished or damaged."""
        folder = home.sweep(name)
        if not (folder / ABOUT).is_file():
            known = ", ".join(sweeps(home)) or "none yet"
            raise MammoError(f"There is no finished sweep {name!r} (there: {known}); run one with `mammo sweep`.")
        about = read_json(folder / ABOUT, "sweep")
        if not isinstance(about, dict) or not {"dataset", "caches", "splits"} <= set(about):
            raise MammoError(f"The sweep {name!r} is damaged ({ABOUT}); delete {folder} and run it again.")
        try:
            runs, images = pd.read_parquet(folder / RUNS), pd.read_parquet(folder / IMAGES)
            arrays = [
                np.load(folder / file, mmap_mode="r", allow_pickle=False) for file in (LOGITS, PARTS_FILE, HISTORY)
            ]
        except (OSError, ValueError, EOFError) as error:
            raise MammoError(f"The sweep {name!r} is damaged ({error}); delete {folder} and run it again.") from None
        if "labels" not in runs:  # a sweep older than label policies
            runs = runs.assign(labels="merged")
        if "finetune" not in runs:  # a sweep older than fine-tuning
            runs = runs.assign(finetune="none", tail_lr=0.0)
        if "first_draws" not in runs:  # a sweep older than draws that are left out
            runs = runs.assign(first_draws=0)
        if "scoring" not in runs:  # a sweep older than scores of several versions
            runs = runs.assign(scoring="plain")
        if "strength" not in runs:  # a sweep older than probes
            runs = runs.assign(strength=np.nan)
        sweep = cls(name, folder, about, runs, images, *arrays)
        if sweep.logits.shape != (len(runs), len(images)):
            raise MammoError(f"The sweep {name!r} is damaged: its scores do not fit its runs; delete {folder}.")
        return sweep

    @property
    def labels(self) -> NDArray[np.int8]:
        """1 for a malignant image, 0 for a benign one; (images,)."""
        return np.asarray(self.images["label"] == "malignant", dtype=np.int8)

    @property
    def synthetic(self) -> bool:
        """Whether the images were made by a program."""
        return bool(self.about["dataset"]["synthetic"])

    @property
    def classes(self) -> ClassNames:
        """What the two classes are called."""
        return class_names(self.about["dataset"])

    @property
    def level(self) -> str:
        """What one row of `images` is: an image, or a breast or patient whose images' scores are fused."""
        return str(self.about.get("level", "image"))

    @property
    def arithmetic(self) -> int | None:
        """The version of the arithmetic that trained the runs; None where nobody knows."""
        version = self.about.get("identity", {}).get("training")
        return None if version is None else int(version)

    @property
    def notes(self) -> list[str]:
        """What must be known of the images and the runs before the scores are believed, in sentences."""
        notes = [str(note) for note in (*self.about["dataset"].get("notes", []), *self.about.get("remarks", []))]
        if stopped := self.about.get("stopped"):
            notes.append(f"The sweep {self.id} was stopped: {stopped['runs']} of its {stopped['of']} runs are here.")
        return notes

    def row(self, run: str) -> int:
        """The row of the run `run`; raises MammoError where there is none."""
        rows = np.flatnonzero(self.runs["run"] == run)
        if not len(rows):
            raise MammoError(f"The sweep {self.id!r} has no run {run!r}.")
        return int(rows[0])

    def members(self, split: int, part: str) -> NDArray[np.intp]:
        """The positions of the images that stand in `part` of the split in row `split`."""
        return np.flatnonzero(self.parts[split] == PARTS[part])


def is_complete(folder: Path) -> bool:
    """Whether a folder holds a sweep with all its runs: not one that was stopped, nor one in the making."""
    return (folder / ABOUT).is_file() and "stopped" not in read_json(folder / ABOUT, "sweep")


def sweeps(home: Home) -> list[str]:
    """The names of the finished sweeps, newest first."""
    names = [name for name in home.names("sweeps") if (home.sweep(name) / ABOUT).is_file()]
    return sorted(names, key=lambda name: (home.sweep(name) / ABOUT).stat().st_mtime, reverse=True)


def sweep_of(run: str) -> str:
    """The sweep that a run's id names; raises MammoError where the id is none."""
    sweep, _, number = run.rpartition(".")
    if not (sweep and number.isdecimal()):
        raise MammoError(f"{run!r} is no run; a run is named SWEEP.NUMBER, as `mammo leaderboard` lists them.")
    return sweep
