"""The region of a mammogram's findings: their masks, resized to its shape, or their boxes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammo.data.dataset.dataset import Dataset
from mammo.data.files.reading import read_image
from mammo.data.index.cutting import resize_mask
from mammo.data.manifest.columns.columns import BOX
from mammo.errors import MammoError


def findings_mask(dataset: Dataset, image: str, shape: tuple[int, int]) -> NDArray[np.bool_] | None:
    """The pixels of a full mammogram of `shape` that belong to a finding; bool (rows, columns), None where unknown.

    Raises MammoError where a mask can no longer be read.
    """
    lesions = dataset.lesions[dataset.lesions["image"] == image]
    parts = [part for row in lesions.to_dict("records") if (part := _finding_mask(dataset, row, shape)) is not None]
    return np.logical_or.reduce(parts) if parts else None


def outlined_images(dataset: Dataset) -> set[str]:
    """The ids of the full mammograms with the mask or the box of a finding in the index."""
    lesions = dataset.lesions
    has_outline = lesions["mask"].notna()
    if set(BOX) <= set(lesions):
        has_outline |= lesions[list(BOX)].notna().all(axis=1)
    return set(lesions.loc[has_outline, "image"]) & set(dataset.images["image"])


def _finding_mask(dataset: Dataset, row: Mapping[Any, Any], shape: tuple[int, int]) -> NDArray[np.bool_] | None:
    if isinstance(row["mask"], str):
        path = dataset.path(row["mask"])
        try:
            return resize_mask(read_image(path).pixels, shape)
        except (MammoError, OSError) as error:
            raise MammoError(f"The mask {path} can no longer be read ({error}); index the data set again.") from None
    if any(side not in row or pd.isna(row[side]) for side in BOX):
        return None
    left, top, right, bottom = (int(row[side]) for side in BOX)
    mask = np.zeros(shape, dtype=bool)
    mask[top:bottom, left:right] = True
    return mask
