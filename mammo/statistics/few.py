"""Few patients: from how many on an interval or a test is given, and the sentence that stands where there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mammo.specs.class_names import PLAIN, ClassNames

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike

FEWEST = 3
"""Patients of every class that an interval or a test needs: the fewest on which `benchmarks.coverage` tries them."""
TOO_FEW = "too few patients for an interval"
"""What a legend says, which has no room for the sentence."""
MORE = {"partial_auc": 20}
"""What metrics need of which no interval covers the truth often enough with fewer, by their names in `METRICS`."""


def lack_of_patients(labels: ArrayLike, patients: ArrayLike, fewest: int = FEWEST, classes: ClassNames = PLAIN) -> str:
    """Why images of `labels` in {0, 1} (N,) and `patients` (N,) give no interval; empty where they give one.

    The patients are named by their `classes`.
    For whatever sets malignant images against benign ones: every class must come from enough patients.
    """
    return lack_of(by_class(class_patients(labels, patients), classes), fewest)


def by_class(counts: tuple[int, int], classes: ClassNames = PLAIN) -> dict[str, int]:
    """Counts of the patients of both classes, positive first, by what such patients are called."""
    return dict(zip((f"{classes.positive} patients", f"{classes.negative} patients"), counts, strict=True))


def lack_of(counts: Mapping[str, int], fewest: int = FEWEST) -> str:
    """Why so many of each kind of patients, such as `malignant patients`, give no interval; empty where they do."""
    few = [_counted(count, kind) for kind, count in counts.items() if count < fewest]
    return f"no interval: {' and '.join(few)}, {fewest} are needed" if few else ""


def class_patients(labels: ArrayLike, patients: ArrayLike) -> tuple[int, int]:
    """How many patients have malignant images, and how many have benign ones; some have both."""
    positive, names = np.asarray(labels) == 1, np.asarray(patients)
    return np.unique(names[positive]).size, np.unique(names[~positive]).size


def _counted(count: int, kind: str) -> str:
    if count != 1:
        return f"{count or 'no'} {kind}"
    before, _, behind = kind.rpartition("patients")
    return f"{count} {before}patient{behind}"
