"""Paired comparison of runs on the same images: differences of AUCs, and images that flip between two runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from mammo.errors import MammoError
from mammo.specs.class_names import PLAIN, ClassNames
from mammo.statistics.comparing.flips import Flips, flips
from mammo.statistics.comparing.holm import holm
from mammo.statistics.content_order import arranged
from mammo.statistics.few import lack_of_patients
from mammo.statistics.intervals.bootstrap import resampled
from mammo.statistics.intervals.delong import components
from mammo.statistics.intervals.score import score_difference
from mammo.statistics.metrics import auc

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from mammo.runs.stored_run import StoredRun
    from mammo.statistics.intervals.score import AucEstimate
    from mammo.statistics.metrics import Floats

TRUTH = ["label", "patient"]


@dataclass(frozen=True)
class PairedTest:
    """A paired test of two AUCs, given by its estimate of their variances and covariance."""

    label: str
    description: str
    estimate: Callable[..., AucEstimate | None]


TESTS: dict[str, PairedTest] = {
    "delong": PairedTest("DeLong", "DeLong's structural components, summed by patient.", components),
    "bootstrap": PairedTest("Bootstrap", "2,000 resamples in which patients are drawn anew.", resampled),
}
PRIMARY = "delong"
"""The test that is shown by default."""
LEVEL = 0.05
"""Two runs are distinguished where the corrected p value is below this."""


@dataclass(frozen=True)
class SharedImages:
    """The images that all of R runs scored: `labels` and `patients` (N,), `logits` (R, N).

    `left_out` counts for each run its images that another run did not score.
    """

    labels: NDArray[np.int8]
    patients: NDArray[np.str_]
    logits: NDArray[np.float32]
    left_out: tuple[int, ...]
    classes: ClassNames = PLAIN

    @property
    def arranged(self) -> SharedImages:
        """The same images in `content_order`, which resamples need: it depends neither on names nor on rows."""
        labels, logits, patients = arranged(self.labels, self.logits, self.patients)
        return replace(self, labels=labels, logits=logits, patients=patients)


@dataclass(frozen=True)
class PairedResult:
    """The 95 % interval and the p value of a difference; `corrected` is the p value by Holm among all pairs.

    All are NaN where there are too few patients.
    """

    interval: tuple[float, float]
    p_value: float
    corrected: float


@dataclass(frozen=True)
class Difference:
    """The AUC of the run in row `first` minus that of the run in row `second`, on the same images.

    `reason` says why there is no test.
    """

    first: int
    second: int
    value: float
    delong: PairedResult
    bootstrap: PairedResult
    flips: Flips
    flips_corrected: float
    reason: str = ""

    def result(self, test: str) -> PairedResult:
        """The result of a test of `TESTS`."""
        result: PairedResult = getattr(self, test)
        return result


def shared_images(runs: Sequence[StoredRun], part: str) -> SharedImages:
    """The images of `part` that all runs scored.

    Raises MammoError where the runs belong to different data sets or levels, share no images of a class, or disagree on
    the truth or the patient of an image.
    """
    if len({run.id for run in runs}) < 2:
        raise MammoError("Name at least two different runs to compare; `mammo leaderboard` lists them.")
    sets = sorted({str(run.sweep.about["dataset"]["name"]) for run in runs})
    if len(sets) > 1:
        raise MammoError(f"These runs are scored on different data sets ({', '.join(sets)}); compare runs of one.")
    if len({run.sweep.level for run in runs}) > 1:
        raise MammoError(
            "These runs are scored at different levels; name all of them by image, or all with one @LEVEL."
        )
    tables = [run.images(part).set_index("image", drop=False) for run in runs]
    common = tables[0].index
    for table in tables[1:]:
        common = common[common.isin(table.index)]
    truth = tables[0].loc[common, TRUTH].astype(str)
    for run, table in zip(runs, tables, strict=True):
        if not table.loc[common, TRUTH].astype(str).equals(truth):
            raise MammoError(
                f"The runs {runs[0].id} and {run.id} disagree on the truth or the patient of images that they share, "
                "for the data set changed between them; run the older sweep again."
            )
    classes = runs[0].sweep.classes
    _refuse_without_class(truth, part, classes, runs[0].unit)
    logits = np.stack(
        [
            np.asarray(run.scored(part).logits)[table.index.get_indexer(common)]
            for run, table in zip(runs, tables, strict=True)
        ]
    )
    labels = np.asarray(truth["label"] == "malignant", dtype=np.int8)
    left_out = tuple(len(table) - len(common) for table in tables)
    return SharedImages(labels, truth["patient"].to_numpy(), logits, left_out, classes)


def _refuse_without_class(truth: pd.DataFrame, part: str, classes: ClassNames, unit: str) -> None:
    if truth.empty:
        raise MammoError(
            f"These runs share none of their {part} {unit}, so they cannot be compared; "
            "choose runs of one split (the same protocol, seed and redraw)."
        )
    for label, name in classes.by_label.items():
        if not (truth["label"] == label).any():
            raise MammoError(
                f"None of the {len(truth)} {part} {unit} that these runs share is {name}, so they have no AUC to "
                f"compare; choose another part, or runs of a split with {unit} of both classes."
            )


def differences(shared: SharedImages, thresholds: Sequence[float]) -> list[Difference]:
    """The difference of every pair of runs; `thresholds` (R,) are the logits above which each run calls malignant.

    The tests of `TESTS` are paired, clustered by patient, and corrected by Holm over the pairs. With fewer patients
    than `few` requires, a difference has no interval and no p value.
    """
    shared = shared.arranged
    correct = (shared.logits > np.asarray(thresholds)[:, None]) == (shared.labels == 1)
    pairs = list(combinations(range(len(correct)), 2))
    flipped = [flips(correct[first], correct[second], shared.patients) for first, second in pairs]
    aucs = auc(shared.labels, shared.logits)
    reason = lack_of_patients(shared.labels, shared.patients, classes=shared.classes)
    tests = [_tested(test, shared, pairs) for test in TESTS.values()]
    corrected = holm([flip.p_value for flip in flipped])
    return [
        Difference(first, second, float(aucs[first] - aucs[second]), delong, bootstrap, flip, float(p_value), reason)
        for (first, second), delong, bootstrap, flip, p_value in zip(pairs, *tests, flipped, corrected, strict=True)
    ]


def _tested(test: PairedTest, shared: SharedImages, pairs: list[tuple[int, int]]) -> list[PairedResult]:
    estimate = test.estimate(shared.labels, shared.logits, shared.patients)
    if estimate is None:
        return [PairedResult((np.nan, np.nan), np.nan, np.nan)] * len(pairs)
    rows = np.array(pairs, dtype=np.intp).reshape(-1, 2)
    bounds, p_values = score_difference(estimate, rows[:, 0], rows[:, 1])
    corrected: Floats = holm(p_values)
    columns = zip(bounds.tolist(), p_values.tolist(), corrected.tolist(), strict=True)
    return [PairedResult((low, high), p_value, adjusted) for (low, high), p_value, adjusted in columns]


def verdict(pair: Difference, names: Sequence[str], pairs: int, test: str = PRIMARY) -> str:
    """The verdict on a pair in a few words: which run is better, or that the runs are not told apart.

    It depends on the p value that is corrected for all `pairs` of the comparison, and mentions where the uncorrected
    p value alone would distinguish the runs.
    """
    result = pair.result(test)
    if np.isnan(result.corrected):
        return "not tested: too few patients"
    if result.corrected < LEVEL:
        return f"{names[pair.first] if pair.value > 0 else names[pair.second]} is better"
    if result.p_value < LEVEL:
        return f"not told apart: by itself it would be, but not as one of {pairs} pairs"
    return "not told apart"


def p_words(value: float | None) -> str:
    """A p value with three decimals, never shown as 0; None and NaN are a dash."""
    if value is None or np.isnan(value):
        return "-"
    return f"{value:.3f}" if value >= 0.0005 else "<0.001"
