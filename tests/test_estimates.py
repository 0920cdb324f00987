"""Estimates: of the right size before anything is measured, from measurements afterwards."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mammo.estimates import MEASURED, ROUGH, cache_estimate, sweep_estimate
from mammo.features.cache import Cache, caches
from mammo.features.trunks import TRUNKS
from mammo.heads.grid import expand
from mammo.rates import FILE, SWEEP, extraction_key, recall, remember
from mammo.specs import CacheSpec, Home, SplitSpec, SweepSpec


@pytest.mark.parametrize("trunk", TRUNKS)
def test_a_cache_is_estimated_before_anything_was_measured(home: Home, trunk: str) -> None:
    small, large = (cache_estimate(home, CacheSpec("d", trunk), images) for images in (100, 1000))
    assert small.note == ROUGH
    assert 0 < small.seconds < large.seconds and 0 < small.bytes < large.bytes


def test_the_size_of_a_cache_is_of_the_right_order(demo_home: Home) -> None:
    for name in caches(demo_home, "phantom-demo"):
        cache = Cache.open(demo_home, "phantom-demo", name)
        assert 0.3 < cache_estimate(demo_home, cache.spec, cache.shape[0]).bytes / cache.bytes < 3


def test_a_measured_rate_is_used(home: Home) -> None:
    spec = CacheSpec("d", "vgg16")
    remember(home, extraction_key(spec), 50.0)
    estimate = cache_estimate(home, spec, 1000)
    assert (estimate.seconds, estimate.note) == (20.0, MEASURED)
    assert cache_estimate(home, CacheSpec("d", "resnet50"), 1000).note == ROUGH


def test_real_work_leaves_its_rate(demo_home: Home) -> None:
    assert recall(demo_home, SWEEP)
    for name in caches(demo_home, "phantom-demo"):
        assert recall(demo_home, extraction_key(Cache.open(demo_home, "phantom-demo", name).spec))


def test_a_sweep_costs_in_proportion(demo_home: Home, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    shutil.copytree(demo_home.path, home.path, ignore=shutil.ignore_patterns("sweeps", "files", FILE))
    names = tuple(caches(home, "phantom-demo"))
    one = SweepSpec("phantom-demo", names, expand({"hidden": [128], "epochs": [50]}), (SplitSpec(),))
    four = SweepSpec(
        "phantom-demo", names, expand({"hidden": [128], "epochs": [100]}), (SplitSpec(), SplitSpec(redraw=1))
    )
    small, large = sweep_estimate(home, one), sweep_estimate(home, four)
    assert small.note == ROUGH
    assert large.seconds == pytest.approx(4 * small.seconds)
    assert large.bytes == pytest.approx(2 * small.bytes)


@pytest.mark.parametrize("content", ["", "[]", '{"a": 1}', "{"])
def test_a_damaged_table_of_rates_counts_as_none(home: Home, content: str) -> None:
    home.path.mkdir()
    (home.path / FILE).write_text(content)
    assert recall(home, SWEEP) is None
