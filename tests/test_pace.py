"""Measuring this machine: in a process of its own, once, and kept."""

from __future__ import annotations

import subprocess
import sys

import pytest

from mammo import pace
from mammo.errors import MammoError
from mammo.pace import MEASURES, complete, main, measure, measuring
from mammo.rates import recall, remember
from mammo.specs import Home


def test_what_is_known_is_not_measured_again(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setitem(MEASURES, "tail", lambda _, *words: asked.append(words) or {"scored": 1.0})
    measure(home, ["tail a none"])
    measure(home, ["tail a none", "tail b none"])
    assert asked == [("a", "none"), ("b", "none")]
    assert recall(home, "tail b none") == {"scored": 1.0}
    remember(home, "start", {"heads": 1.0})
    monkeypatch.setattr(pace, "begin", lambda *_: pytest.fail("a process is started for nothing"))
    complete(home, ["start", "tail a none"])


def test_only_one_process_measures(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def another(_home: Home) -> dict[str, float]:
        held = subprocess.run([sys.executable, "-m", "mammo.pace", str(home.path), "heads"], timeout=60)
        seen.append((measuring(home), held.returncode))
        return {"heads": 1.0}

    monkeypatch.setitem(MEASURES, "start", another)
    measure(home, ["start"])
    assert seen == [(True, 0)] and not measuring(home) and recall(home, "heads") is None


@pytest.mark.slow
def test_a_process_of_its_own_measures_and_says_what_went_wrong(home: Home) -> None:
    complete(home, ["start"])
    prices = recall(home, "start")
    assert prices and 0 < prices["heads"] < prices["trunks"]
    with pytest.raises(MammoError, match="There is no kind of work 'nonsense'"):
        complete(home, ["nonsense"])
    assert main([str(home.path), "nonsense"]) == 2
