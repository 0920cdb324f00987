"""One stored run: its settings, its scores on the images of a part, and its predictions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mammo.data.dataset.dataset import Dataset
from mammo.data.splits.leakage import patient_in_train
from mammo.data.splits.protocols import PARTS
from mammo.errors import MammoError
from mammo.runs.ensemble import open_run_sweep
from mammo.runs.fusion import LEVELS
from mammo.runs.run_names import RunName
from mammo.specs import pick
from mammo.statistics.metrics import probability
from mammo.statistics.scored import Scored

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from mammo.runs.sweep import Sweep
    from mammo.specs import Home


@dataclass(frozen=True)
class StoredRun:
    """One run of a sweep: `row` is its row in the tables of the sweep."""

    sweep: Sweep
    row: int

    @classmethod
    def open(cls, home: Home, run: str, opened: dict[str, Sweep] | None = None) -> StoredRun:
        """Open a run by its `RunName`, such as `SWEEP.NUMBER`; `opened` holds the sweeps that are open, by id.

        Raises MammoError where there is no such run.
        """
        name = RunName.parse(run)
        sweep = open_run_sweep(home, name, opened)
        return cls(sweep, sweep.row(str(name)))

    @property
    def id(self) -> str:
        """The run's id."""
        return str(self.settings["run"])

    def by_image(self, home: Home) -> StoredRun:
        """The same run at the level of images."""
        name = RunName.parse(self.id)
        return self if name.level == "image" else StoredRun.open(home, str(RunName(name.members, name.combine)))

    def dataset(self, home: Home) -> Dataset:
        """The data set that the run scored; raises MammoError where it has changed since."""
        about = self.sweep.about["dataset"]
        dataset = Dataset.open(home, about["name"])
        digest = dataset.digest(str(self.settings["kind"]))
        if about.get("digest", digest) != digest:
            raise MammoError(
                f"The data set {dataset.name!r} has changed since the run {self.id} scored its images; "
                "extract its features and run the sweep again."
            )
        return dataset

    @property
    def unit(self) -> str:
        """What the scores belong to: images, breasts or patients."""
        return LEVELS[self.sweep.level].unit

    @property
    def weights_note(self) -> str:
        """The note on the weights of the run's trunk."""
        return str(self.sweep.about["caches"][self.settings["cache"]]["weights_note"])

    @property
    def settings(self) -> dict[str, Any]:
        """The run's row of settings."""
        return {str(name): value for name, value in self.sweep.runs.iloc[self.row].items()}

    @property
    def history(self) -> NDArray[np.float32]:
        """Loss, accuracy and AUC by epoch, (epochs, 5)."""
        history: NDArray[np.float32] = np.asarray(self.sweep.history[self.row])
        return history

    def scored(self, part: str, name: str = "") -> Scored:
        """The run's scores on `train`, `validation` or `test`, under `name`."""
        rows = self._rows(part)
        patients = self.sweep.images["patient"].to_numpy()[rows]
        logits = np.asarray(self.sweep.logits[self.row])[rows]
        labels, classes = self.sweep.labels[rows], self.sweep.classes
        return Scored(name, labels, logits, patients, part, *self._leaks(part), unit=self.unit, classes=classes)

    def images(self, part: str) -> pd.DataFrame:
        """The rows of the images of a part."""
        return self.sweep.images.iloc[self._rows(part)]

    def predictions(self, part: str, threshold: float = 0.0) -> pd.DataFrame:
        """The rows of the images of a part with the run's predictions, the most confident first.

        New columns: `logit` and `probability` of malignancy; `called`, whether the logit lies above the `threshold`;
        `right`, whether the call is correct; and `confidence`, the distance of the logit from the threshold, as a
        probability from 0.5 to 1.
        """
        rows = self._rows(part)
        logits = np.asarray(self.sweep.logits[self.row], dtype=float)[rows]
        called = logits > threshold
        images = self.sweep.images.iloc[rows].assign(logit=logits, probability=probability(logits), called=called)
        images["right"] = called == (self.sweep.labels[rows] == 1)
        images["confidence"] = probability(np.abs(logits - threshold))
        return images.iloc[np.argsort(-np.abs(logits - threshold), kind="stable")]

    def _leaks(self, part: str) -> tuple[int, int]:
        """Counts of the images of a part whose patient is in train, and of test images with a near-duplicate there."""
        if part == "train":
            return 0, 0
        leaks = self.sweep.about["splits"][int(self.settings["split"])]["leakage"]
        repeated = leaks.get("near_duplicates") or 0
        leaked = int(patient_in_train(self.images("train")["patient"], self.images(part)["patient"]).sum())
        return leaked, repeated if part == "test" else 0

    def _rows(self, part: str) -> NDArray[np.intp]:
        pick(PARTS, part, "part")
        return self.sweep.members(int(self.settings["split"]), part)


def stored_runs(home: Home, runs: Iterable[str]) -> list[StoredRun]:
    """Open several runs, each of their sweeps once."""
    opened: dict[str, Sweep] = {}
    return [StoredRun.open(home, run, opened) for run in runs]
