"""Flips: images that one run classifies correctly and another run does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mammo.statistics.content_order import number_patients

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Flips:
    """Images counted by which of two runs is correct; `p_value` tests that both are correct equally often."""

    both: int
    first_only: int
    second_only: int
    neither: int
    p_value: float


def flips(first: ArrayLike, second: ArrayLike, patients: ArrayLike) -> Flips:
    """Count on which images two runs are correct, bool (N,) each, and test the difference exactly, by patient.

    Under the null hypothesis the surplus of a patient, its images on which only the first run is correct minus those on
    which only the second is, has either sign with equal probability. With one image per patient this is McNemar's exact
    test (1947); with more it is the permutation form of its extension to clusters (Durkalski et al., Statistics in
    Medicine 22, 2003).
    """
    left, right = np.asarray(first, dtype=bool), np.asarray(second, dtype=bool)
    _, patient = number_patients(patients)
    surplus = np.bincount(patient, weights=left.astype(float) - right).astype(int)
    return Flips(
        both=int((left & right).sum()),
        first_only=int((left & ~right).sum()),
        second_only=int((right & ~left).sum()),
        neither=int((~left & ~right).sum()),
        p_value=_signs_p_value(surplus),
    )


def _signs_p_value(surplus: NDArray[np.int_]) -> float:
    """The probability that the sum of `surplus` (K,) with random signs is as far from 0 as the observed sum."""
    sizes = np.abs(surplus[surplus != 0])
    reach = int(sizes.sum())
    chance = np.zeros(2 * reach + 1)
    chance[reach] = 1.0
    for size in sizes:
        chance = (np.roll(chance, size) + np.roll(chance, -size)) / 2
    far = np.abs(np.arange(-reach, reach + 1)) >= abs(int(surplus.sum()))
    return min(float(chance[far].sum()), 1.0)
