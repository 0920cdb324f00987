"""What heads learn on one split."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray


@dataclass(frozen=True)
class Task:
    """`labels` from 0 to `classes` - 1 (N,), the last of them malignant; `parts` (N,) of `mammo.data.splits.protocols`.

    Two classes are learnt by one logit, more by a softmax; accuracy and AUC are of malignant against the rest.
    """

    labels: NDArray[Any]
    parts: NDArray[Any]
    classes: int = 2
