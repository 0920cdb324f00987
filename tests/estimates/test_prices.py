"""Prices are kept by machine and versions, and a table that was damaged is only a loss of them."""

from __future__ import annotations

import pytest

from mammo.estimates import prices as rates
from mammo.estimates.prices import FILE, gpus, machine, measured, processor, recall, remember
from mammo.specs import Home


def test_prices_are_kept(home: Home) -> None:
    assert recall(home, "heads") is None
    remember(home, "heads", {"step": 0.00123456789})
    remember(home, "start", {"heads": 2.0})
    remember(home, "start", {"heads": 3.0})
    assert recall(home, "heads") == {"step": 0.00123457}
    assert measured(home) == {"heads": {"step": 0.00123457}, "start": {"heads": 3.0}}


def test_another_machine_or_version_has_prices_of_its_own(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    remember(home, "heads", {"step": 1.0})
    monkeypatch.setattr(rates, "machine", lambda: "another")
    assert recall(home, "heads") is None
    remember(home, "heads", {"step": 2.0})
    monkeypatch.undo()
    assert recall(home, "heads") == {"step": 1.0}


def test_a_machine_is_told_by_what_prices_depend_on(monkeypatch: pytest.MonkeyPatch) -> None:
    told = machine()
    assert processor() in told and "torch 2" in told and "cores" in told and all(name in told for name in gpus())
    machine.cache_clear()
    monkeypatch.setattr(rates, "cores", lambda: 99)
    assert "99 cores" in machine()
    machine.cache_clear()


@pytest.mark.parametrize(
    "content", ["", "[]", '{"a": 1}', "{", '{"MACHINE": {"heads": 2}}', '{"MACHINE": {"heads": {"step": "1"}}}']
)
def test_a_damaged_table_counts_as_none(home: Home, content: str) -> None:
    home.path.mkdir()
    (home.path / FILE).write_text(content.replace("MACHINE", machine()))
    assert recall(home, "heads") is None and measured(home) == {}
    remember(home, "heads", {"step": 1.0})
    assert recall(home, "heads") == {"step": 1.0}
