"""Split protocols: which images train, which validate and which test."""

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
"""Advice where a part has too few images or none of a class."""

Parts = NDArray[np.int8]
Rows = NDArray[np.intp]
Take = Callable[[pd.DataFrame, float, np.random.Generator], Rows]
"""Draws about a fraction of the rows of a table; returns their positions."""


@dataclass(frozen=True)
class SplitProtocol:
    """One way to divide images.

    `assign` returns the parts before validation is drawn: TEST, OUT, TRAIN, and VALIDATION where the data set names it;
    else validation is drawn from TRAIN. With `by_patient`, validation consists of complete patients, none of whom is in
    test; with `drops_shared`, training images whose patient is in test are left out.
    """

    label: str
    description: str
    assign: Callable[[pd.DataFrame, SplitSpec], Parts]
    by_patient: bool = True
    drops_shared: bool = False


def draw(table: pd.DataFrame, spec: SplitSpec) -> Parts:
    """Divide the rows of a data set's table; returns int8 (images,) of TRAIN, VALIDATION and TEST, or OUT for none.

    The test set depends on `spec.seed`, validation on `spec.redraw` too; under `five-fold`, `spec.redraw` is
    the fold for the test. `spec.labels` moves no image from one part to another: images that a policy drops are left
    out of the parts that all policies share. Raises MammoError where the protocol or the policy is unknown
    or does not fit the table, or a part would be empty.
    """
    protocol = pick(SPLITS, spec.protocol, "split protocol")
    policy = pick(LABELS, spec.labels, "label policy")
    if table.empty:
        raise MammoError(
            "The data set holds no images of this kind, so there is nothing to split; name another --kind."
        )
    parts = protocol.assign(table, spec)
    if not (parts == VALIDATION).any():
        _draw_validation(parts, table, spec, protocol)
    before_drop = parts.copy()
    parts[~policy.includes(table)] = OUT
    _refuse_empty(parts, before_drop, table, protocol)
    policy.refuse_missing(table[parts == TRAIN])
    return parts


def _refuse_empty(parts: Parts, before_drop: Parts, table: pd.DataFrame, protocol: SplitProtocol) -> None:
    """Raise MammoError where a part is empty, with advice; `before_drop` are the parts before a policy drops images."""
    if not (empty := _empty(parts)):
        return
    counted = f"{len(table)} images"
    if protocol.by_patient and (patients := table["patient"].nunique()) < len(table):
        counted += f" of {patients} patient{'s' if patients > 1 else ''}"
    helps = ANOTHER_SPLIT if _empty(before_drop) else f"take labels that drop no images, or {ANOTHER_SPLIT}"
    raise MammoError(f"{counted} are too few for this split: {' and '.join(empty)} would be empty; {helps}.")


def _empty(parts: Parts) -> list[str]:
    return [name for name, part in PARTS.items() if not (parts == part).any()]


def _draw_validation(parts: Parts, table: pd.DataFrame, spec: SplitSpec, protocol: SplitProtocol) -> None:
    """Move a share of the training images to validation, in place."""
    shared = np.zeros(len(table), dtype=bool)
    if protocol.by_patient:
        _refuse_nameless(table["patient"])
        shared = table["patient"].isin(table["patient"][parts == TEST]).to_numpy() & (parts == TRAIN)
    candidates = np.flatnonzero((parts == TRAIN) & ~shared)
    take = _whole_patients if protocol.by_patient else _random_images
    share = min(spec.validation * (parts != OUT).sum() / max(len(candidates), 1), 1.0)
    chosen = take(table.iloc[candidates], share, np.random.default_rng([spec.seed, 1, spec.redraw]))
    parts[candidates[chosen]] = VALIDATION
    if protocol.drops_shared:
        parts[shared] = OUT


def _refuse_nameless(patients: pd.Series) -> None:
    """Raise MammoError where images have no patient: then a patient's images cannot be kept together."""
    if nameless := int((patients.isna() | (patients == "")).sum()):
        raise MammoError(
            f"{nameless} of {len(patients)} images name no patient, so they cannot be split by patient; "
            "name their patients in the data set, or draw images at random with the protocol 'paper'."
        )


def _draw_test(take: Take) -> Callable[[pd.DataFrame, SplitSpec], Parts]:
    """Return an `assign` function that draws the test set with `take`."""
    return lambda table, spec: _with_test(table, take(table, spec.test, np.random.default_rng([spec.seed, 0])))


def _with_test(table: pd.DataFrame, rows: Rows) -> Parts:
    """Parts with TEST at `rows` and TRAIN everywhere else."""
    parts = np.full(len(table), TRAIN, dtype=np.int8)
    parts[rows] = TEST
    return parts


def _fold(table: pd.DataFrame, spec: SplitSpec) -> Parts:
    """The fold numbered `spec.redraw` of `FOLDS` folds of whole patients; the folds cover all images once."""
    if not 0 <= spec.redraw < FOLDS:
        raise MammoError(f"There are folds 0 to {FOLDS - 1}, not {spec.redraw}; ask for {FOLDS} redraws at most.")
    remaining = np.arange(len(table))
    rng = np.random.default_rng([spec.seed, 0])
    for fold in range(spec.redraw + 1):
        chosen = _whole_patients(table.iloc[remaining], 1 / (FOLDS - fold), rng)
        test, remaining = remaining[chosen], np.delete(remaining, chosen)
    return _with_test(table, test)


def _official(table: pd.DataFrame, _spec: SplitSpec) -> Parts:
    """TEST where the column `split` names test, TRAIN for all other images."""
    return _with_test(table, np.flatnonzero(_split_column(table) == "test"))


def _from_column(table: pd.DataFrame, _spec: SplitSpec) -> Parts:
    """Every part as the column `split` names it; OUT where it names none."""
    names = _split_column(table)
    parts = np.full(len(table), OUT, dtype=np.int8)
    for name, part in PARTS.items():
        parts[names == name] = part
    if unknown := sorted(set(names.tolist()) - {*PARTS, ""}):
        raise MammoError(f"This data set's column 'split' names {unknown[0]!r}, which is none of {', '.join(PARTS)}.")
    return parts


def _split_column(table: pd.DataFrame) -> NDArray[np.str_]:
    """The data set's own column `split` in lower case, empty where a cell is empty; (images,).

    Raises MammoError where it names no train or no test image.
    """
    column = table["split"] if "split" in table else pd.Series("", index=table.index)
    names = column.astype("string").fillna("").str.strip().str.lower().to_numpy(dtype=np.str_)
    if missing := [name for name in ("train", "test") if name not in names]:
        raise MammoError(f"This data set names no official {' and '.join(missing)} images; split it by patient.")
    return names


def _random_images(table: pd.DataFrame, fraction: float, rng: np.random.Generator) -> Rows:
    order: Rows = rng.permutation(len(table))
    return order[: round(fraction * len(table))]


def _whole_patients(table: pd.DataFrame, fraction: float, rng: np.random.Generator) -> Rows:
    """Draw complete patients, stratified by whether a patient has a malignant image.

    In each stratum, patients are drawn in random order until it has its share of images.
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
        _draw_test(_whole_patients),
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
        _from_column,
    ),
    "paper": SplitProtocol(
        "The report's",
        "Images are drawn at random, so that a patient's images stand in several parts: scores come out too high.",
        _draw_test(_random_images),
        by_patient=False,
    ),
}


def sizes(parts: Parts) -> dict[str, int]:
    """The number of images in train, validation and test."""
    return {name: int((parts == part).sum()) for name, part in PARTS.items()}
