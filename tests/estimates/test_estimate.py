"""Estimates have the right order of magnitude before a measurement, and use the machine's own prices after it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mammo.errors import MammoError
from mammo.estimates.estimate import (
    AT_MOST,
    MEASURED,
    ROUGH,
    Estimate,
    extraction_estimate,
    planned_estimate,
    sweep_estimate,
)
from mammo.estimates.measuring import MEASURES
from mammo.estimates.prices import FILE, remember
from mammo.estimates.work import HEADS, PRICES, Features
from mammo.features.cache.cache import Cache, caches
from mammo.features.trunks.table import TRUNKS
from mammo.heads.grid import expand
from mammo.specs import CacheSpec, Home, SplitSpec, SweepSpec

NAME = "phantom-demo"


@pytest.fixture
def unmeasured(demo_home: Home, tmp_path: Path) -> Home:
    """The demo on a machine that is not measured yet."""
    home = Home(tmp_path / "home")
    home.path.mkdir()
    for folder in ("datasets", "features"):
        (home.path / folder).symlink_to(demo_home.path / folder)
    return home


@pytest.mark.parametrize("trunk", TRUNKS)
def test_a_cache_is_estimated_before_anything_was_measured(unmeasured: Home, trunk: str) -> None:
    spec = CacheSpec(NAME, trunk, "random-0")
    estimate = extraction_estimate(unmeasured, [spec])
    assert ROUGH in estimate.note and {kind.split()[0] for kind in estimate.missing} == {"start", "pictures", "trunk"}
    both = extraction_estimate(unmeasured, [spec, replace(spec, resize="letterbox")])
    assert estimate.bytes > 0 and both.bytes == 2 * estimate.bytes
    assert both.parts["read"] == estimate.parts["read"], "files are read once for both"
    assert both.parts["run"] == pytest.approx(2 * estimate.parts["run"]) and both.seconds > estimate.seconds
    augmented = extraction_estimate(unmeasured, [replace(spec, augment="generator", draws=3)])
    assert (
        augmented.bytes == pytest.approx(4 * estimate.bytes, abs=4)
        and augmented.parts["run"] > 4 * estimate.parts["run"]
    )


def test_the_size_of_a_cache_is_of_the_right_order(demo_home: Home) -> None:
    for name in caches(demo_home, NAME):
        cache = Cache.open(demo_home, NAME, name)
        assert 0.3 < extraction_estimate(demo_home, [cache.spec]).bytes / cache.bytes < 3


def test_every_kind_of_work_can_be_measured(unmeasured: Home, tiny: Home) -> None:
    tapped = Features.planned(CacheSpec(NAME, "resnet50", "random-0", "last-layer"))
    heads = expand({"finetune": ["none", "last-block"], "tail_lr": [1e-5]})
    tuned = planned_estimate(unmeasured, SweepSpec(NAME, ("c",), heads, (SplitSpec(),)), {"c": tapped})
    assert len(tuned.missing) == 4
    extracted = extraction_estimate(tiny, [CacheSpec("tiny", "resnet50", "random-0")])
    assert {kind.split()[0] for kind in (*tuned.missing, *extracted.missing)} == set(MEASURES)


def test_the_prices_of_this_machine_are_used(unmeasured: Home) -> None:
    names = tuple(caches(unmeasured, NAME))
    spec = SweepSpec(NAME, names, expand({"pool": "gap", "epochs": 7}), (SplitSpec(),))
    assert set(sweep_estimate(unmeasured, spec).missing) == {"start", HEADS}
    remember(unmeasured, "start", {"heads": 2.5, "trunks": 4.0})
    remember(unmeasured, HEADS, dict.fromkeys(PRICES, 0.0) | {"epoch": 3.0, "unit": 0.5})
    estimate = sweep_estimate(unmeasured, spec)
    assert estimate.parts == {"start": 2.5, "read": 0, "run": 2 * 7 * 3.0, "write": 2 * 0.5}
    assert estimate.missing == () and estimate.note == f"2.5 s to start, 42 s to run; {MEASURED}"
    assert Estimate(2_000_000, {"run": 900.0}).sentence == f"about 15 min and 2 MB (15 min to run; {MEASURED})"


def test_early_stopping_makes_it_an_upper_bound_and_says_so(unmeasured: Home) -> None:
    names = tuple(caches(unmeasured, NAME))
    stopping, all_epochs = (
        sweep_estimate(unmeasured, SweepSpec(NAME, names, expand({"patience": patience}), (SplitSpec(),)))
        for patience in (10, 0)
    )
    assert stopping.at_most and AT_MOST in stopping.note and stopping.to_json()["at_most"] is True
    assert not all_epochs.at_most and AT_MOST not in all_epochs.note
    assert stopping.seconds == pytest.approx(all_epochs.seconds, rel=0.05)


def test_a_sweep_costs_in_proportion(unmeasured: Home) -> None:
    names = tuple(caches(unmeasured, NAME))
    small, large = (
        sweep_estimate(unmeasured, SweepSpec(NAME, names, expand({"hidden": [128], "epochs": [epochs]}), splits))
        for epochs, splits in ((50, (SplitSpec(),)), (100, (SplitSpec(), SplitSpec(redraw=1))))
    )
    assert 2 * small.parts["run"] < large.parts["run"] < 4.2 * small.parts["run"]
    assert large.bytes == pytest.approx(2 * small.bytes)


def test_estimates_add_up() -> None:
    first = Estimate(10, {"start": 1.0, "run": 2.0}, ("start",), at_most=True)
    total = first + Estimate(5, {"run": 3.0, "write": 1.0}, ("heads", "start"))
    assert total == Estimate(15, {"start": 1.0, "run": 5.0, "write": 1.0}, ("start", "heads"), at_most=True)
    assert total.seconds == 7.0 and "about 7 s" in total.sentence


def test_what_cannot_be_split_is_refused(unmeasured: Home) -> None:
    spec = SweepSpec(NAME, tuple(caches(unmeasured, NAME)), expand({}), (SplitSpec("five-fold", redraw=9),))
    with pytest.raises(MammoError, match="There are folds 0 to 4, not 9"):
        sweep_estimate(unmeasured, spec)


def test_a_home_without_rates_is_not_written_to(unmeasured: Home) -> None:
    extraction_estimate(unmeasured, [CacheSpec(NAME, "vgg16", "random-0")])
    assert not (unmeasured.path / FILE).exists()
