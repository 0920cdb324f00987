"""Prices are stored by machine and versions; a damaged table only loses them."""

from __future__ import annotations

import pytest

from mammo.estimates import prices as prices_module
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
    monkeypatch.setattr(prices_module, "machine", lambda: "another")
    assert recall(home, "heads") is None
    remember(home, "heads", {"step": 2.0})
    monkeypatch.undo()
    assert recall(home, "heads") == {"step": 1.0}


def test_a_machine_is_described_by_all_that_prices_depend_on(monkeypatch: pytest.MonkeyPatch) -> None:
    description = machine()
    assert (
        processor() in description
        and "torch 2" in description
        and "cores" in description
        and all(name in description for name in gpus())
    )
    machine.cache_clear()
    monkeypatch.setattr(prices_module, "cores", lambda: 99)
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
