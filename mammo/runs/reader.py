"""The reader's ROC: the performance of the radiologists' BI-RADS assessments on the same images as the runs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mammo.data.birads import RECALL, SUSPICIOUS, ZEROS, ZeroRule, is_birads_zero, reader_scores, threshold_words
from mammo.errors import MammoError
from mammo.runs.circular import Circularity, circularity
from mammo.statistics.curves import roc_curve
from mammo.statistics.few import lack_of_patients
from mammo.statistics.intervals.delong import auc_interval
from mammo.statistics.intervals.shares import share_interval
from mammo.statistics.metrics import auc
from mammo.statistics.scored import Scored
from mammo.storage.json_files import json_value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mammo.runs.stored_run import StoredRun

NAME = "Reader's BI-RADS"
SHARES = ("sensitivity", "specificity")


def reader_summary(
    images: pd.DataFrame, lesions: pd.DataFrame, about: Mapping[str, Any] | None = None, zero: str = RECALL
) -> dict[str, Any]:
    """The reader's ROC by image, by lesion, and by lesion for masses and calcifications, as plain JSON values.

    `images` and `lesions` are the tables of a data set. The official test set counts (`part` is "test"), or all rows
    where the data set has none ("all"). `about` describes the columns of the data set: where labels are derived from
    BI-RADS, the result is the reason (`circular`) and no ROC. `zero` names an entry of ZEROS. Raises MammoError where
    no image and no lesion has a BI-RADS assessment.
    """
    part, tables = reader_tables(images, lesions)
    scored = {name: scored_by_reader(table, zero) for name, table in tables.items()}
    doubt = circularity(about or {}, images if scored["image"] else lesions)
    certain = doubt is not None and doubt.certain
    facts = {
        "part": part,
        "circular": certain,
        "may_be_circular": doubt is not None and not certain,
        "reason": doubt.reason if doubt else "",
        "zero": zero,
    }
    if certain:
        return facts
    if all(reader is None for reader in scored.values()):
        of = "official test images" if part == "test" else "images"
        raise MammoError(
            f"No BI-RADS assessment is known of these {of}, so their reader has no ROC; "
            "index the data set again from tables that hold one."
        )
    return {**facts, **{name: _summary(reader, tables[name], ZEROS[zero]) for name, reader in scored.items()}}


def reader_tables(images: pd.DataFrame, lesions: pd.DataFrame) -> tuple[str, dict[str, pd.DataFrame]]:
    """The rows on which a reader is measured: `test` and the official test set, or `all` where there is none.

    The tables hold images, lesions, and the lesions that are masses and calcifications.
    """
    official = any("split" in table and bool((table["split"] == "test").any()) for table in (images, lesions))
    if official:
        images, lesions = images[images["split"] == "test"], lesions[lesions["split"] == "test"]
    kinds = {kind: lesions[lesions["abnormality"] == kind] for kind in ("mass", "calc")}
    return "test" if official else "all", {"image": images, "lesion": lesions, **kinds}


def scored_by_reader(table: pd.DataFrame, zero: str = RECALL) -> Scored | None:
    """The reader's scores of the rows with a BI-RADS assessment; None where no row has one."""
    if "birads" not in table:
        return None
    scores = reader_scores(table["birads"], zero).to_numpy()
    assessed = np.isfinite(scores)
    if not assessed.any():
        return None
    labels = np.asarray(table["label"] == "malignant", dtype=np.int8)[assessed]
    patients = table["patient"].to_numpy()[assessed]
    return Scored(NAME, labels, scores[assessed], patients, left_out=int((~assessed).sum()))


def reader_of(runs: Sequence[StoredRun], part: str) -> Scored | None:
    """The reader's scores on the images of `part` that the runs scored, on those of all runs where they differ.

    None where the runs scored different data sets or kinds of image, no image has BI-RADS, or labels are derived from
    it.
    """
    doubt = circularity_of(runs)
    if doubt and doubt.certain:
        return None
    if len({(run.sweep.about["dataset"]["name"], str(run.settings["kind"])) for run in runs}) != 1:
        return None
    shown = [run.images(part) for run in runs]
    reader = scored_by_reader(pd.concat(shown).drop_duplicates("image"))
    differ = any(set(images["image"]) != set(shown[0]["image"]) for images in shown)
    return replace(reader, name=f"{NAME}, on the images of all runs") if reader and differ else reader


def circularity_of(runs: Sequence[StoredRun]) -> Circularity | None:
    """Whether the labels of the runs' images were derived from BI-RADS; the most certain answer of several."""
    sweeps = {run.sweep.id: run.sweep for run in runs}.values()
    answers = [circularity(sweep.about["dataset"], sweep.images) for sweep in sweeps]
    return max(filter(None, answers), key=lambda answer: answer.certain, default=None)


def _summary(reader: Scored | None, table: pd.DataFrame, rule: ZeroRule) -> dict[str, Any]:
    if reader is None:
        nothing: dict[str, Any] = dict.fromkeys(("auc", "interval", "reason", *SHARES))
        return {**nothing, "n": 0, "positives": 0, "patients": 0, "left_out": len(table), "operating": [], "points": []}
    positive = np.asarray(reader.labels) == 1
    false_rate, sensitivity, thresholds = roc_curve(reader.labels, reader.logits)
    points = zip(false_rate[1:], sensitivity[1:], thresholds[1:].tolist(), strict=True)
    operating = _operating(reader, rule)
    return {
        "auc": json_value(reader.value(auc)),
        "interval": json_value(reader.interval(auc_interval)),
        "reason": lack_of_patients(reader.labels, reader.patients, classes=reader.classes) or None,
        "n": int(positive.size),
        "positives": int(positive.sum()),
        "patients": int(pd.Series(reader.patients).nunique()),
        "left_out": reader.left_out,
        **{name: operating[0][name] for name in SHARES},
        "operating": operating,
        "points": [
            {
                "birads": threshold_words(score, rule.score),
                "score": score,
                "sensitivity": json_value(y),
                "specificity": json_value(1 - x),
            }
            for x, y, score in points
        ],
    }


def _operating(reader: Scored, rule: ZeroRule) -> list[dict[str, Any]]:
    """Sensitivity and specificity if BI-RADS 4 and above are malignant, with and without 0; that of `rule` is first."""
    scores, patients = np.asarray(reader.logits), np.asarray(reader.patients)
    positive, zero = np.asarray(reader.labels) == 1, is_birads_zero(scores)
    suspicious = (scores >= SUSPICIOUS) & ~zero
    ways = {f"≥ {SUSPICIOUS:.0f} or 0": suspicious | zero, f"≥ {SUSPICIOUS:.0f}": suspicious}
    points = [
        {
            "birads": words,
            "sensitivity": _share(called[positive], patients[positive]),
            "specificity": _share(~called[~positive], patients[~positive]),
        }
        for words, called in ways.items()
    ]
    return points if rule.recalled else points[::-1]


def _share(correct: Any, patients: Any) -> dict[str, Any] | None:
    """The share of correct calls with its 95 % interval by patient; None without images."""
    if not len(correct):
        return None
    low, high = share_interval(correct, patients)
    return {"value": float(np.mean(correct)), "interval": json_value([low, high])}
