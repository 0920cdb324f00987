"""The cross-validated AUC: the mean of the AUCs of the folds, for scores of two folds' models are not comparable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mammo.specs.class_names import PLAIN, ClassNames
from mammo.statistics.few import by_class, class_patients, lack_of, lack_of_patients
from mammo.statistics.intervals.delong import Components, components, sizes_of
from mammo.statistics.intervals.score import Estimated, Sizes, score_interval
from mammo.statistics.metrics import auc

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mammo.statistics.metrics import Floats

LEAST_IN_A_FOLD = 2
"""Patients of a class that a fold needs to tell how much they differ."""


@dataclass(frozen=True)
class Fold:
    """The test images of one fold: labels (N,), logits of R runs (R, N) and patients (N,)."""

    labels: NDArray[np.int8]
    logits: NDArray[np.floating]
    patients: NDArray[np.str_]
    classes: ClassNames = PLAIN


@dataclass(frozen=True)
class CrossValidated:
    """The mean AUC of the folds with its 95 % interval; `reason` says what is missing, its number then NaN."""

    area: float
    interval: tuple[float, float]
    reason: str = ""


def lack_of_folds(folds: Sequence[Fold]) -> str:
    """Why folds give no interval of a cross-validated AUC; empty where they do."""
    labels, patients = (np.concatenate([getattr(fold, name) for fold in folds]) for name in ("labels", "patients"))
    classes = folds[0].classes
    if reason := lack_of_patients(labels, patients, classes=classes):
        return reason
    for number, fold in enumerate(folds):
        counts = by_class(class_patients(fold.labels, fold.patients), classes)
        in_fold = {f"{kind} in fold {number}": count for kind, count in counts.items()}
        if reason := lack_of(in_fold, LEAST_IN_A_FOLD):
            return reason
    return ""


def cross_validated(sets: Sequence[Sequence[Fold]]) -> CrossValidated:
    """The cross-validated AUC of one setting of which each fold holds one run's logits, (1, N).

    Each of `sets` is one cross-validation, another start or another draw of folds; where there are several, their mean
    is taken. The variance is that of LeDell, Petersen and van der Laan's influence curve (Electronic Journal of
    Statistics 9, 2015): what each image adds to its fold's AUC, over the number of folds, summed by patient; the
    small-sample factors and the interval are those of a single AUC.
    """
    areas = [float(auc(fold.labels, fold.logits)[0]) for folds in sets for fold in folds]
    reason = next(filter(None, map(lack_of_folds, sets)), "")
    if reason or np.isnan(areas).any():
        return CrossValidated(float(np.mean(areas)), (np.nan, np.nan), reason or "a fold has no AUC")
    names = np.unique(np.concatenate([fold.patients for folds in sets for fold in folds]))
    added = np.zeros(names.size)
    for folds in sets:
        for fold in folds:
            patients, own = _influence(components(fold.labels, fold.logits, fold.patients, LEAST_IN_A_FOLD))
            added[np.searchsorted(names, patients)] += own / len(folds) / len(sets)
    added.sort()  # so that the sum's last bits do not depend on names
    estimate = Estimated(np.array([np.mean(areas)]), np.array([[added @ added]]), _sizes(sets[0]))
    low, high = score_interval(estimate)[0].tolist()
    return CrossValidated(float(estimate.area[0]), (low, high))


def _influence(parts: Components | None) -> tuple[NDArray[Any], Floats]:
    """The patients of one fold's run, (K,), and what each of them adds to its AUC, (K,)."""
    assert parts is not None
    own, other, _ = np.sqrt(parts.weights)
    added: Floats = own * parts.positive[0] + other * parts.negative[0]
    return parts.patients, added


def _sizes(folds: Sequence[Fold]) -> Sizes:
    each = [sizes_of(fold.labels, fold.patients) for fold in folds]
    return Sizes(np.concatenate([one.patients for one in each]), np.concatenate([one.images for one in each]))
