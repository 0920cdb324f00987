"""Runs compared in pairs on the very same images: how their AUCs differ, and which images flip between them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from mammo.errors import MammoError
from mammo.results.statistics.bootstrap import Resampled, resampled
from mammo.results.statistics.flips import Flips, flips
from mammo.results.statistics.holm import holm
from mammo.results.statistics.intervals import Components, Z, components
from mammo.results.statistics.ties import paired_p_values

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from mammo.results.scores import StoredRun
    from mammo.results.statistics.metrics import Floats

TRUTH = ["label", "patient"]


@dataclass(frozen=True)
class Shared:
    """The images that R runs were all scored on: `labels` and `patients` (N,), `logits` (R, N).

    `left_out` counts for every run the images of its own that another run was not scored on.
    """

    labels: NDArray[np.int8]
    patients: NDArray[np.str_]
    logits: NDArray[np.float32]
    left_out: tuple[int, ...]


@dataclass(frozen=True)
class Tested:
    """A 95 % interval of a difference, and the p value of there being none: alone, and by Holm among all pairs."""

    interval: tuple[float, float]
    p_value: float
    corrected: float


@dataclass(frozen=True)
class Difference:
    """The AUC of the run in row `first` less that of the run in row `second`, on the same images."""

    first: int
    second: int
    value: float
    delong: Tested
    bootstrap: Tested
    flips: Flips
    flips_corrected: float


def shared_images(runs: Sequence[StoredRun], part: str) -> Shared:
    """The images of `part` that all runs were scored on.

    Raises MammoError where runs are of different data sets or levels, share too few images to be compared, or disagree
    on the truth or the patient of one.
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
    _refuse_too_few(truth, part)
    logits = np.stack(
        [
            np.asarray(run.scored(part).logits)[table.index.get_indexer(common)]
            for run, table in zip(runs, tables, strict=True)
        ]
    )
    labels = np.asarray(truth["label"] == "malignant", dtype=np.int8)
    return Shared(labels, truth["patient"].to_numpy(), logits, tuple(len(table) - len(common) for table in tables))


def _refuse_too_few(truth: pd.DataFrame, part: str) -> None:
    if truth.groupby("label")["patient"].nunique().reindex(["benign", "malignant"]).min() >= 2:
        return
    if truth.empty:
        raise MammoError(
            f"These runs share none of their {part} images, so they cannot be compared; "
            "choose runs of one split (the same protocol, seed and redraw)."
        )
    raise MammoError(
        f"The {len(truth)} {part} images that these runs share come from fewer than two patients of a class, "
        "too few to compare runs on."
    )


def differences(shared: Shared, thresholds: Sequence[float]) -> list[Difference]:
    """Every pair of runs, the earlier first; `thresholds` (R,) are the logits above which each calls malignant.

    Tests are paired and count patients: DeLong's as `intervals.components` has it, and the bootstrap's. Holm's
    correction is over the pairs, for each test apart.
    """
    parts = components(shared.labels, shared.logits, shared.patients)
    drawn = resampled(shared.labels, shared.logits, shared.patients)
    assert parts is not None and drawn is not None
    right = (shared.logits > np.asarray(thresholds)[:, None]) == (shared.labels == 1)
    pairs = list(combinations(range(len(right)), 2))
    flipped = [flips(right[first], right[second], shared.patients) for first, second in pairs]
    tests = [_delong(parts, pairs), _bootstrap(drawn, pairs)]
    corrected = holm([one.p_value for one in flipped])
    return [
        Difference(
            first, second, float(parts.area[first] - parts.area[second]), delong, bootstrap, flip, float(p_value)
        )
        for (first, second), delong, bootstrap, flip, p_value in zip(pairs, *tests, flipped, corrected, strict=True)
    ]


def _delong(parts: Components, pairs: list[tuple[int, int]]) -> list[Tested]:
    everyone = np.arange(parts.area.size)
    errors = parts.errors(everyone, everyone)
    p_values = [float(paired_p_values(parts, second)[first]) for first, second in pairs]
    bounds = []
    for first, second in pairs:
        gap, reach = parts.area[first] - parts.area[second], Z * errors[first, second]
        bounds.append((float(gap - reach), float(gap + reach)))
    return _tested(bounds, p_values)


def _bootstrap(drawn: Resampled, pairs: list[tuple[int, int]]) -> list[Tested]:
    bounds, p_values = zip(*(drawn.difference(first, second) for first, second in pairs), strict=True)
    return _tested(list(bounds), list(p_values))


def _tested(bounds: list[tuple[float, float]], p_values: list[float]) -> list[Tested]:
    corrected: Floats = holm(p_values)
    return [Tested(*one) for one in zip(bounds, p_values, corrected.tolist(), strict=True)]


def p_words(value: float | None) -> str:
    """A p value in three decimals, as none that is 0; None and NaN are a dash."""
    if value is None or np.isnan(value):
        return "-"
    return f"{value:.3f}" if value >= 0.0005 else "<0.001"
