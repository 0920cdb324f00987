"""The reader's own ROC: what the radiologists' BI-RADS assessments are worth on the same images as the runs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mammo.data.birads import RECALL, SUSPICIOUS, ZEROS, ZeroRule, is_zero, reader_scores, threshold_words
from mammo.errors import MammoError
from mammo.runs.circular import Circularity, circularity
from mammo.statistics.curves import roc_curve
from mammo.statistics.few import lack_of_patients
from mammo.statistics.intervals.delong import auc_interval
from mammo.statistics.intervals.shares import share_interval
from mammo.statistics.metrics import auc
from mammo.statistics.scored import Scored

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mammo.runs.stored_run import StoredRun

NAME = "Reader's BI-RADS"
SHARES = ("sensitivity", "specificity")


def reader_summary(
    images: pd.DataFrame, lesions: pd.DataFrame, about: Mapping[str, Any] | None = None, zero: str = RECALL
) -> dict[str, Any]:
    """The reader's ROC by image, by lesion, and by lesion for masses and calcifications, as plain JSON values.

    `images` and `lesions` are a data set's tables; of these the official test set (`part` is "test"), or all where
    none is named ("all"). `about` is what the data set says of its columns: where labels are made from BI-RADS, there
    is no ROC but the reason (`circular`). `zero` names an entry of ZEROS. Raises MammoError where no image and
    no lesion has a BI-RADS assessment.
    """
    part, tables = reader_tables(images, lesions)
    read = {name: scored_by_reader(table, zero) for name, table in tables.items()}
    found = circularity(about or {}, images if read["image"] else lesions)
    certain = found is not None and found.certain
    told = {
        "part": part,
        "circular": certain,
        "may_be_circular": found is not None and not certain,
        "reason": found.reason if found else "",
        "zero": zero,
    }
    if certain:
        return told
    if all(one is None for one in read.values()):
        of = "official test images" if part == "test" else "images"
        raise MammoError(
            f"No BI-RADS assessment is known of these {of}, so their reader has no ROC; "
            "index the data set again from tables that hold one."
        )
    return {**told, **{name: _summary(one, tables[name], ZEROS[zero]) for name, one in read.items()}}


def reader_tables(images: pd.DataFrame, lesions: pd.DataFrame) -> tuple[str, dict[str, pd.DataFrame]]:
    """What a reader is measured on: `test` and the official test set, or `all` where none is named.

    The tables are those of images, of lesions, and of lesions that are masses and calcifications.
    """
    official = any("split" in table and bool((table["split"] == "test").any()) for table in (images, lesions))
    if official:
        images, lesions = images[images["split"] == "test"], lesions[lesions["split"] == "test"]
    kinds = {kind: lesions[lesions["abnormality"] == kind] for kind in ("mass", "calc")}
    return "test" if official else "all", {"image": images, "lesion": lesions, **kinds}


def scored_by_reader(table: pd.DataFrame, zero: str = RECALL) -> Scored | None:
    """The reader's scores of the rows that have a BI-RADS assessment; None where none has."""
    if "birads" not in table:
        return None
    scores = reader_scores(table["birads"], zero).to_numpy()
    known = np.isfinite(scores)
    if not known.any():
        return None
    labels = np.asarray(table["label"] == "malignant", dtype=np.int8)[known]
    return Scored(NAME, labels, scores[known], table["patient"].to_numpy()[known], left_out=int((~known).sum()))


def reader_of(runs: Sequence[StoredRun], part: str) -> Scored | None:
    """The reader on the very images of `part` that the runs are scored on, those of all runs where these differ.

    None where the runs score different data sets or kinds of image, no BI-RADS is known, or labels are made from it.
    """
    found = circularity_of(runs)
    if found and found.certain:
        return None
    if len({(run.sweep.about["dataset"]["name"], str(run.settings["kind"])) for run in runs}) != 1:
        return None
    shown = [run.images(part) for run in runs]
    read = scored_by_reader(pd.concat(shown).drop_duplicates("image"))
    differ = any(set(images["image"]) != set(shown[0]["image"]) for images in shown)
    return replace(read, name=f"{NAME}, on the images of all runs") if read and differ else read


def circularity_of(runs: Sequence[StoredRun]) -> Circularity | None:
    """Whether the labels that runs are scored on were made from BI-RADS; the most certain answer of several."""
    sweeps = {run.sweep.id: run.sweep for run in runs}.values()
    answers = [circularity(sweep.about["dataset"], sweep.images) for sweep in sweeps]
    return max(filter(None, answers), key=lambda one: one.certain, default=None)


def _summary(read: Scored | None, table: pd.DataFrame, rule: ZeroRule) -> dict[str, Any]:
    if read is None:
        nothing: dict[str, Any] = dict.fromkeys(("auc", "interval", "reason", *SHARES))
        return {**nothing, "n": 0, "positives": 0, "patients": 0, "left_out": len(table), "operating": [], "points": []}
    positive = np.asarray(read.labels) == 1
    false, found, thresholds = roc_curve(read.labels, read.logits)
    points = zip(false[1:], found[1:], thresholds[1:].tolist(), strict=True)
    operating = _operating(read, rule)
    return {
        "auc": _plain(read.value(auc)),
        "interval": [_plain(bound) for bound in read.interval(auc_interval)],
        "reason": lack_of_patients(read.labels, read.patients, classes=read.classes) or None,
        "n": int(positive.size),
        "positives": int(positive.sum()),
        "patients": int(pd.Series(read.patients).nunique()),
        "left_out": read.left_out,
        **{name: operating[0][name] for name in SHARES},
        "operating": operating,
        "points": [
            {
                "birads": threshold_words(score, rule.score),
                "score": score,
                "sensitivity": _plain(y),
                "specificity": _plain(1 - x),
            }
            for x, y, score in points
        ],
    }


def _operating(read: Scored, rule: ZeroRule) -> list[dict[str, Any]]:
    """What calling BI-RADS 4 and above malignant gets right, with 0 and without; what `rule` says comes first."""
    scores, patients = np.asarray(read.logits), np.asarray(read.patients)
    positive, zero = np.asarray(read.labels) == 1, is_zero(scores)
    suspicious = (scores >= SUSPICIOUS) & ~zero
    ways = {f"≥ {SUSPICIOUS:.0f} or 0": suspicious | zero, f"≥ {SUSPICIOUS:.0f}": suspicious}
    told = [
        {
            "birads": words,
            "sensitivity": _share(called[positive], patients[positive]),
            "specificity": _share(~called[~positive], patients[~positive]),
        }
        for words, called in ways.items()
    ]
    return told if rule.recalled else told[::-1]


def _share(right: Any, patients: Any) -> dict[str, Any] | None:
    """The share that an operating point gets right, with its 95 % interval by patient."""
    if not len(right):
        return None
    low, high = share_interval(right, patients)
    return {"value": float(np.mean(right)), "interval": [_plain(low), _plain(high)]}


def _plain(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
