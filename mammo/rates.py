"""How fast this machine is: prices that were measured on it, kept in the home for estimates."""

from __future__ import annotations

import functools
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

from mammo.errors import MammoError
from mammo.files import read_json, write_json
from mammo.parallel import cores
from mammo.specs import Home
from mammo.typed import typed

FILE = "rates.json"
MEASURING = 1
"""Rises when prices are measured in another way, or what they are measured of has become faster."""

DEAREST = 1e9
"""Seconds that nothing takes a piece."""
Prices = dict[str, float]
"""Seconds that one of a thing takes, by its name."""


def remember(home: Home, work: str, prices: Prices) -> None:
    """Keep what a kind of work costs on this machine."""
    known = _all(home)
    known.setdefault(machine(), {})[work] = {name: float(f"{price:.6g}") for name, price in prices.items()}
    write_json(home.path / FILE, known)


def recall(home: Home, work: str) -> Prices | None:
    """What a kind of work costs on this machine, if it was measured."""
    return measured(home).get(work)


def measured(home: Home) -> dict[str, Prices]:
    """All that was measured on this machine with the versions that are installed, by kind of work."""
    here = _all(home).get(machine(), {})
    return {work: prices for work, prices in here.items() if _are_prices(prices)}


@functools.cache
def machine() -> str:
    """This machine and what prices depend on: processor, cores, GPUs and versions."""
    parts = [platform.node(), processor(), f"{cores()} cores", *gpus()]
    parts += [f"{name} {_version(name)}" for name in ("torch", "numpy")]
    return ", ".join([*parts, f"measuring {MEASURING}"])


def processor() -> str:
    """The processor's name, as far as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.machine()


def gpus() -> list[str]:
    """The names of the NVIDIA GPUs of this machine, without loading anything heavy."""
    told = sorted(Path("/proc/driver/nvidia/gpus").glob("*/information"))
    lines = [line for file in told for line in file.read_text().splitlines()]
    return [line.partition(":")[2].strip() for line in lines if line.startswith("Model:")]


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "none"


def _are_prices(content: object) -> bool:
    try:
        return all(0 <= price <= DEAREST for price in typed(content, dict[str, float], "prices").values())
    except MammoError:
        return False


def check(home: Home) -> None:
    """Raise MammoError where what was kept is not what is written there."""
    typed(read_json(home.path / FILE, "table of rates"), dict[str, dict[str, Any]], "table of rates")


def _all(home: Home) -> dict[str, dict[str, Prices]]:
    """Everything that was kept; a file that cannot be read counts as empty, for it is only a help to estimates."""
    try:
        content = read_json(home.path / FILE, "table of rates")
    except MammoError:
        return {}
    if not isinstance(content, dict):
        return {}
    return {name: entry for name, entry in content.items() if isinstance(entry, dict)}
