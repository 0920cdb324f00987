"""The leaderboard: runs ordered by validation AUC, with test figures, intervals and tie groups beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammo.data.leakage import leaked
from mammo.files import digest_json
from mammo.results.ensemble import named_sweep
from mammo.results.intervals import accuracy_interval, auc_interval
from mammo.results.levels import at_level
from mammo.results.metrics import METRICS, USUAL
from mammo.results.plain import plain
from mammo.results.run_names import RunName
from mammo.results.sweep import Sweep, sweeps
from mammo.results.ties import tie_groups
from mammo.specs import Home

SETTINGS = [
    "run", "cache", "trunk", "weights", "tap", "kind", "size", "preprocess", "resize", "augment", "draws",
    "pool", "hidden", "dropout", "optimizer", "lr", "batch", "epochs", "patience", "seed", "finetune", "tail_lr",
    "first_draws", "trained_epochs", "best_epoch", "strength", "protocol", "labels", "split_seed", "redraw",
]  # fmt: skip
INTERVALS = {"auc": auc_interval, "accuracy": accuracy_interval}
SCORED = ("validation", "test")


def leaderboard(
    home: Home,
    names: list[str] | None = None,
    level: str = "image",
    fuse: Sequence[str] = ("mean",),
    ensembles: Sequence[str] = (),
) -> pd.DataFrame:
    """`ranked` of the stored sweeps `names`, or of all, and of `ensembles`, each named as `RunName` has it.

    At the `level` of breasts or patients every run stands once for each of the fusions `fuse` of its images' scores.
    """
    stored = [Sweep.open(home, name) for name in (names or sweeps(home))]
    stored += [named_sweep(home, RunName.parse(name)) for name in ensembles]
    return ranked([read for sweep in stored for read in at_level(sweep, level, fuse)])


def ranked(opened: list[Sweep]) -> pd.DataFrame:
    """One row a run of some sweeps; best validation AUC first.

    Intervals are 95 %, as (low, high). `tie_group` numbers the groups of runs that the validation images
    of one split cannot tell apart; it is counted anew for each split. `leaked` counts the test images that train has
    seen, None where that is unknown; `leakage` says in which way, `notes` what must be known of the data set.
    """
    boards = [_scored(sweep, split) for sweep in opened for split in range(len(sweep.parts))]
    if not boards:
        return pd.DataFrame()
    board = _with_ties([piece for piece in boards if len(piece[0])])
    return board.sort_values("validation_auc", ascending=False, kind="stable", ignore_index=True)


Piece = tuple[pd.DataFrame, Sweep, int]


def _scored(sweep: Sweep, split: int) -> Piece:
    """The runs of one split of a sweep with every metric on validation and test."""
    runs = sweep.runs[sweep.runs["split"] == split]
    facts = sweep.about["splits"][split]
    board = runs[SETTINGS].assign(
        sweep=sweep.id,
        dataset=sweep.about["dataset"]["name"],
        synthetic=sweep.synthetic,
        weights_note=[sweep.about["caches"][cache]["weights_note"] for cache in runs["cache"]],
        leakage=[facts["leakage"]] * len(runs),
        leaked=pd.Series(leaked(facts["leakage"]), index=runs.index, dtype=object),
        notes=pd.Series([sweep.notes] * len(runs), index=runs.index, dtype=object),
        level=sweep.level,
        fuse=sweep.about.get("fuse"),
        members=len(sweep.about.get("members", [""])),
    )
    for part in SCORED:
        labels, logits, patients = _part(sweep, split, part, runs.index.to_numpy())
        board[f"n_{part}"] = len(labels)
        for name in USUAL:
            board[f"{part}_{name}"] = METRICS[name].function(labels, logits)
        for name, interval in INTERVALS.items():
            board[f"{part}_{name}_interval"] = [tuple(pair) for pair in interval(labels, logits, patients).tolist()]
    return board, sweep, split


def _part(
    sweep: Sweep, split: int, part: str, rows: NDArray[np.intp]
) -> tuple[NDArray[np.int8], NDArray[np.float32], NDArray[np.str_]]:
    members = sweep.members(split, part)
    return sweep.labels[members], sweep.logits[np.ix_(rows, members)], sweep.images["patient"].to_numpy()[members]


def _with_ties(pieces: list[Piece]) -> pd.DataFrame:
    """Number the ties among all runs that were validated on the same images and labels, whatever their sweep."""
    same: dict[str, list[Piece]] = {}
    for piece in pieces:
        _, sweep, split = piece
        images = sweep.images[["image", "label", "patient"]].iloc[sweep.members(split, "validation")]
        held = [sweep.about["dataset"]["name"], images.astype(str).to_numpy().tolist()]
        same.setdefault(digest_json(held), []).append(piece)
    boards = []
    for group in same.values():
        parts = [_part(sweep, split, "validation", board.index.to_numpy()) for board, sweep, split in group]
        labels, _, patients = parts[0]
        ties = tie_groups(labels, np.concatenate([logits for _, logits, _ in parts]), patients)
        boards.append(pd.concat([board for board, _, _ in group]).assign(tie_group=ties))
    return pd.concat(boards)


def to_json(board: pd.DataFrame) -> list[dict[str, Any]]:
    """The leaderboard as plain JSON values, an undefined number as null."""
    rows: list[dict[str, Any]] = plain(board.to_dict("records"))
    return rows
