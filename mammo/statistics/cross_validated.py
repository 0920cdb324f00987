"""The cross-validated AUC: the mean of the folds' AUCs, since scores of models of two folds are not comparable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mammo.specs.class_names import PLAIN, ClassNames
from mammo.statistics.few import by_class, class_patients, lack_of, lack_of_patients
from mammo.statistics.intervals.delong import Components, components, sizes_of
from mammo.statistics.intervals.score import AucCovariance, Sizes, score_interval
from mammo.statistics.metrics import auc

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mammo.statistics.metrics import Floats

FEWEST_IN_FOLD = 2
"""Patients of each class that a fold needs for an estimate of their variance."""


@dataclass(frozen=True)
class Fold:
    """The test images of one fold: labels (N,), logits of R runs (R, N) and patients (N,)."""

    labels: NDArray[np.int8]
    logits: NDArray[np.floating]
    patients: NDArray[np.str_]
    classes: ClassNames = PLAIN


@dataclass(frozen=True)
class CrossValidatedAuc:
    """The mean AUC of the folds with its 95 % interval; where a number is NaN, `reason` says why."""

    auc: float
    interval: tuple[float, float]
    reason: str = ""


def lack_of_folds(folds: Sequence[Fold]) -> str:
    """Why there is no interval of a cross-validated AUC of these folds; empty where there is one."""
    labels, patients = (np.concatenate([getattr(fold, name) for fold in folds]) for name in ("labels", "patients"))
    classes = folds[0].classes
    if reason := lack_of_patients(labels, patients, classes=classes):
        return reason
    for number, fold in enumerate(folds):
        counts = by_class(class_patients(fold.labels, fold.patients), classes)
        in_fold = {f"{kind} in fold {number}": count for kind, count in counts.items()}
        if reason := lack_of(in_fold, FEWEST_IN_FOLD):
            return reason
    return ""


def cross_validated_auc(repeats: Sequence[Sequence[Fold]]) -> CrossValidatedAuc:
    """The cross-validated AUC of one setting; each fold holds the logits of one run, (1, N).

    Each of `repeats` holds the folds of one cross-validation, with its own start of the head or draw of folds; the AUC
    is the mean over all of them. The variance is that of LeDell, Petersen and van der Laan's influence curve
    (Electronic Journal of Statistics 9, 2015): what each image adds to its fold's AUC, divided by the number of folds
    and summed by patient. The small-sample factors and the interval are those of a single AUC.
    """
    aucs = [float(auc(fold.labels, fold.logits)[0]) for folds in repeats for fold in folds]
    reason = next(filter(None, map(lack_of_folds, repeats)), "")
    if reason or np.isnan(aucs).any():
        return CrossValidatedAuc(float(np.mean(aucs)), (np.nan, np.nan), reason or "a fold has no AUC")
    names = np.unique(np.concatenate([fold.patients for folds in repeats for fold in folds]))
    influence = np.zeros(names.size)
    for folds in repeats:
        for fold in folds:
            patients, in_fold = _influence(components(fold.labels, fold.logits, fold.patients, FEWEST_IN_FOLD))
            influence[np.searchsorted(names, patients)] += in_fold / len(folds) / len(repeats)
    influence.sort()  # so that rounding errors of the sum do not depend on names
    estimate = AucCovariance(np.array([np.mean(aucs)]), np.array([[influence @ influence]]), _sizes(repeats[0]))
    low, high = score_interval(estimate)[0].tolist()
    return CrossValidatedAuc(float(estimate.aucs[0]), (low, high))


def _influence(parts: Components | None) -> tuple[NDArray[Any], Floats]:
    """The patients of the run of one fold, (K,), and what each of them adds to its AUC, (K,)."""
    assert parts is not None
    by_positive, by_negative, _ = np.sqrt(parts.weights)
    influence: Floats = by_positive * parts.positive[0] + by_negative * parts.negative[0]
    return parts.patients, influence


def _sizes(folds: Sequence[Fold]) -> Sizes:
    sizes = [sizes_of(fold.labels, fold.patients) for fold in folds]
    patients, images = (np.concatenate([getattr(size, name) for size in sizes]) for name in ("patients", "images"))
    return Sizes(patients, images)
