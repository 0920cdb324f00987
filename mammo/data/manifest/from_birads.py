"""Labels that are BI-RADS assessments themselves: they compare the reader with his own assessments."""

from __future__ import annotations

import pandas as pd

from mammo.data.manifest.columns.headers import Headers
from mammo.data.manifest.words.scales import BIRADS

FEWEST = 2
"""The number of distinct assessments from which agreement with the labels is evidence."""


def labels_are_birads(cells: pd.DataFrame, birads: pd.Series, headers: Headers) -> bool:
    """Whether the labels come from the column of BI-RADS assessments, or state the same assessment in every row.

    `cells` and `birads` (missing where no assessment is known) have the same rows.
    """
    if headers.sources_of("label") & headers.sources_of("birads"):
        return True
    labels = headers.cells("label", cells)
    present = birads.notna()
    if birads[present].nunique() < FEWEST:
        return False
    read = {cell: BIRADS.read(cell) for cell in labels[present].unique()}
    pairs = zip(labels[present].tolist(), birads[present].tolist(), strict=True)
    return all(read[label] == assessment for label, assessment in pairs)
