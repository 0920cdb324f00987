"""How fast this machine has been: rates measured by real work, kept in the home for estimates."""

from __future__ import annotations

import platform

from mammo.errors import MammoError
from mammo.files import read_json, write_json
from mammo.specs import CacheSpec, Home

FILE = "rates.json"
SWEEP = "sweep"
"""Training heads; its rate is how many times faster than guessed it went."""


def extraction_key(spec: CacheSpec) -> str:
    """The kind of work an extraction is, under which its rate is kept."""
    return f"extract {spec.trunk} {spec.tap} {spec.size} {spec.precision} {spec.kind}"


def remember(home: Home, work: str, rate: float) -> None:
    """Keep the newest rate, in units per second, of a kind of work on this machine."""
    rates = _rates(home)
    rates.setdefault(_machine(), {})[work] = round(rate, 3)
    write_json(home.path / FILE, rates)


def recall(home: Home, work: str) -> float | None:
    """The newest rate of a kind of work on this machine, if any was measured."""
    rate = _rates(home).get(_machine(), {}).get(work)
    return float(rate) if isinstance(rate, int | float) and rate > 0 else None


def _machine() -> str:
    return f"{platform.node()} {platform.machine()}"


def _rates(home: Home) -> dict[str, dict[str, float]]:
    """All rates; a file that cannot be read counts as none, for it is only a help to estimates."""
    try:
        content = read_json(home.path / FILE, "table of rates")
    except MammoError:
        return {}
    return content if isinstance(content, dict) else {}
