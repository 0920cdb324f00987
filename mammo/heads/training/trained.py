"""What training finds of heads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mammo.specs import HeadSpec

Floats = NDArray[np.float32]

HISTORY = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy", "validation_auc")
"""What `Trained.history` holds of an epoch.

The train figures are running means during the epoch, over each batch before its update and with dropout, as Keras
reports them; the validation figures are taken after the epoch.
"""


@dataclass(frozen=True)
class Trained:
    """Trained heads, in the order in which they were asked for.

    `logits` float32 (heads, N) of all images from the weights kept: the log-odds of malignant against the rest.
    `history` float32 (heads, epochs, len(HISTORY)), NaN after a head stopped; `epochs` int (heads,) trained and
    `best_epoch` int (heads,) after which the kept weights were taken, both counted from 1. `weights` holds a head's
    "weight" (F,) and "bias" (); a hidden head's "hidden.weight" (hidden, F), "hidden.bias" (hidden,), "weight"
    (hidden,) and "bias" (). A head of K > 2 classes has K rows in "weight" and K numbers in "bias".
    """

    logits: Floats
    history: Floats
    best_epoch: NDArray[np.int64]
    epochs: NDArray[np.int64]
    weights: list[dict[str, Floats]]

    @classmethod
    def begin(cls, heads: Sequence[HeadSpec], images: int) -> Trained:
        """The places of what training will tell of heads on so many images."""
        count = len(heads)
        return cls(
            logits=np.full((count, images), np.nan, np.float32),
            history=np.full((count, max(head.epochs for head in heads), len(HISTORY)), np.nan, np.float32),
            best_epoch=np.zeros(count, np.int64),
            epochs=np.zeros(count, np.int64),
            weights=[{} for _ in heads],
        )

    def latest(self) -> list[float | None]:
        """Each head's validation AUC after its last epoch so far; None where there is none."""
        areas = [
            float(areas[epochs - 1]) if epochs else np.nan
            for areas, epochs in zip(self.history[:, :, -1], self.epochs, strict=True)
        ]
        return [None if np.isnan(area) else area for area in areas]
