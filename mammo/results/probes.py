"""Converged probes as a sweep stores them: the path that each took, and where on it validation stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mammo.results.leaderboard import ranked, to_json
from mammo.results.sweep import COURSE
from mammo.specs import PROBE, STRENGTHS

if TYPE_CHECKING:
    from mammo.results.sweep import Sweep


def probe_rows(sweep: Sweep) -> list[dict[str, Any]]:
    """The probes of a sweep as rows of `mammo.results.leaderboard`, in the order of their runs.

    Beside what a leaderboard tells, `C` is the strength chosen, `n_train` counts the training images, and `path` has
    a step a strength: C, the mean losses on train and validation, both accuracies, and the validation AUC.
    """
    rows = {row["run"]: row for row in to_json(ranked([sweep])) if row["optimizer"] == PROBE}
    told = []
    for place, run in enumerate(sweep.runs["run"]):
        if run in rows:
            train = len(sweep.members(int(sweep.runs["split"].iloc[place]), "train"))
            told.append({**rows[run], "C": rows[run]["strength"], "n_train": train, "path": _path(sweep, place)})
    return told


def _path(sweep: Sweep, place: int) -> list[dict[str, float]]:
    history = np.asarray(sweep.history[place], dtype=float)
    return [
        {"C": strength, **dict(zip(COURSE, step.tolist(), strict=True))}
        for strength, step in zip(STRENGTHS, history, strict=False)
    ]
