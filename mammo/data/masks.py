"""Where the findings of a mammogram lie: their masks brought to its size, or their boxes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammo.data.dataset.dataset import Dataset
from mammo.data.files.reading import read_image
from mammo.data.index.cutting import to_shape
from mammo.data.manifest.columns.columns import BOX
from mammo.errors import MammoError


def findings_mask(dataset: Dataset, image: str, shape: tuple[int, int]) -> NDArray[np.bool_] | None:
    """Which pixels of a full mammogram of `shape` belong to a finding; bool (rows, columns), None where unknown.

    Raises MammoError where a mask can no longer be read.
    """
    lesions = dataset.lesions[dataset.lesions["image"] == image]
    parts = [part for row in lesions.to_dict("records") if (part := _one(dataset, row, shape)) is not None]
    return np.logical_or.reduce(parts) if parts else None


def outlined(dataset: Dataset) -> set[str]:
    """The full mammograms in which the index knows the mask or the box of a finding."""
    lesions = dataset.lesions
    known = lesions["mask"].notna()
    if set(BOX) <= set(lesions):
        known |= lesions[list(BOX)].notna().all(axis=1)
    return set(lesions.loc[known, "image"]) & set(dataset.images["image"])


def _one(dataset: Dataset, row: Mapping[Any, Any], shape: tuple[int, int]) -> NDArray[np.bool_] | None:
    if isinstance(row["mask"], str):
        path = dataset.path(row["mask"])
        try:
            return to_shape(read_image(path).pixels, shape)
        except (MammoError, OSError) as error:
            raise MammoError(f"The mask {path} can no longer be read ({error}); index the data set again.") from None
    if any(side not in row or pd.isna(row[side]) for side in BOX):
        return None
    left, top, right, bottom = (int(row[side]) for side in BOX)
    mask = np.zeros(shape, dtype=bool)
    mask[top:bottom, left:right] = True
    return mask
