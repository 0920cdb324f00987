"""Flips: the images that one run gets right and another wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mammo.statistics.content_order import first_seen

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Flips:
    """Images counted by which of two runs gets them right; `p_value` is of neither being right more often."""

    both: int
    first_only: int
    second_only: int
    neither: int
    p_value: float


def flips(first: ArrayLike, second: ArrayLike, patients: ArrayLike) -> Flips:
    """Count where two runs are right (N,) and test the difference by patient, exactly.

    If neither run is better, a patient's surplus of images that only the first gets right is as likely to be one of
    images that only the second does. With one image a patient this is McNemar's exact test (1947); with more it is
    the permutation form of its extension to clusters (Durkalski et al., Statistics in Medicine 22, 2003).
    """
    one, other = np.asarray(first, dtype=bool), np.asarray(second, dtype=bool)
    _, patient = first_seen(patients)
    surplus = np.bincount(patient, weights=one.astype(float) - other).astype(int)
    return Flips(
        both=int((one & other).sum()),
        first_only=int((one & ~other).sum()),
        second_only=int((other & ~one).sum()),
        neither=int((~one & ~other).sum()),
        p_value=_signs_p_value(surplus),
    )


def _signs_p_value(surplus: NDArray[np.int_]) -> float:
    """How likely it is that the sum of `surplus`, each with a sign drawn by a coin, lies as far from 0 as it does."""
    sizes = np.abs(surplus[surplus != 0])
    reach = int(sizes.sum())
    chance = np.zeros(2 * reach + 1)
    chance[reach] = 1.0
    for size in sizes:
        chance = (np.roll(chance, size) + np.roll(chance, -size)) / 2
    far = np.abs(np.arange(-reach, reach + 1)) >= abs(int(surplus.sum()))
    return min(float(chance[far].sum()), 1.0)
