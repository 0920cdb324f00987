"""The speed of this machine: measured prices of work, stored in the home for estimates."""

from __future__ import annotations

import functools
import math
import platform
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from mammo.errors import MammoError
from mammo.processes.parallel import cores
from mammo.specs import Home
from mammo.storage.json_files import read_json, write_json
from mammo.storage.typed import typed

FILE = "rates.json"
MEASURING_VERSION = 1
"""Version of the measurements; it rises when they change, or when the measured code has become faster."""

MAX_PRICE = 1e9
"""Upper limit of a price in seconds; a larger value in the file is damage."""
Prices = dict[str, float]
"""Seconds per unit of work, by the name of the unit."""

CONDITIONS = "measured under"
"""Key of the file with the load and the time at which each kind of work was measured, by machine."""
BUSY = 0.2
"""From this share of the cores in use by other processes on, a machine counts as busy."""
CLEARLY_LOWER = 0.15
"""The difference from which on a load counts as clearly lower than another, as a share of the cores."""
OLD = 30 * 86400.0
"""Seconds after which prices are measured again, under any load."""
RETRY_AFTER = 60.0
"""The least seconds between two attempts to measure better prices."""


@dataclass(frozen=True)
class MeasuringConditions:
    """The load under which prices were measured, and the time, in seconds since 1970.

    `load` is the share of the cores that other processes used. `tried` is the time of the last attempt to measure
    better prices. All are None for prices of an earlier version.
    """

    load: float | None = None
    at: float | None = None
    tried: float | None = None

    @property
    def busy(self) -> bool:
        """Whether the machine was busy with other work."""
        return self.load is not None and self.load >= BUSY

    @property
    def renewable(self) -> bool:
        """Whether a new measurement may give better prices, and the last attempt is not too recent."""
        if self.tried is not None and abs(time.time() - self.tried) < RETRY_AFTER:
            return False
        return self.load is None or self.busy or self.old

    @property
    def old(self) -> bool:
        """Whether the prices are so old that they are measured again under any load."""
        return self.at is None or abs(time.time() - self.at) > OLD

    def worse_than(self, load: float) -> bool:
        """Whether prices measured now, under `load`, are better than these."""
        return self.load is None or self.old or load < self.load - CLEARLY_LOWER


def remember(home: Home, work: str, prices: Prices, load: float = 0.0) -> None:
    """Store the prices of a kind of work on this machine, measured now under `load` (as a share of the cores).

    Earlier prices that were measured under a clearly lower load are kept instead, unless they are old.
    """
    content, now, earlier = _read_all(home), time.time(), measuring_conditions(home).get(work)
    if earlier and earlier.load is not None and not earlier.old and load > earlier.load + CLEARLY_LOWER:
        _conditions_here(content)[work] = {"load": earlier.load, "at": earlier.at, "tried": now}
    else:
        content.setdefault(machine(), {})[work] = {name: float(f"{price:.6g}") for name, price in prices.items()}
        not_better = earlier is not None and not earlier.worse_than(load)
        _conditions_here(content)[work] = {"load": round(load, 3), "at": now, **({"tried": now} if not_better else {})}
    write_json(home.path / FILE, content)


def _conditions_here(content: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the part of the file with the conditions on this machine; it is created where it is missing."""
    machines = content.setdefault(CONDITIONS, {})
    if not isinstance(machines.get(machine()), dict):
        machines[machine()] = {}
    entry: dict[str, Any] = machines[machine()]
    return entry


def measuring_conditions(home: Home) -> dict[str, MeasuringConditions]:
    """Return the conditions under which each measured kind of work was measured on this machine."""
    conditions = _conditions_here(_read_all(home))
    return {work: _read_conditions(conditions.get(work)) for work in measured(home)}


def stale(home: Home, works: Iterable[str], load: Callable[[], float]) -> tuple[str, ...]:
    """Return the kinds of work to measure again now; `load` returns the present load and is called only if needed."""
    conditions = measuring_conditions(home)
    candidates = [work for work in works if work in conditions and conditions[work].renewable]
    if not candidates:
        return ()
    now = load()
    return tuple(work for work in candidates if conditions[work].worse_than(now))


def renewable(home: Home, work: str) -> bool:
    """Whether a kind of work is not measured yet, or a new measurement may give better prices."""
    conditions = measuring_conditions(home).get(work)
    return conditions is None or conditions.renewable


def note_attempt(home: Home, work: str) -> None:
    """Record an attempt just now to measure better prices that the load did not allow."""
    content, earlier = _read_all(home), measuring_conditions(home).get(work, MeasuringConditions())
    _conditions_here(content)[work] = {"load": earlier.load, "at": earlier.at, "tried": time.time()}
    write_json(home.path / FILE, content)


def recall(home: Home, work: str) -> Prices | None:
    """Return the prices of a kind of work on this machine, or None where it is not measured."""
    return measured(home).get(work)


def measured(home: Home) -> dict[str, Prices]:
    """Return all prices measured on this machine with the installed versions, by kind of work."""
    entries = _read_all(home).get(machine(), {})
    return {work: prices for work, prices in entries.items() if _are_prices(prices)}


@functools.cache
def machine() -> str:
    """Return the name of this machine and all that prices depend on: processor, cores, GPUs and versions."""
    parts = [platform.node(), processor(), f"{cores()} cores", *gpus()]
    parts += [f"{name} {_version(name)}" for name in ("torch", "numpy")]
    return ", ".join([*parts, f"measuring {MEASURING_VERSION}"])


def processor() -> str:
    """Return the processor's name, or its architecture where the system does not give a name."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()


def gpus() -> list[str]:
    """Return the names of the NVIDIA GPUs of this machine, without importing torch."""
    files = sorted(Path("/proc/driver/nvidia/gpus").glob("*/information"))
    lines = [line for file in files for line in file.read_text().splitlines()]
    return [line.partition(":")[2].strip() for line in lines if line.startswith("Model:")]


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "none"


def _are_prices(content: object) -> bool:
    return isinstance(content, dict) and all(_is_amount(price) and price <= MAX_PRICE for price in content.values())


def check(home: Home) -> None:
    """Raise MammoError where the file of prices is damaged."""
    typed(read_json(home.path / FILE, "table of rates"), dict[str, dict[str, Any]], "table of rates")


def _is_amount(value: object) -> bool:
    """Whether a value is a finite number from 0 on."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf


def _read_conditions(content: object) -> MeasuringConditions:
    if not isinstance(content, dict):
        return MeasuringConditions()
    fields = {name: content[name] for name in ("load", "at", "tried") if _is_amount(content.get(name))}
    return MeasuringConditions(**fields)


def _read_all(home: Home) -> dict[str, dict[str, Any]]:
    """Return the content of the file; a file that cannot be read counts as empty, since it only improves estimates."""
    path = home.path / FILE
    try:
        content = read_json(path, "table of rates") if path.is_file() else {}
    except (MammoError, RecursionError):
        return {}
    if not isinstance(content, dict):
        return {}
    return {name: entry for name, entry in content.items() if isinstance(entry, dict)}
