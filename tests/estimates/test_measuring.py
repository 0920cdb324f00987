"""This machine is measured in a process of its own; prices are stored, and measured again where that improves them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from mammo.errors import MammoError
from mammo.estimates import estimate as estimates
from mammo.estimates import measuring as measuring_module
from mammo.estimates.estimate import BUSY, MEASURED
from mammo.estimates.measuring import MEASURES, complete, main, measure, measuring
from mammo.estimates.prices import (
    CONDITIONS,
    FILE,
    OLD,
    RETRY_AFTER,
    machine,
    measuring_conditions,
    recall,
    remember,
    stale,
)
from mammo.processes import load
from mammo.specs import Home

KIND = "tail vgg16 none float32 224"


@pytest.fixture
def at_load(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets the share of the cores that other processes use."""

    def set_load(share: float) -> None:
        monkeypatch.setattr(load.LoadMeter, "load", lambda _: share)
        for module in (load, measuring_module, estimates):
            monkeypatch.setattr(module, "load_now", lambda: share)

    return set_load


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The prices that the measurements of `KIND` return, each larger than the last."""
    prices: list[float] = []

    def price(_home: Home, *_words: str) -> dict[str, float]:
        prices.append(len(prices) + 1.0)
        return {"scored": prices[-1]}

    monkeypatch.setitem(MEASURES, "tail", price)
    return prices


def test_measured_work_is_not_measured_again(
    home: Home, monkeypatch: pytest.MonkeyPatch, at_load: Callable[[float], None]
) -> None:
    measurements: list[tuple[str, ...]] = []
    monkeypatch.setitem(MEASURES, "tail", lambda _, *words: measurements.append(words) or {"scored": 1.0})
    at_load(0.05)
    measure(home, ["tail a none"])
    measure(home, ["tail a none", "tail b none"])
    assert measurements == [("a", "none"), ("b", "none")]
    assert recall(home, "tail b none") == {"scored": 1.0}
    remember(home, "start", {"heads": 1.0})
    monkeypatch.setattr(measuring_module, "begin", lambda *_: pytest.fail("a process is started for nothing"))
    complete(home, ["start", "tail a none"])


def test_prices_of_a_busy_machine_are_measured_again_on_a_calmer_one(
    home: Home, at_load: Callable[[float], None], measured: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    at_load(0.9)
    measure(home, [KIND])
    assert measuring_conditions(home)[KIND].busy and estimates._price_work(home, 0, {KIND: {"scored": 1.0}}).busy
    measure(home, [KIND])
    assert measured == [1.0], "it is as busy as before"
    at_load(0.5)
    assert not stale(home, [KIND], lambda: 0.5), "the last attempt was just now"
    clock = time.time() + RETRY_AFTER + 1
    monkeypatch.setattr(time, "time", lambda: clock)
    assert stale(home, [KIND], lambda: 0.5) == (KIND,) and stale(home, [KIND], lambda: 0.8) == ()
    measure(home, [KIND])
    assert measured == [1.0, 2.0] and recall(home, KIND) == {"scored": 2.0}
    at_load(0.02)
    measure(home, [KIND])
    assert recall(home, KIND) == {"scored": 3.0} and not measuring_conditions(home)[KIND].busy
    estimate = estimates._price_work(home, 0, {KIND: {"scored": 1.0}})
    assert not estimate.busy and estimate.unmeasured == () and MEASURED in estimate.note
    at_load(0.0)
    measure(home, [KIND])
    assert len(measured) == 3, "calm is calm"


def test_an_estimate_says_that_its_prices_come_from_a_busy_machine(
    home: Home, at_load: Callable[[float], None]
) -> None:
    remember(home, KIND, {"scored": 2.0}, load=0.7)
    at_load(0.7)
    estimate = estimates._price_work(home, 0, {KIND: {"scored": 1.0}})
    assert BUSY in estimate.note and estimate.unmeasured == () and estimate.to_json()["busy"] is True
    at_load(0.1)
    estimate = estimates._price_work(home, 0, {KIND: {"scored": 1.0}})
    assert estimate.stale == estimate.unmeasured == (KIND,) and estimate.missing == ()
    assert (estimate + estimate).stale == (KIND,) and (estimate + estimates.Estimate(0, {})).busy


def test_a_busier_measurement_does_not_replace_a_calm_one(home: Home) -> None:
    remember(home, KIND, {"scored": 1.0}, load=0.1)
    remember(home, KIND, {"scored": 9.0}, load=0.8)
    assert recall(home, KIND) == {"scored": 1.0} and measuring_conditions(home)[KIND].load == 0.1


@pytest.mark.parametrize("age", [OLD + 1, -OLD - 1])
def test_old_prices_are_measured_anew_under_any_load(home: Home, monkeypatch: pytest.MonkeyPatch, age: float) -> None:
    remember(home, KIND, {"scored": 1.0}, load=0.1)
    now = time.time()
    assert not stale(home, [KIND], lambda: 0.0)
    monkeypatch.setattr(time, "time", lambda: now + age)
    assert stale(home, [KIND], lambda: 0.9) == (KIND,)
    remember(home, KIND, {"scored": 9.0}, load=0.8)
    assert recall(home, KIND) == {"scored": 9.0}


def test_prices_of_an_earlier_version_are_used_and_measured_anew_once(home: Home, measured: list[float]) -> None:
    home.path.mkdir()
    (home.path / FILE).write_text(json.dumps({machine(): {KIND: {"scored": 7.0}}}))
    assert recall(home, KIND) == {"scored": 7.0} and stale(home, [KIND], lambda: 0.9) == (KIND,)
    measure(home, [KIND])
    assert recall(home, KIND) == {"scored": 1.0} and measuring_conditions(home)[KIND].at
    assert json.loads((home.path / FILE).read_text())[machine()] == {KIND: {"scored": 1.0}}


def test_the_load_of_other_processes_counts_and_that_of_this_one_does_not(home: Home) -> None:
    def busy(seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            pass

    meter = load.LoadMeter()
    busy(0.5)
    own_load = meter.load()
    busy_processes = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"], start_new_session=True) for _ in range(4)
    ]
    try:
        script = "from mammo.processes.load import load_now; import time; time.sleep(0.2); print(load_now())"
        output = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    finally:
        for process in busy_processes:
            process.kill()
            process.wait()
    assert 0 <= own_load <= 1 and float(output.stdout) > 0.7


def test_only_one_process_measures(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    results = []

    def another(_home: Home) -> dict[str, float]:
        words = [sys.executable, "-m", "mammo.estimates.measuring", str(home.path), "heads"]
        second = subprocess.run(words, timeout=60)
        results.append((measuring(home), second.returncode))
        return {"heads": 1.0}

    monkeypatch.setitem(MEASURES, "start", another)
    measure(home, ["start"])
    assert results == [(True, 0)] and not measuring(home) and recall(home, "heads") is None


@pytest.mark.slow
def test_a_process_of_its_own_measures_and_says_what_went_wrong(home: Home) -> None:
    complete(home, ["start"])
    prices = recall(home, "start")
    assert prices and 0 < prices["heads"] < prices["trunks"]
    assert measuring_conditions(home)["start"].load is not None
    with pytest.raises(MammoError, match="There is no kind of work 'nonsense'"):
        complete(home, ["nonsense"])
    assert main([str(home.path), "nonsense"]) == 2


@pytest.mark.parametrize(
    "damaged", [[], {"m": 1}, {"m": {KIND: []}}, {"m": {KIND: {"load": "high", "at": -1, "tried": True}}}]
)
def test_damaged_conditions_count_as_none(home: Home, damaged: Any) -> None:
    home.path.mkdir()
    content = json.dumps({machine(): {KIND: {"scored": 7.0}}, CONDITIONS: damaged}).replace(
        '"m"', json.dumps(machine())
    )
    (home.path / FILE).write_text(content)
    assert recall(home, KIND) == {"scored": 7.0} and measuring_conditions(home)[KIND].load is None
    remember(home, KIND, {"scored": 8.0}, load=0.3)
    assert recall(home, KIND) == {"scored": 8.0} and measuring_conditions(home)[KIND].load == 0.3
