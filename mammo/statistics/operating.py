"""Operating points: a threshold chosen on validation alone, and its confusion matrix and rates on other images."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mammo.errors import MammoError
from mammo.specs import pick
from mammo.statistics.confusion import Confusion, confusion
from mammo.statistics.curves import CLOSE, Floats, roc_curve
from mammo.statistics.few import lack_of
from mammo.statistics.intervals.measurement import Measurement
from mammo.statistics.intervals.shares import share_interval
from mammo.statistics.metrics import probability

if TYPE_CHECKING:
    from mammo.statistics.scored import Scored

TARGET = 0.9
Choose = Callable[[Floats, Floats, float], int]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class ThresholdRule:
    """One way to choose a threshold on validation images.

    `choose(sensitivity (K,), specificity (K,), target)` returns the index of the threshold among the K thresholds of
    the ROC curve, which fall; None stands for probability 0.5.
    """

    label: str
    description: str
    choose: Choose | None
    has_target: bool = False


def _youden(sensitivity: Floats, specificity: Floats, _target: float) -> int:
    return int(np.argmax(sensitivity + specificity))


def _at_sensitivity(sensitivity: Floats, _specificity: Floats, target: float) -> int:
    return int(np.argmax(sensitivity >= target - CLOSE))


def _at_specificity(_sensitivity: Floats, specificity: Floats, target: float) -> int:
    return int(np.flatnonzero(specificity >= target - CLOSE)[-1])


RULES: dict[str, ThresholdRule] = {
    "youden": ThresholdRule("Youden", "The highest sum of sensitivity and specificity (Youden 1950).", _youden),
    "sensitivity": ThresholdRule(
        "At a sensitivity", "The highest threshold that finds that share of the positive class.", _at_sensitivity, True
    ),
    "specificity": ThresholdRule(
        "At a specificity", "The lowest threshold that spares that share of the negative class.", _at_specificity, True
    ),
    "half": ThresholdRule("Probability 0.5", "What the run itself calls positive; chosen without looking.", None),
}
HALF = "half"
NEAR_CERTAIN = 0.001
"""Probabilities closer to 0 or 1 than this are shown with their logit, which distinguishes them."""


@dataclass(frozen=True)
class Criterion:
    """How the threshold of every run is chosen: an entry of `RULES`, and its target share where it has one."""

    rule: str = HALF
    target: float = TARGET

    @property
    def words(self) -> str:
        """The criterion in words, such as `Youden` or `At a sensitivity of 0.9`."""
        label = pick(RULES, self.rule, "rule").label
        return f"{label} of {self.target:g}" if self.has_target else label

    @property
    def has_target(self) -> bool:
        """Whether the rule has a target share."""
        return pick(RULES, self.rule, "rule").has_target

    @property
    def uses_validation(self) -> bool:
        """Whether the threshold depends on validation images."""
        return pick(RULES, self.rule, "rule").choose is not None

    def checked(self) -> Criterion:
        """The criterion itself; raises MammoError where the rule is unknown or the target is no share."""
        pick(RULES, self.rule, "rule")
        _check_target(self.target)
        return self

    def threshold(self, validation: Scored) -> float:
        """The threshold of a run, a logit, by `choose_threshold`."""
        return choose_threshold(validation, self.rule, self.target)

    def threshold_if_any(self, validation: Scored) -> float:
        """The threshold of a run, NaN where it cannot be chosen on these images."""
        try:
            return self.threshold(validation)
        except MammoError:
            return float("nan")


AT_HALF = Criterion()
"""Probability 0.5 for all runs: the default of tables of many runs, and the criterion of the report."""


def probability_words(logit: float, decimals: int = 3) -> str:
    """A threshold as a probability, with its logit where the probability is almost 0 or 1."""
    chance = float(probability(logit))
    if np.isnan(chance):
        return "-"
    words = f"{chance:.{decimals}f}"
    return f"{words} (logit {logit:.4g})" if min(chance, 1 - chance) < NEAR_CERTAIN else words


@dataclass(frozen=True)
class Measure:
    """A performance figure of a run at a threshold, computed from a share of images.

    `select(malignant (N,), called (N,))` returns which images count as correct and which images the share is of;
    `population` names the patients of the latter, with the names of the classes in braces. `scale` turns the share into
    the figure. Without `select` the figure is the mean of sensitivity and specificity.
    """

    label: str
    description: str
    select: Callable[[Flags, Flags], tuple[Flags, Flags]] | None = None
    population: str = "patients"
    scale: Callable[[float], float] | None = None


MEASURES: dict[str, Measure] = {
    "sensitivity": Measure(
        "Sensitivity",
        "Share of the positive class that is called positive.",
        lambda truth, called: (called, truth),
        "{positive} patients",
    ),
    "specificity": Measure(
        "Specificity",
        "Share of the negative class that is called negative.",
        lambda truth, called: (~called, ~truth),
        "{negative} patients",
    ),
    "ppv": Measure(
        "Positive predictive value",
        "Share of those called positive that are.",
        lambda truth, called: (truth, called),
        "patients called {positive}",
    ),
    "npv": Measure(
        "Negative predictive value",
        "Share of those called negative that are.",
        lambda truth, called: (~truth, ~called),
        "patients called {negative}",
    ),
    "accuracy": Measure(
        "Accuracy", "Share of all that are called what they are.", lambda truth, called: (truth == called, truth | True)
    ),
    "balanced_accuracy": Measure("Balanced accuracy", "Mean of sensitivity and specificity."),
    "f1": Measure(
        "F1",
        "Harmonic mean of sensitivity and positive predictive value.",
        lambda truth, called: (truth & called, truth | called),
        "patients {positive} or called so",
        lambda overlap: 2 * overlap / (1 + overlap),
    ),
}


@dataclass(frozen=True)
class OperatingPoint:
    """The performance of one run on the images of one part, which calls malignant each logit above `threshold`.

    `counts` are those of the confusion matrix, `measures` the entries of `MEASURES` by name.
    """

    rule: str
    target: float | None
    threshold: float
    counts: Confusion
    measures: dict[str, Measurement]

    @property
    def probability(self) -> float:
        """The threshold as a probability of malignancy."""
        return float(probability(self.threshold))

    @property
    def words(self) -> str:
        """The threshold in words, by `probability_words`."""
        return probability_words(self.threshold)


def choose_threshold(validation: Scored, rule: str, target: float = TARGET) -> float:
    """The logit above which images are called malignant, chosen by `rule` on validation images.

    It lies halfway between two of their scores. Raises MammoError where the rule is unknown, the target is no share, or
    the images lack a class or a score.
    """
    if validation.part != "validation":
        raise ValueError(f"a threshold is chosen on validation, not on {validation.part}")
    choose = pick(RULES, rule, "rule").choose
    if choose is None:
        return 0.0
    _check_target(target)
    false_rate, sensitivity, thresholds = roc_curve(validation.labels, validation.logits)
    if np.isnan(false_rate + sensitivity).any():
        raise MammoError(
            f"No threshold can be chosen on these validation {validation.unit}: they lack a class or a score; "
            "choose the rule 'half'."
        )
    return _below(thresholds, choose(sensitivity, 1 - false_rate, target))


def _check_target(target: float) -> None:
    if not 0 < target <= 1:
        raise MammoError(f"The target must be a share above 0 and at most 1, such as 0.9, not {target:g}.")


def _below(thresholds: Floats, index: int) -> float:
    """The value halfway between the threshold at `index` and the next lower one; below the last, just below it."""
    if index == 0:
        return float(thresholds[1])  # the highest score: no image lies above it
    lower = thresholds[index + 1] if index + 1 < thresholds.size else np.nextafter(thresholds[index], -np.inf)
    middle = (thresholds[index] + lower) / 2
    return float(middle if middle < thresholds[index] else lower)


def operate(validation: Scored, shown: Scored, rule: str, target: float = TARGET) -> OperatingPoint:
    """The operating point of a run's threshold, chosen by `rule` on `validation`, on the images `shown`.

    Shares have Clopper and Pearson's interval, clustered by patient; the intervals of balanced accuracy and F1 follow
    from these. They describe this threshold on new images, and not the variation of the threshold between validation
    sets.
    """
    threshold = choose_threshold(validation, rule, target)
    return OperatingPoint(
        rule,
        target if RULES[rule].has_target else None,
        threshold,
        confusion(shown.labels, shown.logits, threshold),
        {name: measure_at(shown, threshold, name) for name in MEASURES},
    )


def measure_at(shown: Scored, threshold: float, name: str) -> Measurement:
    """The measure `name` of `MEASURES` on the images `shown` at a logit threshold."""
    measure = MEASURES[name]
    if measure.select is None:
        return _mean(*(measure_at(shown, threshold, rate) for rate in ("sensitivity", "specificity")))
    logits, patients = np.asarray(shown.logits), np.asarray(shown.patients)
    if np.isnan(logits).any():
        return Measurement(np.nan, np.nan, np.nan, logits.size)
    correct, among = measure.select(np.asarray(shown.labels) == 1, logits > np.float64(threshold))
    value = float(correct[among].mean()) if among.any() else np.nan
    low, high = share_interval(correct[among], patients[among])
    reason = lack_of({measure.population.format(**shown.classes.to_json()): np.unique(patients[among]).size})
    if measure.scale is None:
        return Measurement(value, low, high, int(among.sum()), reason)
    return Measurement(measure.scale(value), measure.scale(low), measure.scale(high), logits.size, reason)


def _mean(first: Measurement, second: Measurement) -> Measurement:
    """The mean of two shares, with an interval from theirs (MOVER: Zou and Donner, Statistics in Medicine 27, 2008)."""
    value = (first.value + second.value) / 2
    below = math.hypot(first.value - first.low, second.value - second.low) / 2
    above = math.hypot(first.high - first.value, second.high - second.value) / 2
    return Measurement(value, value - below, value + above, first.n + second.n, first.reason or second.reason)
