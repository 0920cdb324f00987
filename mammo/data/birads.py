"""BI-RADS assessments as a score: how malignant the reader thought a finding."""

from __future__ import annotations

import pandas as pd

SCORES = {0: 3.5, 1: 1.0, 2: 2.0, 3: 3.0, 4: 4.0, 5: 5.0, 6: 6.0}
"""The score of each assessment; 0, "needs further imaging", stands between probably benign and suspicious."""

ASSESSMENTS = {score: assessment for assessment, score in SCORES.items()}


def reader_scores(birads: pd.Series) -> pd.Series:
    """The scores of BI-RADS assessments as float64, NaN where there is none."""
    return pd.to_numeric(birads, errors="coerce").astype("Float64").map(SCORES).astype("float64")
