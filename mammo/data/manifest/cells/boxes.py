"""The boxes of findings: four cells of a row become whole pixels; four cells that are no box become missing."""

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
    """Return boxes in whole pixels (Int64, missing where a row has none), the rows whose box is outside, and notes.

    `cells` are the texts, `numbers` their values (float64, NaN where a cell has none). Decimals are rounded outwards,
    sides beyond the left and upper edge are moved to the edge, a box of zeros counts as no box. Incomplete and empty
    boxes are counted as odd values of `box`. Where all boxes lie between 0 and 1, they are fractions of the image and
    not pixels: no box is read then.
    """
    sides = numbers[list(BOX)].to_numpy(dtype=float)
    present = ~np.isnan(sides)
    written = np.column_stack([(cells[name] != "").to_numpy() for name in BOX])
    notes = []
    if present.any() and np.nanmax(np.abs(sides)) <= 1 and np.any(sides[present] % 1):
        notes.append("The boxes are shares of the image, not pixels, and were not taken; multiply them by its size.")
        present[:] = False
        written[:] = False
    zero = present.all(axis=1) & (sides == 0).all(axis=1)
    complete = present.all(axis=1) & ~zero
    flat = complete & ~((sides[:, 0] < sides[:, 2]) & (sides[:, 1] < sides[:, 3]))
    incomplete = present.any(axis=1) & ~present.all(axis=1)
    outside = complete & ~flat & ((sides[:, 2] <= 0) | (sides[:, 3] <= 0))
    _count(cells, incomplete | flat | (written.all(axis=1) & ~present.any(axis=1)), flat, unread)
    valid = complete & ~flat & ~outside
    rounded = np.column_stack([np.floor(sides[:, :2]), np.ceil(sides[:, 2:])])
    corners = np.where(valid[:, None], np.maximum(rounded, 0), np.nan)
    boxes = pd.DataFrame(corners, columns=list(BOX), index=numbers.index).astype("Int64")
    return boxes, {int(row): OUTSIDE for row in numbers.index[outside]}, notes


def _count(cells: Mapping[str, pd.Series], wrong: NDArray[np.bool_], flat: NDArray[np.bool_], unread: Unread) -> None:
    """Note boxes with an odd or missing side, and those without a breadth or height."""
    table = pd.DataFrame({name: cells[name] for name in BOX})[wrong]
    texts = pd.Series([", ".join(row) for row in table.to_numpy().tolist()], index=table.index, dtype=str)
    why = np.where(flat[wrong], "is empty: xmin < xmax and ymin < ymax are needed", "is not whole")
    odd = [(int(row), text, str(reason)) for row, text, reason in zip(texts.index, texts, why, strict=True)]
    unread.count("box", len(odd), odd)
