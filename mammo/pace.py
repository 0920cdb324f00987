"""How fast this machine is, measured when it is first asked for, in a process of its own.

`python -m mammo.pace HOME WORK…` measures kinds of work and keeps their prices in the home.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path

from mammo.errors import MammoError
from mammo.files import only_one
from mammo.rates import Prices, recall, remember
from mammo.specs import Home, pick


def _start(_home: Home) -> Prices:
    from mammo.features.pace import start_prices

    return start_prices()


def _heads(home: Home) -> Prices:
    from mammo.heads.pace import head_prices

    return head_prices(home.path)


def _tail(_home: Home, trunk: str, finetune: str, precision: str, size: str) -> Prices:
    from mammo.heads.pace import tail_prices

    return tail_prices(trunk, finetune, precision, int(size))


def _pictures(home: Home, *words: str) -> Prices:
    from mammo.features.pace import picture_prices
    from mammo.images.prepare import Variant

    dataset, _, kind, named = words
    variants = [name.split("/") for name in named.split(",")]
    return picture_prices(home, dataset, kind, tuple(Variant(pre, fit, int(size)) for pre, fit, size in variants))


def _trunk(_home: Home, trunk: str, tap: str, precision: str, size: str) -> Prices:
    from mammo.features.pace import trunk_prices

    return trunk_prices(trunk, tap, precision, int(size))


MEASURES: dict[str, Callable[..., Prices]] = {
    "start": _start,
    "heads": _heads,
    "tail": _tail,
    "pictures": _pictures,
    "trunk": _trunk,
}
"""How the price of each kind of work is found; further words of the kind are what is measured."""


def measure(home: Home, work: Iterable[str]) -> None:
    """Measure kinds of work here and now and keep their prices; those that are known by then are passed over.

    Raises MammoError where another process measures, or something cannot run on this machine.
    """
    with only_one(home.path / "measuring", "measuring this machine"):
        for kind in sorted(work, key=lambda kind: kind != "start"):  # before anything else has loaded anything
            name, *words = kind.split()
            if recall(home, kind) is None:
                remember(home, kind, pick(MEASURES, name, "kind of work")(home, *words))


def measuring(home: Home) -> bool:
    """Whether a process measures at this moment."""
    try:
        with only_one(home.path / "measuring", "measuring this machine"):
            return False
    except MammoError:
        return True


def can_measure() -> bool:
    """Whether what is measured could run here at all: a host that only shows results has no torch."""
    return find_spec("torch") is not None


def begin(home: Home, work: Iterable[str]) -> subprocess.Popen[str]:
    """Measure in a process of its own; what goes wrong stands in its standard error, as one line."""
    command = [sys.executable, "-m", "mammo.pace", str(home.path), *work]
    silent = subprocess.DEVNULL
    return subprocess.Popen(command, stdin=silent, stdout=silent, stderr=subprocess.PIPE, text=True)


def complete(home: Home, work: Iterable[str]) -> None:
    """Measure what is not known yet, in a process of its own, and wait for it; raises MammoError where it fails."""
    lacking = [kind for kind in work if recall(home, kind) is None]
    if lacking:
        process = begin(home, lacking)
        _, told = process.communicate()
        if process.returncode:
            raise MammoError(told.strip().splitlines()[-1] if told.strip() else "This machine could not be measured.")


def main(words: list[str]) -> int:
    """Measure, unless another process does; returns the exit code."""
    home = Home(Path(words[0]))
    if measuring(home):
        return 0
    try:
        measure(home, words[1:])
    except MammoError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
