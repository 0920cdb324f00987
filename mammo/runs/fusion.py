"""Fusion of stored scores, without training: of the images of a breast or patient, or of the runs of an ensemble."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mammo.statistics.curves import Floats

Starts = NDArray[np.intp]
LARGEST = 1e300
"""The value that replaces an infinite logit."""
CLOSE = 2e-14
"""Fused scores with a smaller relative difference may be in the wrong order because of rounding."""
TINY = 1e-10
"""Below this sum of −log(1 − p), noisy-or uses a series, which rounding errors do not spoil."""


@dataclass(frozen=True)
class Fusion:
    """One way to fuse several scores into one.

    `function(logits (R, M), starts (G,))` fuses the columns from each start to the next and returns logits (R, G).
    """

    label: str
    description: str
    function: Callable[[Floats, Starts], Floats]


@dataclass(frozen=True)
class Level:
    """What one score belongs to: the columns that identify it, and its name in the plural."""

    label: str
    description: str
    unit: str
    columns: tuple[str, ...]


def mean(logits: Floats, starts: Starts) -> Floats:
    """The mean of the probabilities."""
    malignant, benign = (np.logaddexp.reduceat(-np.logaddexp(0, -sign * logits), starts, axis=-1) for sign in (1, -1))
    return np.asarray(malignant - benign)


def mean_logit(logits: Floats, starts: Starts) -> Floats:
    """The mean of the logits: the geometric mean of the odds."""
    fused: Floats = np.add.reduceat(logits, starts, axis=-1) / _sizes(logits, starts)
    return fused


def highest(logits: Floats, starts: Starts) -> Floats:
    """The highest score."""
    return np.asarray(np.maximum.reduceat(logits, starts, axis=-1))


def noisy_or(logits: Floats, starts: Starts) -> Floats:
    """The probability that any image is malignant if the images are independent: 1 − Π(1 − p) (Pearl 1988)."""
    benign = np.logaddexp(0, logits)  # −log(1 − p), which is p where p is tiny
    none = np.add.reduceat(benign, starts, axis=-1)
    tiny = np.logaddexp.reduceat(logits, starts, axis=-1)
    return np.where(none > TINY, none + np.log(-np.expm1(-np.maximum(none, TINY))), tiny + none / 2)


FUSIONS: dict[str, Fusion] = {
    "mean": Fusion("Mean", "The mean of the probabilities of malignancy.", mean),
    "mean-logit": Fusion("Mean of logits", "The mean of the scores before they become probabilities.", mean_logit),
    "max": Fusion("Highest", "The most suspicious image decides.", highest),
    "noisy-or": Fusion("Noisy-or", "One minus the chance that no image is malignant, were they independent.", noisy_or),
}

TYING = ("mean", "noisy-or")
"""The fusions of probabilities, whose results tie where the probabilities are almost 0 or 1."""

LEVELS: dict[str, Level] = {
    "image": Level("Mammogram", "Every mammogram, or crop, by itself.", "images", ()),
    "breast": Level("Breast", "The mammograms of a breast together, as CC and MLO.", "breasts", ("patient", "breast")),
    "patient": Level("Patient", "All mammograms of a patient together.", "patients", ("patient",)),
}


def fused(logits: Floats, starts: Starts, name: str) -> Floats:
    """Fuse the columns of `logits` (R, M) from each of `starts` (G,) to the next: (R, G); NaN where one is NaN.

    Everything is computed in logits, since scores near 0 or 1 differ in logits but not in probabilities. Results that
    are still equal to rounding, such as the mean of the probabilities of two members that are certain of opposite
    classes, are put in the order of the mean logits: where all members order two columns alike, the fusion does too.
    """
    wide = np.clip(np.asarray(logits, dtype=np.float64), -LARGEST, LARGEST)
    with np.errstate(invalid="ignore"):
        scores = FUSIONS[name].function(wide, starts)
        if name in TYING:
            scores = _separate_ties(scores, mean_logit(wide, starts))
    single = _sizes(wide, starts) == 1
    return np.where(single, wide[..., starts], scores) if single.any() else scores


def _sizes(logits: Floats, starts: Starts) -> Starts:
    return np.diff(np.append(starts, logits.shape[-1]))


def _separate_ties(scores: Floats, reference: Floats) -> Floats:
    """The scores (R, G), in which ties to rounding have the order of the `reference` scores (R, G).

    Neighbours closer than `CLOSE` belong to one bunch. The scores of a bunch are reordered: they are equal where the
    reference scores are equal, and differ at least by the last bit where these differ.
    """
    ordered = np.sort(scores, axis=-1) + 0.0
    gaps = np.diff(ordered, axis=-1) > CLOSE * np.maximum(1.0, np.abs(ordered[..., 1:]))
    bunches = _summed(gaps)
    ranks = np.argsort(np.argsort(scores, axis=-1), axis=-1)
    order = np.lexsort((reference, np.take_along_axis(bunches, ranks, axis=-1)), axis=-1)
    differ = gaps | (np.diff(np.take_along_axis(reference, order, axis=-1), axis=-1) != 0)
    rises = _summed(differ)
    begins = np.diff(rises, axis=-1, prepend=-1) > 0
    first = np.maximum.accumulate(np.where(begins, np.arange(rises.shape[-1]), 0), axis=-1)
    indices = _float_index(np.take_along_axis(ordered, first, axis=-1))
    numbers = _float_at(np.maximum.accumulate(indices - rises, axis=-1) + rises)
    separated = np.empty_like(ordered)
    np.put_along_axis(separated, order, numbers, axis=-1)
    return np.where(np.isnan(scores), np.nan, separated)


def _summed(steps: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The number of `steps` (R, G - 1) before each position, (R, G)."""
    sums = np.cumsum(steps, axis=-1, dtype=np.int64)
    return np.concatenate([np.zeros((*sums.shape[:-1], 1), dtype=np.int64), sums], axis=-1)


def _float_index(numbers: Floats) -> NDArray[np.int64]:
    """The index of float64 numbers in their order: neighbouring numbers have neighbouring indices."""
    bits = numbers.view(np.int64)
    return np.where(bits < 0, np.iinfo(np.int64).min - bits, bits)


def _float_at(indices: NDArray[np.int64]) -> Floats:
    """The numbers at the indices of `_float_index`."""
    return _float_index(indices.view(np.float64)).view(np.float64)
