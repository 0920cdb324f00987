"""Few patients: how many an interval or a test needs, and the sentence that is shown where there are fewer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mammo.specs.class_names import PLAIN, ClassNames

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike

FEWEST = 3
"""Patients of each class that an interval or a test needs: the fewest on which `benchmarks.coverage` checks them."""
TOO_FEW = "too few patients for an interval"
"""The reason in a legend, which has no room for the sentence."""
FEWEST_BY_METRIC = {"partial_auc": 20}
"""Patients of each class that some metrics of `METRICS` need, whose intervals cover too rarely with fewer."""


def lack_of_patients(labels: ArrayLike, patients: ArrayLike, fewest: int = FEWEST, classes: ClassNames = PLAIN) -> str:
    """Why there is no interval for images of `labels` in {0, 1} (N,) and `patients` (N,); empty where there is one.

    It applies to every number that compares malignant with benign images: each class must come from enough patients.
    `classes` gives the names of the two classes in the sentence.
    """
    return lack_of(by_class(class_patients(labels, patients), classes), fewest)


def by_class(counts: tuple[int, int], classes: ClassNames = PLAIN) -> dict[str, int]:
    """The numbers of patients of both classes, positive first, by the name of such patients."""
    return dict(zip((f"{classes.positive} patients", f"{classes.negative} patients"), counts, strict=True))


def lack_of(counts: Mapping[str, int], fewest: int = FEWEST) -> str:
    """Why there is no interval for `counts` of patients by their kind, such as `malignant patients`; else empty."""
    few = [_counted(count, kind) for kind, count in counts.items() if count < fewest]
    return f"no interval: {' and '.join(few)}, {fewest} are needed" if few else ""


def class_patients(labels: ArrayLike, patients: ArrayLike) -> tuple[int, int]:
    """The numbers of patients with malignant and with benign images; some have both."""
    positive, names = np.asarray(labels) == 1, np.asarray(patients)
    return np.unique(names[positive]).size, np.unique(names[~positive]).size


def _counted(count: int, kind: str) -> str:
    if count != 1:
        return f"{count or 'no'} {kind}"
    before, _, after = kind.rpartition("patients")
    return f"{count} {before}patient{after}"
