"""What one run says of the images of one part: what every statistic is computed from."""

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
    """What one run says of the images of one part: labels in {0, 1}, logits and patients, each (N,).

    Of these images `leaked` have their patient in train and `repeated` a near-duplicate; `left_out` more have no score.
    Those whose logit lies above `threshold` are called malignant. Where scores were fused, what is called an image here
    is one of the `unit`: breasts or patients. `classes` names the two classes.
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
        """The same with logits counted from the threshold, for metrics that call images malignant above 0."""
        if not self.threshold:
            return self
        return replace(self, logits=np.asarray(self.logits, dtype=float) - self.threshold, threshold=0.0)

    @property
    def arranged(self) -> Scored:
        """The same images in an order that depends neither on names nor on rows, as intervals need it."""
        labels, logits, patients = arranged(*map(np.asarray, (self.labels, self.logits, self.patients)))
        return replace(self, labels=labels, logits=logits, patients=patients)

    @property
    def leak(self) -> tuple[str, ...]:
        """What must be said of images that train has seen, one sentence a kind; empty where it has seen none."""
        of = f"of {np.size(self.labels)} {self.part} {self.unit} have"
        kinds = ((self.leaked, "their patient in train"), (self.repeated, "what may be a near-duplicate in train"))
        return tuple(f"{count} {of} {what}" for count, what in kinds if count)

    def value(self, metric: Callable[[ArrayLike, ArrayLike], Any]) -> float:
        """The value of a metric."""
        return float(metric(self.labels, self.logits))

    def interval(self, of: Callable[[ArrayLike, ArrayLike, ArrayLike], Any]) -> tuple[float, float]:
        """The 95 % interval of a metric."""
        images = self.arranged
        low, high = of(images.labels, images.logits, images.patients)[0]
        return float(low), float(high)
