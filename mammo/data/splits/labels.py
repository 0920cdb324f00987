"""Label policies: what benign findings that needed no callback count as, and the classes that heads learn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammo.errors import MammoError

WITHOUT_CALLBACK = "BENIGN_WITHOUT_CALLBACK"
"""The pathology of benign findings for which no patient was called back."""

Classes = NDArray[np.int8]


@dataclass(frozen=True)
class LabelPolicy:
    """One way to read pathologies.

    Images of the pathologies `dropped` take no part. Benign images of the pathologies `apart` are classes of their
    own for the heads to learn. A malignant image is malignant whatever else it shows.
    """

    label: str
    description: str
    dropped: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes in the order of their numbers; malignant comes last."""
        return (*self.apart, "BENIGN", "MALIGNANT")

    @property
    def outputs(self) -> int:
        """The numbers that a head computes of an image: one for two classes, else one a class."""
        return len(self.classes) if self.apart else 1

    def takes(self, table: pd.DataFrame) -> NDArray[np.bool_]:
        """Which rows of a data set's table take part; (images,)."""
        return ~np.isin(_pathologies(table), self.dropped)

    def targets(self, table: pd.DataFrame) -> Classes:
        """The number of each row's class; int8 (images,)."""
        pathologies = _pathologies(table)
        numbers = np.full(len(table), len(self.apart), dtype=np.int8)
        for number, name in enumerate(self.apart):
            numbers[pathologies == name] = number
        numbers[np.asarray(table["label"] == "malignant", dtype=bool)] = len(self.apart) + 1
        return numbers

    def refuse_missing(self, train: pd.DataFrame) -> None:
        """Raise MammoError where the training images lack a class that heads are to learn beside benign and malignant.

        Two classes are left to training itself, which no split needs.
        """
        held = set(self.targets(train).tolist())
        missing = [name for number, name in enumerate(self.classes) if number not in held]
        if self.apart and missing:
            raise MammoError(
                f"{self.label} labels need training images of {len(self.classes)} classes, and none of the "
                f"{len(train)} is {' or '.join(missing)}; take the labels 'merged'."
            )


def _pathologies(table: pd.DataFrame) -> NDArray[np.str_]:
    """Each row's pathology; empty where the data set tells none."""
    if "pathology" not in table:
        return np.full(len(table), "", dtype=np.str_)
    return table["pathology"].astype("string").fillna("").to_numpy(dtype=np.str_)


LABELS: dict[str, LabelPolicy] = {
    "merged": LabelPolicy(
        "Merged",
        "Benign findings are benign, whether the patient was called back or not.",
    ),
    "dropped": LabelPolicy(
        "Dropped",
        "Images that are benign without callback take no part: heads neither train nor are tested on them.",
        dropped=(WITHOUT_CALLBACK,),
    ),
    "three-way": LabelPolicy(
        "Three-way",
        "Heads learn malignant, benign and benign without callback as three classes; "
        "their scores are the odds of malignant against the rest.",
        apart=(WITHOUT_CALLBACK,),
    ),
}
