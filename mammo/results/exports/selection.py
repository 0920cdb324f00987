"""What an export holds: whole sweeps, and single runs, which may be fused or ensembles."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from mammo.errors import MammoError
from mammo.results.board.leaderboard import WinnerBias, board_of
from mammo.results.exports.card import model_card
from mammo.results.exports.terms import datasets_of
from mammo.runs.ensemble import open_run_sweep, single_run
from mammo.runs.run_names import RunName
from mammo.runs.stored_run import StoredRun
from mammo.runs.sweep import Sweep, open_sweeps, refuse_all_damaged, sweeps

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from mammo.data.dataset.dataset import Dataset
    from mammo.specs import Home
    from mammo.statistics.comparing.selection_bias import SelectionBias


@dataclass(frozen=True)
class Selection:
    """The sweeps to export, and their leaderboard `board`; `run_names` are the runs that were asked for by name.

    Each of these that is in no exported sweep has a sweep of its own, which holds this run alone.
    """

    home: Home
    sweeps: tuple[Sweep, ...]
    run_names: frozenset[str]
    board: pd.DataFrame
    biases: tuple[WinnerBias, ...] = ()

    @property
    def runs(self) -> Iterator[StoredRun]:
        """All runs, in the order of the sweeps."""
        return (StoredRun(sweep, row) for sweep in self.sweeps for row in range(len(sweep.runs)))

    def card(self, run: StoredRun) -> str:
        """The model card of a run of this selection."""
        terms = self.terms.get(str(run.sweep.about["dataset"]["name"]))
        return model_card(run, len(self.board), self._selection_bias(run), terms.about if terms else None)

    @cached_property
    def terms(self) -> dict[str, Dataset]:
        """The data sets by name; those that are gone or damaged are left out."""
        return datasets_of(self.home, self.sweeps)

    def _selection_bias(self, run: StoredRun) -> SelectionBias | None:
        """The selection bias of the runs that were validated on the images of this run; None where it is unknown."""
        columns = ["dataset", "kind", "level", "protocol", "labels", "split_seed", "redraw"]
        rows = self.board.set_index("run")[columns]
        values = list(rows.loc[run.id])
        return next((bias.everyone for bias in self.biases if list(rows.loc[bias.winner]) == values), None)

    def best(self, count: int) -> list[StoredRun]:
        """The runs asked for by name, and the best `count` of all further runs by validation AUC."""
        best = [run for run in self.board["run"] if run not in self.run_names][:count]
        ids = self.run_names.union(best)
        runs = {run.id: run for run in self.runs if run.id in ids}
        return [runs[run] for run in self.board["run"] if run in ids]


def select(home: Home, names: Sequence[str]) -> Selection:
    """Open the sweeps and runs of these names, all sweeps where `names` is empty; damaged sweeps are left out.

    A run is named as `RunName` reads it. Raises MammoError where a name fits neither, or where all are damaged.
    """
    stored = sweeps(home)
    if not (names or stored):
        raise MammoError("There is nothing to export yet; train some heads with `mammo sweep`.")
    unique = dict.fromkeys(names or stored)
    opened, damaged = open_sweeps(home, [name for name in unique if name in stored or not _is_run(name)])
    refuse_all_damaged(opened, damaged)
    run_names = dict.fromkeys(str(RunName.parse(name)) for name in unique if name not in stored and _is_run(name))
    in_sweeps = {run for sweep in opened for run in sweep.runs["run"]}
    opened += [single_run(open_run_sweep(home, RunName.parse(run)), run) for run in run_names if run not in in_sweeps]
    board = board_of(opened)
    return Selection(home, tuple(opened), frozenset(run_names), board.runs, board.biases)


def _is_run(name: str) -> bool:
    try:
        RunName.parse(name)
    except MammoError:
        return False
    return True
