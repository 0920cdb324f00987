"""Converged probes of stored sweeps: their regularisation paths, and the trained heads to compare them with."""

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

    Further keys: `C` is the chosen strength, `n_train` counts the training images, and `path` has one step per strength
    with C, the mean losses on train and validation, both accuracies, and the validation AUC. `trained` is the linear
    head of best validation AUC that any sweep trained on the same features and split, or None: its `difference` is its
    test AUC minus that of the probe, with the test of `mammo compare`.
    """
    rows = {row["run"]: row for row in to_json(ranked([sweep])) if row["optimizer"] == PROBE}
    stored, _ = open_sweeps(home)
    probes = []
    for row, run in enumerate(sweep.runs["run"]):
        if run in rows:
            probe = StoredRun(sweep, row)
            facts = {"C": rows[run]["strength"], "n_train": len(probe.images("train")), "path": path_of(probe)}
            probes.append({**rows[run], **facts, "trained": json_value(_best_trained(probe, stored))})
    return probes


def path_of(probe: StoredRun) -> list[dict[str, float]]:
    """The regularisation path of a probe, one step per strength, the strongest first."""
    history = np.asarray(probe.history, dtype=float)
    steps = zip(STRENGTHS, history, strict=False)
    return [{"C": strength, **dict(zip(HISTORY_COLUMNS, step.tolist(), strict=True))} for strength, step in steps]


def probes_of(home: Home, runs: Iterable[StoredRun]) -> dict[str, StoredRun]:
    """The probe on the same features and split as each run, by the id of the run; runs without one are left out."""
    trained = [run for run in runs if _is_trained(run)]
    probes: dict[str, StoredRun] = {}
    for sweep in open_sweeps(home)[0] if trained else ():
        solved = (sweep.runs["optimizer"] == PROBE).to_numpy()
        for run in trained if solved.any() else ():
            for row in np.flatnonzero(solved & _with_features_of(sweep, run)):
                probes.setdefault(run.id, StoredRun(sweep, int(row)))
    return probes


def _is_trained(run: StoredRun) -> bool:
    """Whether a run is a head that was trained on frozen features, and no probe or ensemble."""
    settings, about = run.settings, run.sweep.about
    frozen = settings["optimizer"] != PROBE and settings["finetune"] == "none"
    return frozen and run.sweep.level == "image" and not about.get("members")


def _with_features_of(sweep: Sweep, run: StoredRun) -> NDArray[np.bool_]:
    """Which runs of a sweep, bool (runs,), have the features, images and split of `run`."""
    settings, cache = run.settings, str(run.settings["cache"])
    digests = [about["caches"].get(cache, {}).get("digest") for about in (sweep.about, run.sweep.about)]
    if digests[0] != digests[1] or not sweep.images["image"].equals(run.sweep.images["image"]):
        return np.zeros(len(sweep.runs), dtype=bool)
    own_parts = run.sweep.parts[int(settings["split"])]
    splits = [split for split, parts in enumerate(sweep.parts) if np.array_equal(parts, own_parts)]
    fits = sweep.runs["split"].isin(splits)
    for name in ("cache", "pool", "labels", "finetune"):
        fits &= sweep.runs[name] == settings[name]
    return fits.to_numpy()


def _best_trained(probe: StoredRun, stored: list[Sweep]) -> dict[str, Any] | None:
    """The trained linear head of best validation AUC on the features of a probe, compared with the probe."""
    best: tuple[float, StoredRun] | None = None
    for sweep in stored:
        trained = (sweep.runs["optimizer"] != PROBE) & (sweep.runs["hidden"] == 0)
        rows = np.flatnonzero(trained.to_numpy() & _with_features_of(sweep, probe))
        if not rows.size:
            continue
        members = probe.sweep.members(int(probe.settings["split"]), "validation")
        aucs = auc(sweep.labels[members], np.asarray(sweep.logits[rows])[:, members])
        rows, aucs = rows[~np.isnan(aucs)], aucs[~np.isnan(aucs)]  # a head that diverged has no AUC
        if rows.size and (best is None or aucs.max() > best[0]):
            best = float(aucs.max()), StoredRun(sweep, int(rows[aucs.argmax()]))
    return _compared_with(probe, *best) if best else None


def _compared_with(probe: StoredRun, validation_auc: float, run: StoredRun) -> dict[str, Any]:
    scored = run.scored("test")
    facts = {"run": run.id, "validation_auc": validation_auc, "n_test": np.size(scored.labels)}
    facts |= {"test_auc": scored.value(auc), "test_auc_interval": scored.interval(auc_interval)}
    try:
        (pair,) = differences(shared_images([run, probe], "test"), [0.0, 0.0])
    except MammoError as error:  # a class without images
        return {**facts, "difference": None, "difference_interval": None, "p_value": None, "reason": str(error)}
    primary = pair.result(PRIMARY)
    comparison = {"difference": pair.value, "difference_interval": primary.interval, "p_value": primary.p_value}
    return {**facts, **comparison, "reason": pair.reason or None}
