"""The counted work of a sweep is the work it does: the steps of each bank, the images of each tail, each file."""

from __future__ import annotations

import itertools
import math

import pytest

from mammo.estimates.work import (
    HEADS,
    PRICES,
    SIZE_GRID,
    Features,
    SplitSizes,
    Training,
    _updates,
    guess_prices,
    sweep_work,
)
from mammo.heads.bank.plan import plan_banks
from mammo.heads.grid import expand
from mammo.specs import CacheSpec, SplitSpec, SweepSpec

COUNTS = {("patient", "merged"): SplitSizes(70, 10, 100), ("patient", "three-way"): SplitSizes(70, 10, 100)}


@pytest.fixture(autouse=True)
def one_core(monkeypatch):
    """Makes the counts independent of the machine that runs the tests."""
    monkeypatch.setattr("mammo.estimates.work.cores", lambda: 1)
    monkeypatch.setattr("mammo.estimates.work.gpus", list)


def work_of(heads, labels=("merged",), **fields):
    features = Features.planned(CacheSpec("d", **{"trunk": "vgg16-mini", "size": 64, **fields}))
    return sweep_work(
        SweepSpec("d", ("c",), heads, tuple(SplitSpec(labels=name) for name in labels)), {"c": features}, COUNTS
    )


def training(heads, length, counts=COUNTS["patient", "merged"], splits=1, **axes):
    specs = expand({"pool": "gap", "lr": [1e-3 / (1 + number) for number in range(heads)], **axes})
    return Training(specs, length, [1] * splits, [counts] * splits)


def updates(amounts):
    return {name: amount for name, amount in amounts.items() if name.startswith("updated")}


def products(amounts):
    return amounts["multiplied"] + amounts.get("short multiplied", 0)


def test_a_bank_takes_its_steps_and_updates():
    amounts = training(64, 512, SplitSizes(100, 20, 150), epochs=50).amounts(threads=1)
    assert amounts["short step"] == 50 * 4 and amounts["epoch"] == 50 and amounts["taken"] == 150 * 512
    assert amounts["gathered"] == (50 * (100 + 20) + 150) * 512
    assert amounts["multiplied"] == (50 * 20 + 150) * 64 * 512
    assert amounts["short multiplied"] == 2 * 50 * 100 * 64 * 512
    assert sum(updates(amounts).values()) == 50 * 4 * 64 * 512 == updates(amounts)["updated 2^15"]


def test_banks_on_several_cores_take_their_share_of_time():
    single, double = (training(64, 2048, epochs=5).amounts(threads) for threads in (1, 2))
    assert len(plan_banks(training(64, 2048).heads, [1], 2048, 2)) == 2
    for name in ("short multiplied", "multiplied", "kept", "scored"):
        assert double[name] == pytest.approx(single[name] / 2), name
    assert double["short step"] == single["short step"] and double["gathered"] == single["gathered"]
    assert double["followed"] == single["followed"] and double["epoch"] == single["epoch"]
    wide, narrow = (training(1, 25088, hidden=units, epochs=2) for units in (128, 16))
    assert wide.amounts(2)["multiplied"] == wide.amounts(1)["multiplied"] / 2, "one wide bank takes all cores"
    assert narrow.amounts(2)["multiplied"] == narrow.amounts(1)["multiplied"], "a narrow one takes one"


def test_splits_that_share_a_bank_share_its_steps():
    """Splits of long vectors, or with dropout, share steps; those of short vectors are computed split by split."""
    axes = {"epochs": 3, "dropout": 0.5}
    single, five = (training(8, 64, splits=splits, **axes).amounts(threads=1) for splits in (1, 5))
    assert five["step"] == single["step"] and five["gathered"] == 5 * single["gathered"]
    assert products(five) == 5 * products(single) and sum(updates(five).values()) == 5 * sum(updates(single).values())
    single, five = (training(8, 64, splits=splits, epochs=3).amounts(threads=1) for splits in (1, 5))
    assert five["short step"] == 5 * single["short step"] and products(five) == 5 * products(single)
    assert "step" in training(8, 9000, splits=5, epochs=3).amounts(threads=1)


def test_the_price_of_an_update_is_interpolated_between_sizes():
    for exponent in range(4, 30):
        shares = _updates(2**exponent)
        middle = sum(share * int(name.rpartition("^")[2]) for name, share in shares.items())
        assert math.isclose(sum(shares.values()), 1) and set(shares) <= set(PRICES)
        assert math.isclose(middle, min(max(exponent, SIZE_GRID[0]), SIZE_GRID[-1]))


def test_everything_counted_has_a_price():
    heads = expand({"pool": ["flatten", "gap"], "hidden": [0, 8], "epochs": 3})
    tuned = expand({"finetune": ["last-layer"], "tail_lr": [1e-5], "epochs": 3})
    works = work_of(heads), work_of(heads, tap="last-layer"), work_of(tuned, tap="last-layer")
    for kind, amounts in itertools.chain.from_iterable(work.items() for work in works):
        assert set(amounts) <= set(guess_prices(kind)), kind
        assert all(amount >= 0 for amount in amounts.values())


def test_heads_that_share_a_bank_share_its_steps():
    axes = {"pool": "gap", "epochs": 3}
    single, several = (work_of(expand({**axes, "lr": rates}))[HEADS] for rates in ([1e-3], [1e-3, 1e-4]))
    assert several["short step"] == single["short step"] == 9 and several["loaded"] == single["loaded"]
    assert several["followed"] == 2 * single["followed"]
    apart = work_of(expand({"pool": "gap", "seed": [0, 1], "epochs": 3}))[HEADS]
    assert apart["short step"] == 18 and apart["loaded"] == single["loaded"]


def test_three_classes_and_splits_are_counted():
    heads = expand({"pool": "gap", "epochs": 3})
    merged, three, both = (
        work_of(heads, names)[HEADS] for names in (["merged"], ["three-way"], ["merged", "three-way"])
    )
    assert products(three) == 3 * products(merged) and three["step"] == merged["short step"]
    assert both["loaded"] == merged["loaded"] and both["followed"] == 2 * merged["followed"]
    assert both["stored"] == merged["stored"] + three["stored"]


def test_a_tail_that_learns_is_work_of_its_own_kind():
    heads = expand({"finetune": ["last-layer"], "tail_lr": [1e-5, 1e-6], "epochs": 3, "pool": "gap"})
    work = work_of(heads, trunk="resnet50-mini", tap="last-layer")
    assert work["tail resnet50-mini last-layer float32 64"] == {"trained": 2 * 210, "scored": 2 * 130, "prepared": 100}
    frozen = work_of(expand({"pool": "gap", "epochs": 3}), trunk="resnet50-mini", tap="last-layer")
    assert frozen["tail resnet50-mini none float32 64"] == {"scored": 100}


def test_probes_are_solved_once_a_split_and_read_once():
    single = work_of(expand({"pool": "gap", "optimizer": "probe"}))[HEADS]
    double = work_of(expand({"pool": "gap", "optimizer": "probe"}), ["merged", "three-way"])[HEADS]
    assert single["crossed"] == double["crossed"] == 100**2 * 64 and single["loaded"] == double["loaded"]
    assert double["factored"] == 2 * single["factored"] == 2 * 17 * 70**3 and "step" not in single


def test_augmented_versions_are_read_once_or_where_they_do_not_fit_in_every_epoch(monkeypatch):
    heads = expand({"pool": "gap", "epochs": 6})
    plain = work_of(heads)[HEADS]
    generated, sevenfold = {"augment": "generator", "draws": 2}, {"augment": "sevenfold", "draws": 7}
    assert work_of(heads, **generated)[HEADS]["loaded"] == 3 * plain["loaded"]
    assert work_of(heads, **sevenfold)[HEADS]["loaded"] == 8 * plain["loaded"]
    rows = 6 * 70 * 64
    assert work_of(heads, **sevenfold)[HEADS]["gathered"] == plain["gathered"] + 7 * rows
    first = expand({"pool": "gap", "epochs": 6, "first_draws": 3})
    assert work_of(first, **sevenfold)[HEADS]["gathered"] == plain["gathered"] + 3 * rows
    monkeypatch.setattr("mammo.estimates.work.free_memory", lambda: 1000)
    assert work_of(heads)[HEADS]["loaded"] == 7 * plain["loaded"]
    assert work_of(heads, **generated)[HEADS]["loaded"] == 7 * plain["loaded"]
    assert work_of(heads, **sevenfold)[HEADS]["loaded"] == 49 * plain["loaded"]


def test_planned_features_equal_those_of_the_cache(demo_home):
    from mammo.features.cache.cache import Cache, caches

    for name in caches(demo_home, "phantom-demo"):
        cache = Cache.open(demo_home, "phantom-demo", name)
        assert Features.of(cache) == Features.planned(cache.spec)
        assert Features.of(cache).length("flatten") == math.prod(cache.shape[1:])
