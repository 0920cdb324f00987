"""Split protocols: which images train, which validate, which are kept for the report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammo.data.splits.labels import LABELS
from mammo.errors import MammoError
from mammo.specs import SplitSpec, pick

OUT, TRAIN, VALIDATION, TEST = -1, 0, 1, 2
PARTS = {"train": TRAIN, "validation": VALIDATION, "test": TEST}
FOLDS = 5
ANOTHER_SPLIT = "choose another seed or protocol, or index more images"
"""What helps where a part has too few images or none of a class."""

Parts = NDArray[np.int8]
Rows = NDArray[np.intp]
Take = Callable[[pd.DataFrame, float, np.random.Generator], Rows]
"""Chooses about a fraction of the rows of a table; returns their positions."""


@dataclass(frozen=True)
class SplitProtocol:
    """One way to divide images.

    `given` says what stands before validation is drawn: TEST, OUT, VALIDATION where the data set names it, and
    TRAIN, from which validation is drawn where it names none. `by_patient` takes whole patients into validation,
    and none that stand in test; `drops_shared` leaves out training images whose patient stands in test.
    """

    label: str
    description: str
    given: Callable[[pd.DataFrame, SplitSpec], Parts]
    by_patient: bool = True
    drops_shared: bool = False


def draw(table: pd.DataFrame, spec: SplitSpec) -> Parts:
    """Divide the rows of a data set's table; returns int8 (images,) of TRAIN, VALIDATION and TEST, or OUT for none.

    The test set depends on `spec.seed`, validation on `spec.redraw` too; under `five-fold`, `spec.redraw` is
    the fold that is kept for the test. `spec.labels` moves no image from one part to another: what a policy drops
    is left out of the parts that all policies share. Raises MammoError where the protocol or the policy is unknown
    or does not fit the table, or a part would be empty.
    """
    protocol = pick(SPLITS, spec.protocol, "split protocol")
    policy = pick(LABELS, spec.labels, "label policy")
    if table.empty:
        raise MammoError(
            "The data set holds no images of this kind, so there is nothing to split; name another --kind."
        )
    parts = protocol.given(table, spec)
    if not (parts == VALIDATION).any():
        _draw_validation(parts, table, spec, protocol)
    drawn = parts.copy()
    parts[~policy.takes(table)] = OUT
    _refuse_empty(parts, drawn, table, protocol)
    policy.refuse_missing(table[parts == TRAIN])
    return parts


def _refuse_empty(parts: Parts, drawn: Parts, table: pd.DataFrame, protocol: SplitProtocol) -> None:
    """Raise MammoError where a part is empty, with what helps; `drawn` are the parts before a policy dropped images."""
    if not (empty := _empty(parts)):
        return
    counted = f"{len(table)} images"
    if protocol.by_patient and (patients := table["patient"].nunique()) < len(table):
        counted += f" of {patients} patient{'s' if patients > 1 else ''}"
    helps = ANOTHER_SPLIT if _empty(drawn) else f"take labels that drop no images, or {ANOTHER_SPLIT}"
    raise MammoError(f"{counted} are too few for this split: {' and '.join(empty)} would be empty; {helps}.")


def _empty(parts: Parts) -> list[str]:
    return [name for name, part in PARTS.items() if not (parts == part).any()]


def _draw_validation(parts: Parts, table: pd.DataFrame, spec: SplitSpec, protocol: SplitProtocol) -> None:
    """Move a share of the training images to validation, in place."""
    shared = np.zeros(len(table), dtype=bool)
    if protocol.by_patient:
        _refuse_nameless(table["patient"])
        shared = table["patient"].isin(table["patient"][parts == TEST]).to_numpy() & (parts == TRAIN)
    rest = np.flatnonzero((parts == TRAIN) & ~shared)
    take = _whole_patients if protocol.by_patient else _random_images
    share = min(spec.validation * (parts != OUT).sum() / max(len(rest), 1), 1.0)
    parts[rest[take(table.iloc[rest], share, np.random.default_rng([spec.seed, 1, spec.redraw]))]] = VALIDATION
    if protocol.drops_shared:
        parts[shared] = OUT


def _refuse_nameless(patients: pd.Series) -> None:
    """Raise MammoError where images name no patient: nothing could keep a patient's images together."""
    if nameless := int((patients.isna() | (patients == "")).sum()):
        raise MammoError(
            f"{nameless} of {len(patients)} images name no patient, so they cannot be split by patient; "
            "name their patients in the data set, or draw images at random with the protocol 'paper'."
        )


def _drawn(take: Take) -> Callable[[pd.DataFrame, SplitSpec], Parts]:
    """A test set that is drawn as validation is."""
    return lambda table, spec: _tested(table, take(table, spec.test, np.random.default_rng([spec.seed, 0])))


def _tested(table: pd.DataFrame, rows: Rows) -> Parts:
    """All images to train on, but for the test images at `rows`."""
    parts = np.full(len(table), TRAIN, dtype=np.int8)
    parts[rows] = TEST
    return parts


def _fold(table: pd.DataFrame, spec: SplitSpec) -> Parts:
    """The fold numbered `spec.redraw` of `FOLDS` folds of whole patients; the folds cover all images once."""
    if not 0 <= spec.redraw < FOLDS:
        raise MammoError(f"There are folds 0 to {FOLDS - 1}, not {spec.redraw}; ask for {FOLDS} redraws at most.")
    left = np.arange(len(table))
    rng = np.random.default_rng([spec.seed, 0])
    for fold in range(spec.redraw + 1):
        chosen = _whole_patients(table.iloc[left], 1 / (FOLDS - fold), rng)
        taken, left = left[chosen], np.delete(left, chosen)
    return _tested(table, taken)


def _official(table: pd.DataFrame, _spec: SplitSpec) -> Parts:
    """The named test set; whatever else is named, validation or nothing, is there to train on."""
    return _tested(table, np.flatnonzero(_named_parts(table) == "test"))


def _as_named(table: pd.DataFrame, _spec: SplitSpec) -> Parts:
    """Every part as it is named; what names none is left out."""
    named = _named_parts(table)
    parts = np.full(len(table), OUT, dtype=np.int8)
    for name, part in PARTS.items():
        parts[named == name] = part
    if unknown := sorted(set(named.tolist()) - {*PARTS, ""}):
        raise MammoError(f"This data set's column 'split' names {unknown[0]!r}, which is none of {', '.join(PARTS)}.")
    return parts


def _named_parts(table: pd.DataFrame) -> NDArray[np.str_]:
    """What the data set's own column `split` says in lower case, empty where it says nothing; (images,).

    Raises MammoError where it names no image to train or none to test on.
    """
    column = table["split"] if "split" in table else pd.Series("", index=table.index)
    named = column.astype("string").fillna("").str.strip().str.lower().to_numpy(dtype=np.str_)
    if missing := [name for name in ("train", "test") if name not in named]:
        raise MammoError(f"This data set names no official {' and '.join(missing)} images; split it by patient.")
    return named


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
        "The test set that came with the collection; validation is taken from the patients of all its other images.",
        _official,
    ),
    "official-pooled": SplitProtocol(
        "The collection's own, without shared patients",
        "As the collection's own, but training images whose patient also stands in test are left out.",
        _official,
        drops_shared=True,
    ),
    "manifest": SplitProtocol(
        "As the data set names them",
        "Train, validation and test as the data set's own table names them, even where patients stand in two of them; "
        "images that name none are left out, and validation is taken from training patients where none is named.",
        _as_named,
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
