"""Runs and scores as plain tables of numbers and text: one row for each run, score or image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mammo.data.splits.leakage import COUNTS, patient_in_train
from mammo.data.splits.protocols import OUT, PARTS
from mammo.statistics.metrics import probability

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mammo.runs.stored_run import StoredRun
    from mammo.runs.sweep import Sweep

IDENTITY = ["dataset", "image", "patient", "breast", "view", "label"]
"""The columns of a table of scores that describe the image."""

MEANINGS = {
    "run": "the run, SWEEP.NUMBER",
    "cache, trunk … redraw": "its settings: features, head, training and split; `strength` is the C that a probe chose",
    "sweep, dataset": "where it stands, and what it was trained on",
    "synthetic": "whether the images were made by a program: its figures then say nothing about real mammograms",
    "notes": "what must be known of the data set before its figures are believed",
    "weights_note": "what the trunk's weights are",
    "leaked": "test images that train has seen, by their patient or as what may be a near-duplicate: "
    "figures come out too high; "
    "empty where that is unknown",
    "leak_…": "what of the test set train holds as well, each kind counted; empty where the data set does not tell",
    "n_validation, n_test": "how many images a figure is of",
    "…_auc, …_accuracy": "figures of that part, and their 95 % interval from `_low` to `_high`, patients counted whole",
    "tie_group": "runs of one number cannot be told apart on the validation images of their split",
    "dataset, image, patient, breast, view, label": "the image that was scored, and its truth",
    "part": "where the image stands in the run's split: train, validation, test or left out",
    "patient_in_train": "whether the image is of validation or test and its patient stands in train as well",
    "logit, probability": "the run's score: the log-odds of malignancy, and the probability that they stand for",
}
"""What the columns of the tables mean."""


def runs_table(board: pd.DataFrame) -> pd.DataFrame:
    """A leaderboard with plain columns: an interval as `_low` and `_high`, each count of leakage as `leak_…`."""
    flat: dict[str, Any] = {}
    for name, values in board.items():
        if name == "leakage":
            for kind in COUNTS:
                flat[f"leak_{kind}"] = pd.array([leaks.get(kind) for leaks in values], dtype="Int64")
        elif name == "leaked":
            flat["leaked"] = pd.array(values.tolist(), dtype="Int64")
        elif name == "notes":
            flat["notes"] = [" ".join(sentences) for sentences in values]
        elif str(name).endswith("_interval"):
            bounds = np.array(values.tolist(), dtype=float).reshape(-1, 2)
            stem = str(name).removesuffix("_interval")
            flat[f"{stem}_low"], flat[f"{stem}_high"] = bounds[:, 0], bounds[:, 1]
        else:
            flat[str(name)] = values.to_numpy()
    return pd.DataFrame(flat)


def scores_long(run: StoredRun) -> pd.DataFrame:
    """One row for each image: the run's score, the image's part of the split, and whether its patient is in train."""
    sweep, logits = run.sweep, np.asarray(run.sweep.logits[run.row])
    part = sweep.parts[int(run.settings["split"])]
    table = _image_columns(sweep)
    table.insert(0, "run", run.id)
    scores = {"logit": logits, "probability": probability(logits)}
    return table.assign(part=_part_names(part), patient_in_train=_patient_in_train(sweep, part), **scores)


def scores_wide(runs: Sequence[StoredRun]) -> pd.DataFrame:
    """One row for each image: its part in each split of the runs, and the logit of each run, empty where there is none.

    The column of a split is named `part SWEEP PROTOCOL SEED.REDRAW LABELS`, the column of a run is named as the run.
    """
    by_sweep: dict[str, list[StoredRun]] = {}
    for run in runs:
        by_sweep.setdefault(run.sweep.id, []).append(run)
    tables = [_wide(sweep_runs) for sweep_runs in by_sweep.values()]
    merged = tables[0]
    for table in tables[1:]:
        merged = merged.merge(table, on=IDENTITY, how="outer")
    first = [name for name in merged if name in IDENTITY or str(name).startswith("part ")]
    return merged[[*first, *(name for name in merged if name not in first)]]


def _wide(runs: Sequence[StoredRun]) -> pd.DataFrame:
    """`scores_wide` for runs of the same sweep."""
    sweep, parts, logits = runs[0].sweep, {}, {}
    for run in runs:
        settings = run.settings
        column = "part {sweep} {protocol} {split_seed}.{redraw} {labels}".format(sweep=sweep.id, **settings)
        if column not in parts:
            parts[column] = _part_names(run.sweep.parts[int(settings["split"])])
        logits[run.id] = np.asarray(run.sweep.logits[run.row])
    return pd.concat([_image_columns(sweep), pd.DataFrame(parts), pd.DataFrame(logits)], axis=1)


def _image_columns(sweep: Sweep) -> pd.DataFrame:
    images = sweep.images.assign(dataset=sweep.about["dataset"]["name"])
    return images.reindex(columns=IDENTITY).reset_index(drop=True)


def _part_names(part: NDArray[np.int8]) -> NDArray[np.str_]:
    names = np.array([*PARTS, "left out"])
    return names[np.where(part == OUT, len(PARTS), part)]


def _patient_in_train(sweep: Sweep, part: NDArray[np.int8]) -> NDArray[np.bool_]:
    patients = sweep.images["patient"]
    held_out = np.isin(part, [PARTS["validation"], PARTS["test"]])
    return np.asarray(patient_in_train(patients[part == PARTS["train"]], patients), dtype=bool) & held_out
