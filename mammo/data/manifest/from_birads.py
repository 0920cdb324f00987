"""Labels that are BI-RADS assessments themselves: a reader compared with them is compared with himself."""

from __future__ import annotations

import pandas as pd

from mammo.data.manifest.columns.headers import Headers
from mammo.data.manifest.words.scales import BIRADS

FEWEST = 2
"""As many different assessments as must stand there for their agreement with the labels to say anything."""


def labels_are_birads(cells: pd.DataFrame, birads: pd.Series, headers: Headers) -> bool:
    """Whether labels are read from a column of the BI-RADS assessments, or say the same assessment in every row.

    `cells` and `birads` (missing where no assessment is known) have the same rows.
    """
    if headers.sources_of("label") & headers.sources_of("birads"):
        return True
    labels = headers.cells("label", cells)
    known = birads.notna()
    if birads[known].nunique() < FEWEST:
        return False
    read = {cell: BIRADS.read(cell) for cell in labels[known].unique()}
    pairs = zip(labels[known].tolist(), birads[known].tolist(), strict=True)
    return all(read[label] == assessment for label, assessment in pairs)
