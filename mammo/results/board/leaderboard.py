"""The leaderboard: runs ordered by validation AUC, with test figures, intervals and tie groups beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammo.data.splits.leakage import leaked
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
from mammo.statistics.intervals.delong import accuracy_interval, auc_interval, components
from mammo.statistics.metrics import METRICS, USUAL
from mammo.statistics.operating import AT_HALF, Criterion
from mammo.statistics.scored import Scored
from mammo.storage.digests import digest_json
from mammo.storage.json_files import json_value

SETTINGS = ["run", "cache", *RUN_AXES, "trained_epochs", "best_epoch", "strength"]
INTERVALS = {"auc": auc_interval, "accuracy": accuracy_interval}
SCORED = ("validation", "test")


@dataclass(frozen=True)
class WinnerBias:
    """The optimism meter of the runs that were validated on the same images.

    `winner` is the id of the run of highest validation AUC; `tied` measures its tie group alone.
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
    """`ranked` of the stored sweeps `names`, or of all, and of `ensembles`, each named as `RunName` has it.

    At the `level` of breasts or patients every run stands once for each of the fusions `fuse` of its images' scores.
    Accuracies are those at the threshold that the `criterion` chooses for each run on validation. A board that was read
    before is not computed again (`board_store`). A sweep that is damaged, or that cannot be read at the level, is left
    out and told of; raises MammoError where there is none so named, or where none is left.
    """
    chosen = list(dict.fromkeys(names or sweeps(home)))
    others = list(dict.fromkeys(RunName.parse(name) for name in ensembles))

    def kept_under(sweeps: Sequence[str], ensembles: Sequence[RunName]) -> Path | None:
        folders = dict.fromkeys([*sweeps, *(sweep_name_of(member) for name in ensembles for member in name.members)])
        said = [level, list(fuse), [str(name) for name in ensembles], criterion.rule, criterion.target, list(sweeps)]
        return board_store.board_path(home, list(folders), said)

    if board := _recalled(kept_under(chosen, others)):
        return board
    opened, damaged = open_sweeps(home, chosen if names else None)
    read, left_out = _read_at([*opened, *others], home, level, fuse)
    left_out = [*(one.sentence for one in damaged), *left_out]
    if left_out and not read:
        raise DamagedError(damaged[0], " ".join(left_out)) if damaged else MammoError(" ".join(left_out))
    whole = [name for name in read if isinstance(name, str)], [name for name in read if isinstance(name, RunName)]
    place = kept_under(*whole)
    board = _recalled(place) if left_out else None
    if board is None:
        board = board_of([sweep for sweeps in read.values() for sweep in sweeps], criterion)
        if place:
            board_store.save(place, board.runs, [asdict(meter) for meter in board.biases])
    return replace(board, left_out=tuple(left_out))


def _recalled(place: Path | None) -> Board | None:
    """The board that was kept under a name, if it was."""
    if not (place and (stored := board_store.load(place))):
        return None
    runs, meters = stored
    return Board(runs, tuple(_meter(meter) for meter in meters))


Readings = dict["str | RunName", list[Sweep]]
"""Sweeps as they are read at a level, by the name of the stored one or of the ensemble."""


def _read_at(
    wanted: Sequence[Sweep | RunName], home: Home, level: str, fuse: Sequence[str]
) -> tuple[Readings, list[str]]:
    """Sweeps and ensembles at a level, and why some cannot be read so; raises MammoError where it is the only one."""
    read: Readings = {}
    left_out = []
    for one in wanted:
        try:
            sweep = open_run_sweep(home, one) if isinstance(one, RunName) else one
            read[one if isinstance(one, RunName) else one.id] = at_level(sweep, level, fuse)
        except DamagedError as error:
            left_out.append(str(error))
        except LevelError as error:
            if len(wanted) == 1:
                raise
            left_out.append(str(error))
    return read, left_out


def _meter(held: dict[str, Any]) -> WinnerBias:
    tied = held["tied"]
    return WinnerBias(held["winner"], SelectionBias(**held["everyone"]), SelectionBias(**tied) if tied else None)


def ranked(opened: list[Sweep], criterion: Criterion = AT_HALF) -> pd.DataFrame:
    """One row a run of some sweeps; best validation AUC first.

    Intervals are 95 %, as (low, high), and a half-width is half their length; where there is none, its bounds are NaN
    and `test_interval_reason` or `validation_interval_reason` says why. `tie_group` numbers the groups of runs
    that the validation images of one split cannot tell apart; it is counted anew for each split. `leaked` counts the
    test images that train has seen, None where that is unknown; `leakage` says in which way, `notes` what must be
    known of the data set. `threshold` is the logit above which a run calls malignant, NaN where validation images allow
    no choice.
    """
    return board_of(opened, criterion).runs


def board_of(opened: list[Sweep], criterion: Criterion = AT_HALF) -> Board:
    """`ranked` of some sweeps, and the optimism meter of each set of validation images."""
    boards = [_scored(sweep, split, criterion) for sweep in opened for split in range(len(sweep.parts))]
    if not boards:
        return Board(pd.DataFrame())
    pieces = [_with_ties(alike) for alike in _validated_alike([piece for piece in boards if len(piece[0])])]
    runs = _with_cross_validation(pd.concat([board for board, _ in pieces], ignore_index=True), opened)
    runs = runs.sort_values("validation_auc", ascending=False, kind="stable", ignore_index=True)
    meters = [meter for _, meter in pieces if meter]
    return Board(runs, tuple(sorted(meters, key=lambda meter: -meter.everyone.winner)))


Piece = tuple[pd.DataFrame, Sweep, int]


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
        leaked=pd.Series(leaked(facts["leakage"]), index=runs.index, dtype=object),
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
    """The threshold of each run, a logit; NaN where validation images allow no choice."""
    if not criterion.uses_validation:
        return np.zeros(len(rows))
    labels, logits, patients = _part(sweep, split, "validation", rows)
    scored = (Scored("", labels, own, patients, "validation") for own in logits)
    return np.array([criterion.threshold_if_any(one) for one in scored])


def _with_cross_validation(runs: pd.DataFrame, opened: list[Sweep]) -> pd.DataFrame:
    """The runs with the cross-validated AUCs of their settings."""
    held = {sweep.id: sweep for sweep in opened}
    rows = {str(run): row for sweep in opened for row, run in enumerate(sweep.runs["run"])}

    @cache
    def part_of(name: str, split: int) -> tuple[NDArray[np.intp], NDArray[np.int8], NDArray[np.str_]]:
        members = held[name].members(split, "test")
        return members, held[name].labels[members], held[name].images["patient"].to_numpy()[members].astype(str)

    def fold_of(number: int) -> Fold:
        name, run = str(runs["sweep"].iloc[number]), str(runs["run"].iloc[number])
        sweep, row = held[name], rows[run]
        members, labels, patients = part_of(name, int(sweep.runs["split"].iloc[row]))
        return Fold(*arranged(labels, np.asarray(sweep.logits[row])[members][None], patients), sweep.classes)

    return with_cross_validation(runs, fold_of)


def _part(
    sweep: Sweep, split: int, part: str, rows: NDArray[np.intp]
) -> tuple[NDArray[np.int8], NDArray[np.float32], NDArray[np.str_]]:
    members = sweep.members(split, part)
    return sweep.labels[members], sweep.logits[np.ix_(rows, members)], sweep.images["patient"].to_numpy()[members]


def _validated_alike(pieces: list[Piece]) -> list[list[Piece]]:
    """The pieces by the images and labels that they were validated on, whatever their sweep."""
    same: dict[str, list[Piece]] = {}
    for piece in pieces:
        _, sweep, split = piece
        images = sweep.images[["image", "label", "patient"]].iloc[sweep.members(split, "validation")]
        held = [sweep.about["dataset"]["name"], images.astype(str).to_numpy().tolist()]
        same.setdefault(digest_json(held), []).append(piece)
    return list(same.values())


def _with_ties(alike: list[Piece]) -> tuple[pd.DataFrame, WinnerBias | None]:
    """The runs of pieces that were validated alike with their tie groups, and their optimism meter."""
    scores = [_part(sweep, split, "validation", board.index.to_numpy()) for board, sweep, split in alike]
    labels, _, patients = scores[0]
    labels, logits, patients = arranged(labels, np.concatenate([own for _, own, _ in scores]), patients)
    board = pd.concat([board for board, _, _ in alike])
    parts = components(labels, logits, patients)
    if parts is None:
        return board.assign(tie_group=tie_groups(labels, logits, patients)), None
    drawn = deviations(parts)
    ties = group_ties(parts, drawn)
    everyone, tied = selection_bias(parts, drawn), selection_bias(parts, drawn, np.flatnonzero(ties == 1))
    board = board.assign(tie_group=ties)
    return board, WinnerBias(str(board["run"].iloc[np.nanargmax(parts.aucs)]), everyone, tied) if everyone else None


TOLD = {
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
"""What is told of a `SelectionBias`, and under which name."""
WINNERS = [
    "dataset", "level", "protocol", "labels", "split_seed", "redraw", "leaked",
    "n_validation", "validation_auc", "validation_auc_interval", "validation_auc_half_width",
    "validation_interval_reason", "n_test", "test_auc", "test_auc_interval", "test_auc_half_width",
    "test_interval_reason",
]  # fmt: skip


def bias_rows(board: Board) -> list[dict[str, Any]]:
    """The meters as plain JSON values, each with what the winner scores on validation and test."""
    winners = board.runs.set_index("run").loc[[meter.winner for meter in board.biases]] if board.biases else None
    rows = []
    for place, meter in enumerate(board.biases):
        assert winners is not None
        own = winners.iloc[place]
        told = {"winner": meter.winner, **{name: own[name] for name in WINNERS}, **_told(meter.everyone)}
        rows.append(json_value({**told, "tie_group": _told(meter.tied) if meter.tied else None}))
    return rows


def _told(measured: SelectionBias) -> dict[str, Any]:
    return {told: getattr(measured, name) for name, told in TOLD.items()}


def to_json(board: pd.DataFrame) -> list[dict[str, Any]]:
    """The leaderboard as plain JSON values, an undefined number as null."""
    rows: list[dict[str, Any]] = json_value(board.to_dict("records"))
    return rows
