"""Scores fused from stored ones, without training: images of one breast or patient, and the runs of an ensemble."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mammo.statistics.curves import Floats

Starts = NDArray[np.intp]
LARGEST = 1e300
"""What an infinite logit counts as."""
CLOSE = 2e-14
"""Fused scores that lie closer, as a part of their size, may have been moved past one another by rounding."""
TINY = 1e-10
"""Chances below this are their logarithm's exponential."""


@dataclass(frozen=True)
class Fusion:
    """One way to make one score of several.

    `function(logits (R, M), starts (G,))` fuses the columns from each start to the next: (R, G), as logits.
    """

    label: str
    description: str
    function: Callable[[Floats, Starts], Floats]


@dataclass(frozen=True)
class Level:
    """What a score is of: the columns that name it, and what it is called in the plural."""

    label: str
    description: str
    unit: str
    columns: tuple[str, ...]


def mean(logits: Floats, starts: Starts) -> Floats:
    """The mean of the probabilities."""
    malignant, benign = (np.logaddexp.reduceat(-np.logaddexp(0, -sign * logits), starts, axis=-1) for sign in (1, -1))
    return np.asarray(malignant - benign)


def mean_logit(logits: Floats, starts: Starts) -> Floats:
    """The mean of the logits, which is that of the odds on a logarithmic scale."""
    fused: Floats = np.add.reduceat(logits, starts, axis=-1) / _sizes(logits, starts)
    return fused


def highest(logits: Floats, starts: Starts) -> Floats:
    """The highest score."""
    return np.asarray(np.maximum.reduceat(logits, starts, axis=-1))


def noisy_or(logits: Floats, starts: Starts) -> Floats:
    """Malignant if any is, each on its own: 1 − Π(1 − p) (Pearl 1988)."""
    each = np.logaddexp(0, logits)  # −log(1 − p), of which p itself is left where that is tiny
    none = np.add.reduceat(each, starts, axis=-1)
    tiny = np.logaddexp.reduceat(logits, starts, axis=-1)
    return np.where(none > TINY, none + np.log(-np.expm1(-np.maximum(none, TINY))), tiny + none / 2)


FUSIONS: dict[str, Fusion] = {
    "mean": Fusion("Mean", "The mean of the probabilities of malignancy.", mean),
    "mean-logit": Fusion("Mean of logits", "The mean of the scores before they become probabilities.", mean_logit),
    "max": Fusion("Highest", "The most suspicious image decides.", highest),
    "noisy-or": Fusion("Noisy-or", "One minus the chance that no image is malignant, were they independent.", noisy_or),
}

TYING = ("mean", "noisy-or")
"""The fusions of probabilities, which come out alike where those are as good as 0 or 1."""

LEVELS: dict[str, Level] = {
    "image": Level("Mammogram", "Every mammogram, or crop, by itself.", "images", ()),
    "breast": Level("Breast", "The mammograms of a breast together, as CC and MLO.", "breasts", ("patient", "breast")),
    "patient": Level("Patient", "All mammograms of a patient together.", "patients", ("patient",)),
}


def fused(logits: Floats, starts: Starts, name: str) -> Floats:
    """Fuse the columns of `logits` (R, M) from each of `starts` (G,) to the next: (R, G); NaN where one is NaN.

    Everything is computed in logits, so that sure scores stay apart that are one as probabilities. What still comes out
    alike to rounding, as the mean of the probabilities of two members that are sure of opposite answers, is put in the
    order of the mean logits: where all members order two columns alike, so are their fused scores.
    """
    wide = np.clip(np.asarray(logits, dtype=np.float64), -LARGEST, LARGEST)
    with np.errstate(invalid="ignore"):
        scores = FUSIONS[name].function(wide, starts)
        if name in TYING:
            scores = _apart(scores, mean_logit(wide, starts))
    alone = _sizes(wide, starts) == 1
    return np.where(alone, wide[..., starts], scores) if alone.any() else scores


def _sizes(logits: Floats, starts: Starts) -> Starts:
    return np.diff(np.append(starts, logits.shape[-1]))


def _apart(scores: Floats, judges: Floats) -> Floats:
    """Scores (R, G) of which those that rounding may have made or moved are in the order of their judges (R, G).

    Neighbours closer than `CLOSE` are of one bunch. Scores of a bunch change places, are equal where their judges are,
    and differ by a last digit at least where these do.
    """
    ordered = np.sort(scores, axis=-1) + 0.0
    gaps = np.diff(ordered, axis=-1) > CLOSE * np.maximum(1.0, np.abs(ordered[..., 1:]))
    bunches = _summed(gaps)
    places = np.argsort(np.argsort(scores, axis=-1), axis=-1)
    order = np.lexsort((judges, np.take_along_axis(bunches, places, axis=-1)), axis=-1)
    differ = gaps | (np.diff(np.take_along_axis(judges, order, axis=-1), axis=-1) != 0)
    rises = _summed(differ)
    begins = np.diff(rises, axis=-1, prepend=-1) > 0
    first = np.maximum.accumulate(np.where(begins, np.arange(rises.shape[-1]), 0), axis=-1)
    counted = _counted(np.take_along_axis(ordered, first, axis=-1))
    numbers = _number(np.maximum.accumulate(counted - rises, axis=-1) + rises)
    made = np.empty_like(ordered)
    np.put_along_axis(made, order, numbers, axis=-1)
    return np.where(np.isnan(scores), np.nan, made)


def _summed(steps: NDArray[np.bool_]) -> NDArray[np.int64]:
    """How many steps (R, G - 1) lie before each place, (R, G)."""
    sums = np.cumsum(steps, axis=-1, dtype=np.int64)
    return np.concatenate([np.zeros((*sums.shape[:-1], 1), dtype=np.int64), sums], axis=-1)


def _counted(numbers: Floats) -> NDArray[np.int64]:
    """Whole numbers that are one apart where float64 numbers are neighbours."""
    bits = numbers.view(np.int64)
    return np.where(bits < 0, np.iinfo(np.int64).min - bits, bits)


def _number(counted: NDArray[np.int64]) -> Floats:
    """The numbers that `_counted` counted."""
    return _counted(counted.view(np.float64)).view(np.float64)
