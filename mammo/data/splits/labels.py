"""Label policies: how benign findings without callback count, and the classes that heads learn."""

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
    """One way to turn pathologies into classes.

    Images of the pathologies `dropped` are left out. Benign images of each pathology in `separate` are a class of their
    own. An image with a malignant finding is malignant, whatever other findings it has.
    """

    label: str
    description: str
    dropped: tuple[str, ...] = ()
    separate: tuple[str, ...] = ()

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes in the order of their numbers; malignant comes last."""
        return (*self.separate, "BENIGN", "MALIGNANT")

    @property
    def outputs(self) -> int:
        """The number of outputs of a head: one for two classes, else one a class."""
        return len(self.classes) if self.separate else 1

    def includes(self, table: pd.DataFrame) -> NDArray[np.bool_]:
        """The rows of a data set's table that are used; bool (images,)."""
        return ~np.isin(_pathologies(table), self.dropped)

    def targets(self, table: pd.DataFrame) -> Classes:
        """The class index of each row; int8 (images,)."""
        pathologies = _pathologies(table)
        numbers = np.full(len(table), len(self.separate), dtype=np.int8)
        for number, name in enumerate(self.separate):
            numbers[pathologies == name] = number
        numbers[np.asarray(table["label"] == "malignant", dtype=bool)] = len(self.separate) + 1
        return numbers

    def refuse_missing(self, train: pd.DataFrame) -> None:
        """Raise MammoError where the training images lack a class of a policy with `separate` pathologies.

        With two classes, training itself checks that both are present.
        """
        classes = set(self.targets(train).tolist())
        missing = [name for number, name in enumerate(self.classes) if number not in classes]
        if self.separate and missing:
            raise MammoError(
                f"{self.label} labels need training images of {len(self.classes)} classes, and none of the "
                f"{len(train)} is {' or '.join(missing)}; take the labels 'merged'."
            )


def _pathologies(table: pd.DataFrame) -> NDArray[np.str_]:
    """The pathology of each row; empty where the data set has none."""
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
        separate=(WITHOUT_CALLBACK,),
    ),
}
