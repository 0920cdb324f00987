"""The leaderboard: runs sorted by validation AUC, with their test figures, intervals and tie groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammo.data.splits.leakage import leaked_images
from mammo.errors import DamagedError, MammoError
from mammo.results.board import store as board_store
from mammo.results.board.cross_validation import with_cross_validation
from mammo.runs.ensemble import open_run_sweep
from mammo.runs.levels import LevelError, at_level
from mammo.runs.run_names import RunName
from mammo.runs.sweep import Sweep, open_sweeps, sweep_name_of, sweeps
from mammo.runs.sweep_files import RUN_AXES
from mammo.specs import Home
from mammo.statistics.comparing.chance import deviations
from mammo.statistics.comparing.selection_bias import SelectionBias, selection_bias
from mammo.statistics.comparing.ties import group_ties, tie_groups
from mammo.statistics.content_order import arranged
from mammo.statistics.cross_validated import Fold
from mammo.statistics.few import lack_of_patients
from mammo.statistics.intervals.delong import components
from mammo.statistics.measures import INTERVALS
from mammo.statistics.metrics import METRICS, USUAL
from mammo.statistics.operating import AT_HALF, Criterion
from mammo.statistics.scored import Scored
from mammo.storage.digests import digest_json
from mammo.storage.json_files import json_value

SETTINGS = ["run", "cache", *RUN_AXES, "trained_epochs", "best_epoch", "strength"]
SCORED = ("validation", "test")


@dataclass(frozen=True)
class WinnerBias:
    """The selection bias of the best of the runs that were validated on the same images.

    `winner` is the id of the run of highest validation AUC, `everyone` its bias among all these runs, and `tied` that
    among its tie group alone.
    """

    winner: str
    everyone: SelectionBias
    tied: SelectionBias | None


@dataclass(frozen=True)
class Board:
    """`runs`, one per row as `ranked` returns them, and a `WinnerBias` for each set of validation images, best first.

    `left_out` names, in sentences, the sweeps and ensembles that could not be read; the others are listed all the same.
    """

    runs: pd.DataFrame
    biases: tuple[WinnerBias, ...] = ()
    left_out: tuple[str, ...] = ()


def leaderboard(home: Home, names: list[str] | None = None, **reading: Any) -> pd.DataFrame:
    """The runs of `read_board`."""
    return read_board(home, names, **reading).runs


def read_board(
    home: Home,
    names: list[str] | None = None,
    level: str = "image",
    fuse: Sequence[str] = ("mean",),
    ensembles: Sequence[str] = (),
    criterion: Criterion = AT_HALF,
) -> Board:
    """The board of the stored sweeps `names`, or of all, and of `ensembles`, named by `RunName`.

    At the `level` of breasts or patients, every run has a row for each fusion `fuse` of its images' scores. Accuracies
    are those at the threshold that `criterion` chooses for each run on validation. A stored board is not computed again
    (`board_store`). Sweeps that are damaged, or that lack the level, are left out and listed in `left_out`. Raises
    MammoError where a name is unknown or no sweep is left.
    """
    chosen = list(dict.fromkeys(names or sweeps(home)))
    combined = list(dict.fromkeys(RunName.parse(name) for name in ensembles))

    def path_of(sweeps: Sequence[str], ensembles: Sequence[RunName]) -> Path | None:
        folders = dict.fromkeys([*sweeps, *(sweep_name_of(member) for name in ensembles for member in name.members)])
        reading = [level, list(fuse), [str(name) for name in ensembles], criterion.rule, criterion.target, list(sweeps)]
        return board_store.board_path(home, list(folders), reading)

    if board := _stored_board(path_of(chosen, combined)):
        return board
    opened, damaged = open_sweeps(home, chosen if names else None)
    read, left_out = _read_at([*opened, *combined], home, level, fuse)
    left_out = [*(damage.sentence for damage in damaged), *left_out]
    if left_out and not read:
        raise DamagedError(damaged[0], " ".join(left_out)) if damaged else MammoError(" ".join(left_out))
    sound = [name for name in read if isinstance(name, str)], [name for name in read if isinstance(name, RunName)]
    path = path_of(*sound)
    board = _stored_board(path) if left_out else None
    if board is None:
        board = board_of([sweep for sweeps in read.values() for sweep in sweeps], criterion)
        if path:
            board_store.save(path, board.runs, [asdict(bias) for bias in board.biases])
    return replace(board, left_out=tuple(left_out))


def _stored_board(path: Path | None) -> Board | None:
    """The board that is stored under a path, if any."""
    if not (path and (stored := board_store.load(path))):
        return None
    runs, biases = stored
    return Board(runs, tuple(_bias_from(bias) for bias in biases))


Readings = dict["str | RunName", list[Sweep]]
"""Sweeps at a level, one per fusion, by the name of the stored sweep or of the ensemble."""


def _read_at(
    sources: Sequence[Sweep | RunName], home: Home, level: str, fuse: Sequence[str]
) -> tuple[Readings, list[str]]:
    """Sweeps and ensembles at a level, and the reasons why some lack it; raises LevelError for an only source."""
    read: Readings = {}
    left_out = []
    for source in sources:
        try:
            sweep = open_run_sweep(home, source) if isinstance(source, RunName) else source
            read[source if isinstance(source, RunName) else source.id] = at_level(sweep, level, fuse)
        except DamagedError as error:
            left_out.append(str(error))
        except LevelError as error:
            if len(sources) == 1:
                raise
            left_out.append(str(error))
    return read, left_out


def _bias_from(stored: dict[str, Any]) -> WinnerBias:
    tied = stored["tied"]
    return WinnerBias(stored["winner"], SelectionBias(**stored["everyone"]), SelectionBias(**tied) if tied else None)


def ranked(opened: list[Sweep], criterion: Criterion = AT_HALF) -> pd.DataFrame:
    """One row per run of the sweeps `opened`, best validation AUC first.

    Intervals are 95 %, as (low, high), and a half-width is half their length; without an interval the bounds are NaN,
    and `test_interval_reason` or `validation_interval_reason` says why. `tie_group` numbers the groups of runs that
    cannot be distinguished on the validation images of a split, from 1 in each split. `leaked` counts the test images
    that leak from train, None where it is unknown; `leakage` has the counts by kind, and `notes` the warnings of the
    sweep. `threshold` is the logit above which a run calls malignant, NaN where it cannot be chosen on the validation
    images.
    """
    return board_of(opened, criterion).runs


def board_of(opened: list[Sweep], criterion: Criterion = AT_HALF) -> Board:
    """The board of some sweeps, with the selection bias for each set of validation images."""
    boards = [_scored(sweep, split, criterion) for sweep in opened for split in range(len(sweep.parts))]
    if not boards:
        return Board(pd.DataFrame())
    pieces = [_with_ties(alike) for alike in _validated_alike([piece for piece in boards if len(piece[0])])]
    runs = _with_cross_validation(pd.concat([board for board, _ in pieces], ignore_index=True), opened)
    runs = runs.sort_values("validation_auc", ascending=False, kind="stable", ignore_index=True)
    biases = [bias for _, bias in pieces if bias]
    return Board(runs, tuple(sorted(biases, key=lambda bias: -bias.everyone.winner)))


Piece = tuple[pd.DataFrame, Sweep, int]
"""The runs of one split of a sweep, the sweep, and the row of the split."""


def _scored(sweep: Sweep, split: int, criterion: Criterion) -> Piece:
    """The runs of one split of a sweep with every metric on validation and test."""
    runs = sweep.runs[sweep.runs["split"] == split]
    facts = sweep.about["splits"][split]
    board = runs[SETTINGS].assign(
        sweep=sweep.id,
        dataset=sweep.about["dataset"]["name"],
        synthetic=sweep.synthetic,
        weights_note=[sweep.about["caches"][cache]["weights_note"] for cache in runs["cache"]],
        leakage=[facts["leakage"]] * len(runs),
        leaked=pd.Series(leaked_images(facts["leakage"]), index=runs.index, dtype=object),
        notes=pd.Series([sweep.notes] * len(runs), index=runs.index, dtype=object),
        level=sweep.level,
        fuse=sweep.about.get("fuse"),
        members=len(sweep.about.get("members", [""])),
        arithmetic=sweep.arithmetic,
    )
    thresholds = _thresholds(sweep, split, runs.index.to_numpy(), criterion)
    board = board.assign(rule=criterion.rule, threshold=thresholds)
    for part in SCORED:
        labels, logits, patients = arranged(*_part(sweep, split, part, runs.index.to_numpy()))
        called = logits - thresholds[:, None] if criterion.uses_validation else logits
        board[f"n_{part}"] = len(labels)
        board[f"{part}_interval_reason"] = lack_of_patients(labels, patients, classes=sweep.classes) or None
        for name in USUAL:
            board[f"{part}_{name}"] = METRICS[name].function(labels, called if METRICS[name].at_half else logits)
        for name, interval in INTERVALS.items():
            bounds = interval(labels, called if METRICS[name].at_half else logits, patients)
            board[f"{part}_{name}_interval"] = [tuple(pair) for pair in bounds.tolist()]
            board[f"{part}_{name}_half_width"] = (bounds[:, 1] - bounds[:, 0]) / 2
    return board, sweep, split


def _thresholds(sweep: Sweep, split: int, rows: NDArray[np.intp], criterion: Criterion) -> NDArray[np.float64]:
    """The threshold of each run, a logit, (R,); NaN where it cannot be chosen on the validation images."""
    if not criterion.uses_validation:
        return np.zeros(len(rows))
    labels, logits, patients = _part(sweep, split, "validation", rows)
    scored = (Scored("", labels, own, patients, "validation") for own in logits)
    return np.array([criterion.threshold_if_any(validation) for validation in scored])


def _with_cross_validation(runs: pd.DataFrame, opened: list[Sweep]) -> pd.DataFrame:
    """The runs with the cross-validated AUCs of their settings."""
    by_id = {sweep.id: sweep for sweep in opened}
    rows = {str(run): row for sweep in opened for row, run in enumerate(sweep.runs["run"])}

    @cache
    def part_of(name: str, split: int) -> tuple[NDArray[np.intp], NDArray[np.int8], NDArray[np.str_]]:
        sweep = by_id[name]
        members = sweep.members(split, "test")
        return members, sweep.labels[members], sweep.images["patient"].to_numpy()[members].astype(str)

    def fold_of(number: int) -> Fold:
        name, run = str(runs["sweep"].iloc[number]), str(runs["run"].iloc[number])
        sweep, row = by_id[name], rows[run]
        members, labels, patients = part_of(name, int(sweep.runs["split"].iloc[row]))
        return Fold(*arranged(labels, np.asarray(sweep.logits[row])[members][None], patients), sweep.classes)

    return with_cross_validation(runs, fold_of)


def _part(
    sweep: Sweep, split: int, part: str, rows: NDArray[np.intp]
) -> tuple[NDArray[np.int8], NDArray[np.float32], NDArray[np.str_]]:
    """The labels (N,), logits (R, N) and patients (N,) of the runs at `rows` on a part of a split."""
    members = sweep.members(split, part)
    return sweep.labels[members], sweep.logits[np.ix_(rows, members)], sweep.images["patient"].to_numpy()[members]


def _validated_alike(pieces: list[Piece]) -> list[list[Piece]]:
    """The pieces grouped by their validation images and labels, across sweeps."""
    same: dict[str, list[Piece]] = {}
    for piece in pieces:
        _, sweep, split = piece
        images = sweep.images[["image", "label", "patient"]].iloc[sweep.members(split, "validation")]
        identity = [sweep.about["dataset"]["name"], images.astype(str).to_numpy().tolist()]
        same.setdefault(digest_json(identity), []).append(piece)
    return list(same.values())


def _with_ties(alike: list[Piece]) -> tuple[pd.DataFrame, WinnerBias | None]:
    """The runs of pieces with the same validation images with their tie groups, and the bias of the best."""
    scores = [_part(sweep, split, "validation", board.index.to_numpy()) for board, sweep, split in alike]
    labels, _, patients = scores[0]
    labels, logits, patients = arranged(labels, np.concatenate([own for _, own, _ in scores]), patients)
    board = pd.concat([board for board, _, _ in alike])
    parts = components(labels, logits, patients)
    if parts is None:
        return board.assign(tie_group=tie_groups(labels, logits, patients)), None
    random = deviations(parts)
    ties = group_ties(parts, random)
    everyone, tied = selection_bias(parts, random), selection_bias(parts, random, np.flatnonzero(ties == 1))
    board = board.assign(tie_group=ties)
    return board, WinnerBias(str(board["run"].iloc[np.nanargmax(parts.aucs)]), everyone, tied) if everyone else None


BIAS_COLUMNS = {
    "heads": "heads",
    "independent": "independent_heads",
    "mean": "mean_validation_auc",
    "margin": "margin",
    "expected": "expected_margin",
    "least": "margin_least",
    "limit": "margin_limit",
    "p_value": "p",
    "explained": "explained",
    "discounted": "discounted_auc",
}
"""The fields of a `SelectionBias` in `bias_rows`, with their JSON keys."""
WINNER_COLUMNS = [
    "dataset", "level", "protocol", "labels", "split_seed", "redraw", "leaked",
    "n_validation", "validation_auc", "validation_auc_interval", "validation_auc_half_width",
    "validation_interval_reason", "n_test", "test_auc", "test_auc_interval", "test_auc_half_width",
    "test_interval_reason",
]  # fmt: skip


def bias_rows(board: Board) -> list[dict[str, Any]]:
    """The selection biases as plain JSON values, each with the figures of the winner on validation and test."""
    winners = board.runs.set_index("run").loc[[bias.winner for bias in board.biases]] if board.biases else None
    rows = []
    for number, bias in enumerate(board.biases):
        assert winners is not None
        winner = winners.iloc[number]
        row = {"winner": bias.winner, **{name: winner[name] for name in WINNER_COLUMNS}, **_bias_row(bias.everyone)}
        rows.append(json_value({**row, "tie_group": _bias_row(bias.tied) if bias.tied else None}))
    return rows


def _bias_row(bias: SelectionBias) -> dict[str, Any]:
    return {key: getattr(bias, name) for name, key in BIAS_COLUMNS.items()}


def to_json(board: pd.DataFrame) -> list[dict[str, Any]]:
    """The leaderboard as plain JSON values, an undefined number as null."""
    rows: list[dict[str, Any]] = json_value(board.to_dict("records"))
    return rows
