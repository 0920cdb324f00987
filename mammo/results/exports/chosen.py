"""What an export is of: whole sweeps, and single runs, fused or ensembles as they may be named."""

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
class Chosen:
    """Sweeps to export, of which those in `named` hold one run that was named; `board` is their leaderboard."""

    home: Home
    sweeps: tuple[Sweep, ...]
    named: frozenset[str]
    board: pd.DataFrame
    meters: tuple[WinnerBias, ...] = ()

    @property
    def runs(self) -> Iterator[StoredRun]:
        """Every run, in the order of the sweeps."""
        return (StoredRun(sweep, row) for sweep in self.sweeps for row in range(len(sweep.runs)))

    def card(self, run: StoredRun) -> str:
        """The model card of a run among all that were chosen."""
        terms = self.terms.get(str(run.sweep.about["dataset"]["name"]))
        return model_card(run, len(self.board), self._luck(run), terms.about if terms else None)

    @cached_property
    def terms(self) -> dict[str, Dataset]:
        """The data sets by name, as far as they are there."""
        return datasets_of(self.home, self.sweeps)

    def _luck(self, run: StoredRun) -> SelectionBias | None:
        """What chance makes of the best of the runs that were validated on the images of this one."""
        own = ["dataset", "kind", "level", "protocol", "labels", "split_seed", "redraw"]
        rows = self.board.set_index("run")[own]
        mine = list(rows.loc[run.id])
        return next((meter.everyone for meter in self.meters if list(rows.loc[meter.winner]) == mine), None)

    def best(self, count: int) -> list[StoredRun]:
        """The runs that were named, and of the others the best `count` by validation AUC."""
        others = [run for run in self.board["run"] if run not in self.named][:count]
        wanted = self.named.union(others)
        found = {run.id: run for run in self.runs if run.id in wanted}
        return [found[run] for run in self.board["run"] if run in wanted]


def choose(home: Home, names: Sequence[str]) -> Chosen:
    """Open what `names` name: sweeps, or runs as `RunName` has them; sweeps that are damaged are left out.

    Raises MammoError where there is none so named, or where all are damaged.
    """
    known = sweeps(home)
    if not (names or known):
        raise MammoError("There is nothing to export yet; train some heads with `mammo sweep`.")
    wanted = dict.fromkeys(names or known)
    opened, damaged = open_sweeps(home, [name for name in wanted if name in known or not _is_run(name)])
    refuse_all_damaged(opened, damaged)
    named = dict.fromkeys(str(RunName.parse(name)) for name in wanted if name not in known and _is_run(name))
    held = {run for sweep in opened for run in sweep.runs["run"]}
    opened += [single_run(open_run_sweep(home, RunName.parse(run)), run) for run in named if run not in held]
    board = board_of(opened)
    return Chosen(home, tuple(opened), frozenset(named), board.runs, board.biases)


def _is_run(name: str) -> bool:
    try:
        RunName.parse(name)
    except MammoError:
        return False
    return True
