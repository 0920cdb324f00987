"""Split protocols: which images train, which validate, which are kept for the report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammo.errors import MammoError
from mammo.specs import SplitSpec, pick

TRAIN, VALIDATION, TEST = 0, 1, 2
PARTS = {"train": TRAIN, "validation": VALIDATION, "test": TEST}

Parts = NDArray[np.int8]
Take = Callable[[pd.DataFrame, float, np.random.Generator], NDArray[np.intp]]
"""Chooses about a fraction of the rows of a table; returns their positions."""


@dataclass(frozen=True)
class SplitProtocol:
    """One way to divide images; `take` draws the test set first, then validation from what is left."""

    label: str
    description: str
    take: Take


def draw(table: pd.DataFrame, spec: SplitSpec) -> Parts:
    """Divide the rows of a data set's table; returns int8 (images,) of TRAIN, VALIDATION and TEST.

    The test set depends on `spec.seed` alone, validation on `spec.redraw` too. Raises MammoError where
    the protocol is unknown or a part would be empty.
    """
    protocol = pick(SPLITS, spec.protocol, "split protocol")
    parts = np.full(len(table), TRAIN, dtype=np.int8)
    test = protocol.take(table, spec.test, np.random.default_rng([spec.seed, 0]))
    parts[test] = TEST
    rest = np.flatnonzero(parts == TRAIN)
    share = spec.validation / (1 - spec.test)
    chosen = protocol.take(table.iloc[rest], share, np.random.default_rng([spec.seed, 1, spec.redraw]))
    parts[rest[chosen]] = VALIDATION
    if empty := [name for name, part in PARTS.items() if not (parts == part).any()]:
        raise MammoError(f"{len(table)} images are too few for this split: {' and '.join(empty)} would be empty.")
    return parts


def _random_images(table: pd.DataFrame, fraction: float, rng: np.random.Generator) -> NDArray[np.intp]:
    order: NDArray[np.intp] = rng.permutation(len(table))
    return order[: round(fraction * len(table))]


def _whole_patients(table: pd.DataFrame, fraction: float, rng: np.random.Generator) -> NDArray[np.intp]:
    """Take whole patients, within those who have a malignant image and those who have none.

    Patients come in random order, each stratum until it holds its share of images.
    """
    malignant = (table["label"] == "malignant").groupby(table["patient"]).any()
    sizes = table["patient"].value_counts()
    chosen: list[str] = []
    for stratum in (True, False):
        patients = malignant.index[malignant == stratum].to_numpy()
        shuffled = patients[rng.permutation(len(patients))]
        before = np.cumsum(sizes[shuffled].to_numpy()) - sizes[shuffled].to_numpy() / 2
        target = fraction * sizes[shuffled].sum()
        chosen += list(shuffled[before < target])
    return np.flatnonzero(table["patient"].isin(chosen).to_numpy())


SPLITS: dict[str, SplitProtocol] = {
    "patient": SplitProtocol(
        "By patient",
        "All images of a patient stand in one part; patients with a malignant image are shared out evenly.",
        _whole_patients,
    ),
    "paper": SplitProtocol(
        "The report's",
        "Images are drawn at random, so that a patient's images stand in several parts: scores come out too high.",
        _random_images,
    ),
}


def sizes(parts: Parts) -> dict[str, int]:
    """The number of images in train, validation and test."""
    return {name: int((parts == part).sum()) for name, part in PARTS.items()}
