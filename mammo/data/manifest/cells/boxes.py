"""The boxes of findings: four cells a row become whole pixels, and what is no box is missing."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammo.data.manifest.columns.columns import BOX
from mammo.data.manifest.unread import Unread

OUTSIDE = "its box lies outside the image"


def read_boxes(
    cells: Mapping[str, pd.Series], numbers: pd.DataFrame, unread: Unread
) -> tuple[pd.DataFrame, dict[int, str], list[str]]:
    """Boxes of whole pixels (Int64, missing where there is none), rows whose box is outside, and notes.

    `cells` are the texts, `numbers` what they say (float64, NaN where nothing). Decimals are rounded outwards, sides
    beyond the left and upper edge are moved to it, a box of zeros is none. Half and empty boxes are counted as odd
    values of `box`; where all boxes lie between 0 and 1 they are shares of the image, not pixels, and none is taken.
    """
    sides = numbers[list(BOX)].to_numpy(dtype=float)
    given = ~np.isnan(sides)
    written = np.column_stack([(cells[name] != "").to_numpy() for name in BOX])
    notes = []
    if given.any() and np.nanmax(np.abs(sides)) <= 1 and np.any(sides[given] % 1):
        notes.append("The boxes are shares of the image, not pixels, and were not taken; multiply them by its size.")
        given[:] = False
        written[:] = False
    zero = given.all(axis=1) & (sides == 0).all(axis=1)
    whole = given.all(axis=1) & ~zero
    flat = whole & ~((sides[:, 0] < sides[:, 2]) & (sides[:, 1] < sides[:, 3]))
    half = given.any(axis=1) & ~given.all(axis=1)
    outside = whole & ~flat & ((sides[:, 2] <= 0) | (sides[:, 3] <= 0))
    _count(cells, half | flat | (written.all(axis=1) & ~given.any(axis=1)), flat, unread)
    taken = whole & ~flat & ~outside
    rounded = np.column_stack([np.floor(sides[:, :2]), np.ceil(sides[:, 2:])])
    kept = np.where(taken[:, None], np.maximum(rounded, 0), np.nan)
    boxes = pd.DataFrame(kept, columns=list(BOX), index=numbers.index).astype("Int64")
    return boxes, {int(row): OUTSIDE for row in numbers.index[outside]}, notes


def _count(cells: Mapping[str, pd.Series], wrong: NDArray[np.bool_], flat: NDArray[np.bool_], unread: Unread) -> None:
    """Note boxes with an odd or missing side, and those without a breadth or height."""
    table = pd.DataFrame({name: cells[name] for name in BOX})[wrong]
    texts = pd.Series([", ".join(row) for row in table.to_numpy().tolist()], index=table.index, dtype=str)
    why = np.where(flat[wrong], "is empty: xmin < xmax and ymin < ymax are needed", "is not whole")
    odd = [(int(row), text, str(reason)) for row, text, reason in zip(texts.index, texts, why, strict=True)]
    unread.count("box", len(odd), odd)
