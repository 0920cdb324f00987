"""Split protocols: which images train, which validate, which are kept for the report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammo.errors import MammoError
from mammo.specs import SplitSpec, pick

OUT, TRAIN, VALIDATION, TEST = -1, 0, 1, 2
PARTS = {"train": TRAIN, "validation": VALIDATION, "test": TEST}
FOLDS = 5

Parts = NDArray[np.int8]
Rows = NDArray[np.intp]
Take = Callable[[pd.DataFrame, float, np.random.Generator], Rows]
"""Chooses about a fraction of the rows of a table; returns their positions."""


@dataclass(frozen=True)
class SplitProtocol:
    """One way to divide images; `test` gives the rows kept for the report.

    `by_patient` takes whole patients into validation, and none that stand in test; `drops_shared` leaves
    out training images whose patient stands in test.
    """

    label: str
    description: str
    test: Callable[[pd.DataFrame, SplitSpec], Rows]
    by_patient: bool = True
    drops_shared: bool = False


def draw(table: pd.DataFrame, spec: SplitSpec) -> Parts:
    """Divide the rows of a data set's table; returns int8 (images,) of TRAIN, VALIDATION and TEST, or OUT for none.

    The test set depends on `spec.seed`, validation on `spec.redraw` too; under `five-fold`, `spec.redraw` is
    the fold that is kept for the test. Raises MammoError where the protocol is unknown or does not fit the
    table, or a part would be empty.
    """
    protocol = pick(SPLITS, spec.protocol, "split protocol")
    parts = np.full(len(table), TRAIN, dtype=np.int8)
    test = protocol.test(table, spec)
    parts[test] = TEST
    shared = np.zeros(len(table), dtype=bool)
    if protocol.by_patient:
        shared = table["patient"].isin(table["patient"].iloc[test]).to_numpy() & (parts != TEST)
    rest = np.flatnonzero((parts == TRAIN) & ~shared)
    take = _whole_patients if protocol.by_patient else _random_images
    share = min(spec.validation * len(table) / max(len(rest), 1), 1.0)
    parts[rest[take(table.iloc[rest], share, np.random.default_rng([spec.seed, 1, spec.redraw]))]] = VALIDATION
    if protocol.drops_shared:
        parts[shared] = OUT
    if empty := [name for name, part in PARTS.items() if not (parts == part).any()]:
        raise MammoError(f"{len(table)} images are too few for this split: {' and '.join(empty)} would be empty.")
    return parts


def _drawn(take: Take) -> Callable[[pd.DataFrame, SplitSpec], Rows]:
    """A test set that is drawn as validation is."""
    return lambda table, spec: take(table, spec.test, np.random.default_rng([spec.seed, 0]))


def _fold(table: pd.DataFrame, spec: SplitSpec) -> Rows:
    """The fold numbered `spec.redraw` of `FOLDS` folds of whole patients; the folds cover all images once."""
    if not 0 <= spec.redraw < FOLDS:
        raise MammoError(f"There are folds 0 to {FOLDS - 1}, not {spec.redraw}; ask for {FOLDS} redraws at most.")
    left = np.arange(len(table))
    rng = np.random.default_rng([spec.seed, 0])
    for fold in range(spec.redraw + 1):
        chosen = _whole_patients(table.iloc[left], 1 / (FOLDS - fold), rng)
        taken, left = left[chosen], np.delete(left, chosen)
    return taken


def _official_test(table: pd.DataFrame, _spec: SplitSpec) -> Rows:
    known = table["split"] if "split" in table else pd.Series(dtype=str)
    if not {"train", "test"} <= set(known):
        raise MammoError("This data set names no official train and test images; split it by patient.")
    return np.flatnonzero((known == "test").to_numpy())


def _random_images(table: pd.DataFrame, fraction: float, rng: np.random.Generator) -> Rows:
    order: Rows = rng.permutation(len(table))
    return order[: round(fraction * len(table))]


def _whole_patients(table: pd.DataFrame, fraction: float, rng: np.random.Generator) -> Rows:
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
        _drawn(_whole_patients),
    ),
    "five-fold": SplitProtocol(
        "Five folds by patient",
        "Each redraw keeps another fifth of the patients for the test; five redraws test every image once.",
        _fold,
    ),
    "official": SplitProtocol(
        "The collection's own",
        "The test set that came with the collection; validation is taken from its training patients.",
        _official_test,
    ),
    "official-pooled": SplitProtocol(
        "The collection's own, without shared patients",
        "As the collection's own, but training images whose patient also stands in test are left out.",
        _official_test,
        drops_shared=True,
    ),
    "paper": SplitProtocol(
        "The report's",
        "Images are drawn at random, so that a patient's images stand in several parts: scores come out too high.",
        _drawn(_random_images),
        by_patient=False,
    ),
}


def sizes(parts: Parts) -> dict[str, int]:
    """The number of images in train, validation and test."""
    return {name: int((parts == part).sum()) for name, part in PARTS.items()}
