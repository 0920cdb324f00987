"""Heads trained at once: the very scores that the same sweep stores, and nothing written."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from mammo.errors import MammoError
from mammo.features.cache.cache import caches
from mammo.heads.grid import expand
from mammo.heads.sweeps.in_memory import instant_part, open_workbench, train_at_once
from mammo.heads.sweeps.sweep import sweep
from mammo.progress import finish
from mammo.results.board.leaderboard import leaderboard, ranked
from mammo.runs.stored_run import StoredRun
from mammo.runs.sweep import Sweep
from mammo.specs import Home, SplitSpec, SweepSpec

AXES = {"pool": ["gap"], "lr": [1e-2, 1e-3], "epochs": [4], "seed": [0, 1], "patience": [2]}


def spec_of(home: Home, **axes: list[object]) -> SweepSpec:
    splits = (SplitSpec(), SplitSpec(labels="dropped"))
    return SweepSpec("tiny", tuple(caches(home, "tiny")), expand({**AXES, **axes}), splits)


def test_heads_trained_at_once_score_as_the_stored_sweep_does(tiny: Home, home: Home) -> None:
    home.path.mkdir()
    for folder in ("datasets", "features"):
        (home.path / folder).symlink_to(tiny.path / folder)
    spec = spec_of(home)
    made = train_at_once(open_workbench(home, spec), spec.heads)
    assert sorted(path.name for path in home.path.iterdir()) == ["datasets", "features"]
    stored = Sweep.open(home, finish(sweep(home, spec)))
    np.testing.assert_allclose(made.logits, stored.logits, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(made.history, stored.history, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(made.parts, stored.parts)
    assert made.about["splits"] == stored.about["splits"]
    ours, theirs = ranked([made]), leaderboard(home, [stored.id])
    same = ["validation_auc", "test_auc", "n_test", "leaked", "weights_note", "best_epoch", "trained_epochs"]
    np.testing.assert_array_equal(ours[same[-1]], theirs[same[-1]])
    assert list(ours[same[4]]) == list(theirs[same[4]]) and list(ours.columns) == list(theirs.columns)
    np.testing.assert_allclose(ours[same[:4]].astype(float), theirs[same[:4]].astype(float), rtol=1e-6)
    scored = StoredRun(made, 0).scored("validation")
    assert (scored.part, len(scored.labels)) == ("validation", ours["n_validation"][0])


def test_other_heads_on_the_same_workbench_need_no_opening(tiny: Home) -> None:
    bench = open_workbench(tiny, spec_of(tiny))
    more = expand({**AXES, "hidden": [8], "optimizer": ["adam", "nadam"]})
    made = train_at_once(bench, more)
    assert len(made.runs) == len(more) * 2 and set(made.runs["hidden"]) == {8}
    assert np.isfinite(made.logits).all() and not made.folder.exists()


def test_only_pooled_heads_train_at_once(tiny: Home) -> None:
    spec = spec_of(tiny, pool=["gap", "flatten"])
    kept = instant_part(spec)
    assert kept and {head.pool for head in kept.heads} == {"gap"} and kept.runs == spec.runs / 2
    flat = tuple(dataclasses.replace(head, pool="flatten") for head in kept.heads)
    assert instant_part(dataclasses.replace(spec, heads=flat)) is None
    with pytest.raises(MammoError, match="train the others as a sweep"):
        train_at_once(open_workbench(tiny, kept), flat)
