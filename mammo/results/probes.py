"""Converged probes as a sweep stores them: the path of each, and the trained heads that are held against it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mammo.errors import MammoError
from mammo.results.board.leaderboard import ranked, to_json
from mammo.results.comparison import PRIMARY, differences, shared_images
from mammo.runs.stored_run import StoredRun
from mammo.runs.sweep import Sweep, open_sweeps
from mammo.runs.sweep_files import HISTORY_COLUMNS
from mammo.specs import PROBE, STRENGTHS
from mammo.statistics.intervals.delong import auc_interval
from mammo.statistics.metrics import auc
from mammo.storage.json_files import json_value

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from mammo.specs import Home


def probe_rows(home: Home, sweep: Sweep) -> list[dict[str, Any]]:
    """The probes of a sweep as rows of `mammo.results.board.leaderboard`, in the order of their runs.

    Beside what a leaderboard tells, `C` is the strength chosen, `n_train` counts the training images, `path` has a
    step a strength: C, the mean losses on train and validation, both accuracies, and the validation AUC. `trained` is
    the linear head of best validation AUC that any sweep trained on the same features and split, None where there is
    none: `difference` is by how much its test AUC is above the probe's, tested as `mammo compare` does.
    """
    rows = {row["run"]: row for row in to_json(ranked([sweep])) if row["optimizer"] == PROBE}
    others, _ = open_sweeps(home)
    told = []
    for place, run in enumerate(sweep.runs["run"]):
        if run in rows:
            probe = StoredRun(sweep, place)
            more = {"C": rows[run]["strength"], "n_train": len(probe.images("train")), "path": path_of(probe)}
            told.append({**rows[run], **more, "trained": json_value(_beside(probe, others))})
    return told


def path_of(probe: StoredRun) -> list[dict[str, float]]:
    """The path of a probe, the strongest regularisation first."""
    history = np.asarray(probe.history, dtype=float)
    steps = zip(STRENGTHS, history, strict=False)
    return [{"C": strength, **dict(zip(HISTORY_COLUMNS, step.tolist(), strict=True))} for strength, step in steps]


def probes_of(home: Home, runs: Iterable[StoredRun]) -> dict[str, StoredRun]:
    """By the id of each run that was trained on frozen features: the probe on the same features and split, if any."""
    wanted = [run for run in runs if _is_trained(run)]
    found: dict[str, StoredRun] = {}
    for sweep in open_sweeps(home)[0] if wanted else ():
        solved = (sweep.runs["optimizer"] == PROBE).to_numpy()
        for run in wanted if solved.any() else ():
            for place in np.flatnonzero(solved & _alike(sweep, run)):
                found.setdefault(run.id, StoredRun(sweep, int(place)))
    return found


def _is_trained(run: StoredRun) -> bool:
    settings, about = run.settings, run.sweep.about
    frozen = settings["optimizer"] != PROBE and settings["finetune"] == "none"
    return frozen and run.sweep.level == "image" and not about.get("members")


def _alike(sweep: Sweep, run: StoredRun) -> NDArray[np.bool_]:
    """Which runs of a sweep see the features of another run, on the same images parted alike."""
    mine, cache = run.settings, str(run.settings["cache"])
    known, own = (about["caches"].get(cache, {}).get("digest") for about in (sweep.about, run.sweep.about))
    if known != own or not sweep.images["image"].equals(run.sweep.images["image"]):
        return np.zeros(len(sweep.runs), dtype=bool)
    part = run.sweep.parts[int(mine["split"])]
    splits = [split for split, other in enumerate(sweep.parts) if np.array_equal(other, part)]
    fits = sweep.runs["split"].isin(splits)
    for name in ("cache", "pool", "labels", "finetune"):
        fits &= sweep.runs[name] == mine[name]
    return fits.to_numpy()


def _beside(probe: StoredRun, stored: list[Sweep]) -> dict[str, Any] | None:
    """The trained linear head of best validation AUC on what a probe saw, and how far its test AUC is from it."""
    best: tuple[float, StoredRun] | None = None
    for sweep in stored:
        trained = (sweep.runs["optimizer"] != PROBE) & (sweep.runs["hidden"] == 0)
        rows = np.flatnonzero(trained.to_numpy() & _alike(sweep, probe))
        if not rows.size:
            continue
        members = probe.sweep.members(int(probe.settings["split"]), "validation")
        area = auc(sweep.labels[members], np.asarray(sweep.logits[rows])[:, members])
        rows, area = rows[~np.isnan(area)], area[~np.isnan(area)]  # heads that diverged score nothing
        if rows.size and (best is None or area.max() > best[0]):
            best = float(area.max()), StoredRun(sweep, int(rows[area.argmax()]))
    return _held_against(probe, *best) if best else None


def _held_against(probe: StoredRun, validation_auc: float, run: StoredRun) -> dict[str, Any]:
    scored = run.scored("test")
    told = {"run": run.id, "validation_auc": validation_auc, "n_test": np.size(scored.labels)}
    told |= {"test_auc": scored.value(auc), "test_auc_interval": scored.interval(auc_interval)}
    try:
        (tested,) = differences(shared_images([run, probe], "test"), [0.0, 0.0])
    except MammoError as error:  # no images of a class to compare on
        return {**told, "difference": None, "difference_interval": None, "p_value": None, "reason": str(error)}
    primary = tested.result(PRIMARY)
    against = {"difference": tested.value, "difference_interval": primary.interval, "p_value": primary.p_value}
    return {**told, **against, "reason": tested.reason or None}
