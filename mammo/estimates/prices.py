"""How fast this machine is: prices that were measured on it, kept in the home for estimates."""

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
MEASURING = 1
"""Rises when prices are measured in another way, or what they are measured of has become faster."""

DEAREST = 1e9
"""Seconds that nothing takes a piece."""
Prices = dict[str, float]
"""Seconds that one of a thing takes, by its name."""


UNDER = "measured under"
"""Where the file keeps, machine by machine, the load and the time at which each kind of work was measured."""
BUSY = 0.2
"""From which share of the cores at other work on a machine counts as busy."""
LOWER = 0.15
"""By how much a load is clearly lower than another."""
OLD = 30 * 86400.0
"""Seconds after which prices are measured anew, whatever they were measured under."""
AGAIN = 60.0
"""Seconds between two attempts at better prices."""


@dataclass(frozen=True)
class Circumstances:
    """Under which load prices were measured, as a share of the cores that others had, and when, in seconds since 1970.

    `tried` is when better ones were last sought. Prices of an earlier version tell neither.
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
        """Whether better prices may be had some day, and were not sought only just now."""
        if self.tried is not None and abs(time.time() - self.tried) < AGAIN:
            return False
        return self.load is None or self.busy or self.old

    @property
    def old(self) -> bool:
        """Whether they are so old that they are measured anew under any load."""
        return self.at is None or abs(time.time() - self.at) > OLD

    def worse_than(self, load: float) -> bool:
        """Whether prices measured under `load` are to be preferred."""
        return self.load is None or self.old or load < self.load - LOWER


def remember(home: Home, work: str, prices: Prices, load: float = 0.0) -> None:
    """Keep what a kind of work costs on this machine, as measured now, with others at so large a share of the cores.

    Prices that were measured under a clearly lower load are kept instead, unless they are old.
    """
    known, now, before = _all(home), time.time(), circumstances(home).get(work)
    if before and before.load is not None and not before.old and load > before.load + LOWER:
        _under(known)[work] = {"load": before.load, "at": before.at, "tried": now}
    else:
        known.setdefault(machine(), {})[work] = {name: float(f"{price:.6g}") for name, price in prices.items()}
        in_vain = before is not None and not before.worse_than(load)
        _under(known)[work] = {"load": round(load, 3), "at": now, **({"tried": now} if in_vain else {})}
    write_json(home.path / FILE, known)


def _under(known: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """What is kept of the circumstances on this machine; made where it is not there, or is no table."""
    machines = known.setdefault(UNDER, {})
    if not isinstance(machines.get(machine()), dict):
        machines[machine()] = {}
    here: dict[str, Any] = machines[machine()]
    return here


def circumstances(home: Home) -> dict[str, Circumstances]:
    """Under what each kind of work was measured on this machine, of all that was."""
    under = _under(_all(home))
    return {work: _circumstances(under.get(work)) for work in measured(home)}


def stale(home: Home, works: Iterable[str], load: Callable[[], float]) -> tuple[str, ...]:
    """The kinds of work whose prices are to be measured anew now; the present `load` is asked where it matters."""
    under = circumstances(home)
    candidates = [work for work in works if work in under and under[work].renewable]
    if not candidates:
        return ()
    now = load()
    return tuple(work for work in candidates if under[work].worse_than(now))


def renewable(home: Home, work: str) -> bool:
    """Whether a kind of work was not measured yet, or may be measured better."""
    under = circumstances(home).get(work)
    return under is None or under.renewable


def sought(home: Home, work: str) -> None:
    """Note that better prices were sought just now, when there were none to be had."""
    known, before = _all(home), circumstances(home).get(work, Circumstances())
    _under(known)[work] = {"load": before.load, "at": before.at, "tried": time.time()}
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
    return isinstance(content, dict) and all(_is_amount(price) and price <= DEAREST for price in content.values())


def check(home: Home) -> None:
    """Raise MammoError where what was kept is not what is written there."""
    typed(read_json(home.path / FILE, "table of rates"), dict[str, dict[str, Any]], "table of rates")


def _is_amount(value: object) -> bool:
    """Whether a value is a number from 0 on."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf


def _circumstances(content: object) -> Circumstances:
    if not isinstance(content, dict):
        return Circumstances()
    known = {name: content[name] for name in ("load", "at", "tried") if _is_amount(content.get(name))}
    return Circumstances(**known)


def _all(home: Home) -> dict[str, dict[str, Any]]:
    """Everything that was kept; a file that cannot be read counts as empty, for it is only a help to estimates."""
    path = home.path / FILE
    try:
        content = read_json(path, "table of rates") if path.is_file() else {}
    except (MammoError, RecursionError):
        return {}
    if not isinstance(content, dict):
        return {}
    return {name: entry for name, entry in content.items() if isinstance(entry, dict)}
