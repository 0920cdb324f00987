"""The scores of one run on the images of one part, from which every statistic is computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mammo.specs.class_names import PLAIN, ClassNames
from mammo.statistics.content_order import arranged

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


@dataclass(frozen=True)
class Scored:
    """The scores of one run on the images of one part: labels in {0, 1}, logits and patients, each (N,).

    `leaked` of these images have their patient in train and `repeated` have a near-duplicate there; `left_out` further
    images have no score. An image whose logit lies above `threshold` is called malignant. Where scores were fused, an
    image here is a breast or a patient, as `unit` says. `classes` names the two classes.
    """

    name: str
    labels: ArrayLike
    logits: ArrayLike
    patients: ArrayLike
    part: str = "test"
    leaked: int = 0
    repeated: int = 0
    left_out: int = 0
    unit: str = "images"
    threshold: float = 0.0
    classes: ClassNames = PLAIN

    @property
    def called(self) -> Scored:
        """The same images with the threshold subtracted from their logits, for metrics with the threshold 0."""
        if not self.threshold:
            return self
        return replace(self, logits=np.asarray(self.logits, dtype=float) - self.threshold, threshold=0.0)

    @property
    def arranged(self) -> Scored:
        """The same images in `content_order`, which intervals need: it depends neither on names nor on rows."""
        labels, logits, patients = arranged(*map(np.asarray, (self.labels, self.logits, self.patients)))
        return replace(self, labels=labels, logits=logits, patients=patients)

    @property
    def leak(self) -> tuple[str, ...]:
        """Warnings about images that leak from train, a sentence per kind of leak; empty without leaks."""
        of = f"of {np.size(self.labels)} {self.part} {self.unit} have"
        kinds = ((self.leaked, "their patient in train"), (self.repeated, "what may be a near-duplicate in train"))
        return tuple(f"{count} {of} {kind}" for count, kind in kinds if count)

    def value(self, metric: Callable[[ArrayLike, ArrayLike], Any]) -> float:
        """The value of a metric."""
        return float(metric(self.labels, self.logits))

    def interval(self, interval_of: Callable[[ArrayLike, ArrayLike, ArrayLike], Any]) -> tuple[float, float]:
        """The 95 % interval of a metric by a function such as `auc_interval`."""
        images = self.arranged
        low, high = interval_of(images.labels, images.logits, images.patients)[0]
        return float(low), float(high)
