"""Scores fused from stored ones, without training: images of one breast or patient, and the runs of an ensemble."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mammo.results.statistics.curves import Floats
from mammo.results.statistics.metrics import probability

Starts = NDArray[np.intp]
LARGEST = 500.0
"""Logits beyond this are as sure as a number can say."""


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
    sums = [np.add.reduceat(probability(sign * logits), starts, axis=-1) for sign in (1, -1)]
    fused: Floats = np.log(sums[0]) - np.log(sums[1])
    return fused


def mean_logit(logits: Floats, starts: Starts) -> Floats:
    """The mean of the logits, which is that of the odds on a logarithmic scale."""
    sizes = np.diff(np.append(starts, logits.shape[-1]))
    fused: Floats = np.add.reduceat(logits, starts, axis=-1) / sizes
    return fused


def highest(logits: Floats, starts: Starts) -> Floats:
    """The highest score."""
    return np.asarray(np.maximum.reduceat(logits, starts, axis=-1))


def noisy_or(logits: Floats, starts: Starts) -> Floats:
    """Malignant if any is, each on its own: 1 − Π(1 − p) (Pearl 1988)."""
    each = np.maximum(logits, 0) + np.log1p(np.exp(-np.abs(logits)))  # −log(1 − p)
    none = np.add.reduceat(each, starts, axis=-1)
    fused: Floats = none + np.log(-np.expm1(-none))
    return fused


FUSIONS: dict[str, Fusion] = {
    "mean": Fusion("Mean", "The mean of the probabilities of malignancy.", mean),
    "mean-logit": Fusion("Mean of logits", "The mean of the scores before they become probabilities.", mean_logit),
    "max": Fusion("Highest", "The most suspicious image decides.", highest),
    "noisy-or": Fusion("Noisy-or", "One minus the chance that no image is malignant, were they independent.", noisy_or),
}

LEVELS: dict[str, Level] = {
    "image": Level("Mammogram", "Every mammogram, or crop, by itself.", "images", ()),
    "breast": Level("Breast", "The mammograms of a breast together, as CC and MLO.", "breasts", ("patient", "breast")),
    "patient": Level("Patient", "All mammograms of a patient together.", "patients", ("patient",)),
}


def fused(logits: Floats, starts: Starts, name: str) -> Floats:
    """Fuse the columns of `logits` (R, M) from each of `starts` (G,) to the next: (R, G); NaN where one is NaN."""
    clipped = np.clip(np.asarray(logits, dtype=np.float64), -LARGEST, LARGEST)
    return FUSIONS[name].function(clipped, starts)
