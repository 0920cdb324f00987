"""BI-RADS assessments as a score: how suspicious the reader found a finding."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from mammo.specs import pick

SCORES = {0: 3.5, 1: 1.0, 2: 2.0, 3: 3.0, 4: 4.0, 5: 5.0, 6: 6.0}
"""The score of each assessment; 0, "needs further imaging", lies between probably benign and suspicious."""

ASSESSMENTS = {score: assessment for assessment, score in SCORES.items()}
SUSPICIOUS = 4.0
"""The assessment from which a finding is called suspicious and a biopsy advised."""


@dataclass(frozen=True)
class ZeroRule:
    """How BI-RADS 0 counts: its score in the ROC, None where it is left out, and whether it is a recall.

    The score is never a whole number, so that 0 is recognised among scores.
    """

    label: str
    description: str
    score: float | None
    recalled: bool


RECALL = "recall"
ZEROS: dict[str, ZeroRule] = {
    RECALL: ZeroRule(
        "A recall", "BI-RADS 0 is called at the operating point and stands between 3 and 4 in the ROC.", 3.5, True
    ),
    "benign": ZeroRule(
        "Not called", "BI-RADS 0 is not called at the operating point and stands below 1 in the ROC.", 0.5, False
    ),
    "none": ZeroRule("Left out", "Images of BI-RADS 0 take no part.", None, False),
}
"""Ways to count an assessment that asks for further imaging."""


def reader_scores(birads: pd.Series, zero: str = RECALL) -> pd.Series:
    """The scores of BI-RADS assessments as float64, NaN where there is none; `zero` names an entry of ZEROS."""
    rule = pick(ZEROS, zero, "way to count BI-RADS 0")
    scores = {**SCORES, 0: np.nan if rule.score is None else rule.score}
    return pd.to_numeric(birads, errors="coerce").astype("Float64").map(scores).astype("float64")


def is_birads_zero(scores: ArrayLike) -> NDArray[np.bool_]:
    """Which scores are those of BI-RADS 0."""
    values = np.asarray(scores, dtype=np.float64)
    fractional: NDArray[np.bool_] = np.isfinite(values) & (values != np.round(values))
    return fractional


def threshold_words(score: float, zero: float | None = SCORES[0]) -> str:
    """The assessments with a score of at least `score`, as a threshold in words; `zero` is the score of BI-RADS 0."""
    above = min(assessment for assessment, value in SCORES.items() if assessment and value >= score)
    return f"≥ {above} or 0" if zero is not None and score <= zero else f"≥ {above}"
