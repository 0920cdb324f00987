"""Operating points: a threshold chosen on validation alone, and what it finds and costs on other images."""

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
from mammo.statistics.intervals.measured import Measured
from mammo.statistics.intervals.shares import share_interval
from mammo.statistics.metrics import probability

if TYPE_CHECKING:
    from mammo.statistics.scored import Scored

TARGET = 0.9
Choose = Callable[[Floats, Floats, float], int]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Rule:
    """One way to choose a threshold on validation images.

    `choose(sensitivity (K,), specificity (K,), target)` gives the place of the threshold among those of the ROC
    curve, from none called malignant to all; None asks for probability 0.5.
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


RULES: dict[str, Rule] = {
    "youden": Rule("Youden", "The highest sum of sensitivity and specificity (Youden 1950).", _youden),
    "sensitivity": Rule(
        "At a sensitivity", "The highest threshold that finds that share of the positive class.", _at_sensitivity, True
    ),
    "specificity": Rule(
        "At a specificity", "The lowest threshold that spares that share of the negative class.", _at_specificity, True
    ),
    "half": Rule("Probability 0.5", "What the run itself calls positive; chosen without looking.", None),
}
HALF = "half"
SURE = 0.001
"""Probabilities closer to 0 or 1 than this are told with their logit, which tells them apart."""


@dataclass(frozen=True)
class Criterion:
    """How the threshold of every run is chosen: an entry of `RULES`, and the share that it aims at where it has one."""

    rule: str = HALF
    target: float = TARGET

    @property
    def words(self) -> str:
        """The criterion as one reads it, such as `Youden` or `At a sensitivity of 0.9`."""
        label = pick(RULES, self.rule, "rule").label
        return f"{label} of {self.target:g}" if self.aims else label

    @property
    def aims(self) -> bool:
        """Whether the rule has a share to aim at."""
        return pick(RULES, self.rule, "rule").has_target

    @property
    def looks(self) -> bool:
        """Whether the threshold follows from validation images."""
        return pick(RULES, self.rule, "rule").choose is not None

    def checked(self) -> Criterion:
        """The criterion itself; raises MammoError where the rule is unknown or the target no share."""
        pick(RULES, self.rule, "rule")
        _check_target(self.target)
        return self

    def threshold(self, validation: Scored) -> float:
        """As `choose_threshold`."""
        return choose_threshold(validation, self.rule, self.target)

    def threshold_if_any(self, validation: Scored) -> float:
        """The same, but NaN where these images allow no choice."""
        try:
            return self.threshold(validation)
        except MammoError:
            return float("nan")


AT_HALF = Criterion()
"""Probability 0.5 for all: the usual of tables that list many runs, and what the report counts by."""


def probability_words(logit: float, decimals: int = 3) -> str:
    """A threshold as a probability, and as a logit too where the probability is as good as 0 or 1."""
    chance = float(probability(logit))
    if np.isnan(chance):
        return "-"
    told = f"{chance:.{decimals}f}"
    return f"{told} (logit {logit:.4g})" if min(chance, 1 - chance) < SURE else told


@dataclass(frozen=True)
class Measure:
    """A number that a threshold gives a run.

    It is made by `scale` of a share: `of(malignant (N,), called (N,))` says which images are right, and which of all
    are looked at, whose patients are called `who`, in which the classes' names stand. Without `of`
    it is the mean of sensitivity and specificity.
    """

    label: str
    description: str
    of: Callable[[Flags, Flags], tuple[Flags, Flags]] | None = None
    who: str = "patients"
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
    """What calling malignant each logit above `threshold` makes of one part's images.

    `counts` are those of the confusion matrix; `measures` the entries of `MEASURES`.
    """

    rule: str
    target: float | None
    threshold: float
    counts: Confusion
    measures: dict[str, Measured]

    @property
    def probability(self) -> float:
        """The threshold as a probability of malignancy."""
        return float(probability(self.threshold))

    @property
    def words(self) -> str:
        """The threshold as `probability_words`."""
        return probability_words(self.threshold)


def choose_threshold(validation: Scored, rule: str, target: float = TARGET) -> float:
    """The logit above which `rule` calls malignant, chosen on validation images: halfway between two scores there.

    Raises MammoError where the rule is unknown, the target no share, or the images lack a class or a score.
    """
    if validation.part != "validation":
        raise ValueError(f"a threshold is chosen on validation, not on {validation.part}")
    choose = pick(RULES, rule, "rule").choose
    if choose is None:
        return 0.0
    _check_target(target)
    false, found, thresholds = roc_curve(validation.labels, validation.logits)
    if np.isnan(false + found).any():
        raise MammoError(
            f"No threshold can be chosen on these validation {validation.unit}: they lack a class or a score; "
            "choose the rule 'half'."
        )
    return _below(thresholds, choose(found, 1 - false, target))


def _check_target(target: float) -> None:
    if not 0 < target <= 1:
        raise MammoError(f"The target must be a share above 0 and at most 1, such as 0.9, not {target:g}.")


def _below(thresholds: Floats, place: int) -> float:
    """What lies halfway between a threshold and the next lower one; beyond the last scores, just beyond them."""
    if place == 0:
        return float(thresholds[1])  # calls what lies above, which is none
    lower = thresholds[place + 1] if place + 1 < thresholds.size else np.nextafter(thresholds[place], -np.inf)
    middle = (thresholds[place] + lower) / 2
    return float(middle if middle < thresholds[place] else lower)


def operate(validation: Scored, shown: Scored, rule: str, target: float = TARGET) -> OperatingPoint:
    """The operating point of a run's threshold, chosen by `rule` on `validation`, on the images `shown`.

    Shares have Clopper and Pearson's interval by patient, from which those of balanced accuracy and F1 follow. The
    interval is of what the threshold does on new images; that other validation images would choose another is not part
    of it.
    """
    threshold = choose_threshold(validation, rule, target)
    return OperatingPoint(
        rule,
        target if RULES[rule].has_target else None,
        threshold,
        confusion(shown.labels, shown.logits, threshold),
        {name: measure_at(shown, threshold, name) for name in MEASURES},
    )


def measure_at(shown: Scored, threshold: float, name: str) -> Measured:
    """One of `MEASURES` of the images `shown` at a logit threshold."""
    measure = MEASURES[name]
    if measure.of is None:
        return _mean(*(measure_at(shown, threshold, rate) for rate in ("sensitivity", "specificity")))
    logits, patients = np.asarray(shown.logits), np.asarray(shown.patients)
    if np.isnan(logits).any():
        return Measured(np.nan, np.nan, np.nan, logits.size)
    right, among = measure.of(np.asarray(shown.labels) == 1, logits > np.float64(threshold))
    value = float(right[among].mean()) if among.any() else np.nan
    low, high = share_interval(right[among], patients[among])
    reason = lack_of({measure.who.format(**shown.classes.to_json()): np.unique(patients[among]).size})
    if measure.scale is None:
        return Measured(value, low, high, int(among.sum()), reason)
    return Measured(measure.scale(value), measure.scale(low), measure.scale(high), logits.size, reason)


def _mean(one: Measured, other: Measured) -> Measured:
    """The mean of two shares, whose intervals make its own (MOVER: Zou and Donner, Statistics in Medicine 27, 2008)."""
    value = (one.value + other.value) / 2
    below = math.hypot(one.value - one.low, other.value - other.low) / 2
    above = math.hypot(one.high - one.value, other.high - other.value) / 2
    return Measured(value, value - below, value + above, one.n + other.n, one.reason or other.reason)
