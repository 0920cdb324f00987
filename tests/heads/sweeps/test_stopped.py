"""Stopping a sweep: what was finished becomes a sweep of its own, and training again does the rest."""

import shutil

import numpy as np
import pytest

from mammo.errors import MammoError
from mammo.features.cache.cache import caches
from mammo.heads.grid import expand
from mammo.heads.sweeps.sweep import keep_finished, sweep
from mammo.heads.sweeps.units import UNITS
from mammo.progress import finish
from mammo.results.board.leaderboard import leaderboard
from mammo.runs.sweep import Sweep, is_complete
from mammo.runs.sweep_files import HEADS
from mammo.specs import Home, SplitSpec, SweepSpec


@pytest.fixture
def own(tiny, tmp_path) -> Home:
    home = Home(tmp_path / "own")
    shutil.copytree(tiny.path, home.path)
    return home


@pytest.fixture
def spec(own) -> SweepSpec:
    heads = expand({"pool": ["gap", "flatten"], "lr": [1e-3, 1e-4], "epochs": [3]})
    return SweepSpec("tiny", tuple(caches(own, "tiny")), heads, (SplitSpec(), SplitSpec(redraw=1)))


def stop_after_the_first_unit(home: Home, spec: SweepSpec) -> None:
    work = sweep(home, spec, "cpu")
    for _ in work:
        if list(home.path.glob(f"sweeps/*/{UNITS}/*.safetensors")):
            break
    work.close()


@pytest.mark.faults(
    "A sweep is stopped between its units",
    "What is finished can be kept as a sweep, and training goes on to the same scores",
)
def test_what_is_finished_of_a_stopped_sweep_is_a_sweep_and_training_goes_on_to_the_same_whole(own, spec, tmp_path):
    whole = Home(tmp_path / "whole")
    shutil.copytree(own.path, whole.path)
    name = finish(sweep(whole, spec, "cpu"))
    undisturbed = Sweep.open(whole, name)

    stop_after_the_first_unit(own, spec)
    assert keep_finished(own, spec) == name
    kept = Sweep.open(own, name)
    assert not is_complete(own, name)
    assert set(kept.runs["pool"]) == {"gap"}
    assert kept.about["stopped"] == {"runs": 4, "of": 8}
    assert "was stopped: 4 of its 8 runs" in kept.notes[-1]
    rows = [undisturbed.row(run) for run in kept.runs["run"]]
    np.testing.assert_array_equal(kept.logits, undisturbed.logits[rows])
    assert len(leaderboard(own, [name])) == 4

    assert finish(sweep(own, spec, "cpu")) == name
    again = Sweep.open(own, name)
    assert is_complete(own, name)
    assert not (again.folder / UNITS).exists()
    np.testing.assert_array_equal(again.logits, undisturbed.logits)
    assert (again.folder / HEADS).read_bytes() == (undisturbed.folder / HEADS).read_bytes()
    assert "stopped" not in " ".join(again.notes)


def test_where_nothing_is_finished_a_sentence_says_so(own, spec):
    with pytest.raises(MammoError, match="Nothing of this sweep is finished yet"):
        keep_finished(own, spec)


def test_a_whole_sweep_stays_whole(own, spec):
    name = finish(sweep(own, spec, "cpu"))
    assert keep_finished(own, spec) == name
    assert is_complete(own, name)
