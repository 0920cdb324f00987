"""Types of the phantom's arrays."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Field: TypeAlias = NDArray[np.float32]
Mask: TypeAlias = NDArray[np.bool_]
Pixels: TypeAlias = NDArray[np.uint16]
Points: TypeAlias = NDArray[np.float64]


def as_field(values: ArrayLike) -> Field:
    """Return `values` in single precision, without a copy where they already are."""
    return np.asarray(values, dtype=np.float32)
