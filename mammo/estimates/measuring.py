"""How fast this machine is, measured when it is first asked for, in a process of its own.

`python -m mammo.estimates.measuring HOME WORK…` measures kinds of work and keeps their prices in the home.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path

from mammo.errors import MammoError
from mammo.estimates.prices import Prices, recall, remember, renewable, sought, stale
from mammo.processes.lifetimes import end_with_pipe
from mammo.processes.load import LoadMeter, load_now
from mammo.specs import Home, pick
from mammo.storage.locks import folder_lock


def _start(_home: Home) -> Prices:
    from mammo.estimates.trunk_prices import start_prices

    return start_prices()


def _heads(home: Home) -> Prices:
    from mammo.estimates.head_prices import head_prices

    return head_prices(home.path)


def _tail(_home: Home, trunk: str, finetune: str, precision: str, size: str) -> Prices:
    from mammo.estimates.head_prices import tail_prices

    return tail_prices(trunk, finetune, precision, int(size))


def _pictures(home: Home, *words: str) -> Prices:
    from mammo.estimates.trunk_prices import picture_prices
    from mammo.images.prepare import Variant

    dataset, _, kind, named = words
    variants = [name.split("/") for name in named.split(",")]
    return picture_prices(home, dataset, kind, tuple(Variant(pre, fit, int(size)) for pre, fit, size in variants))


def _trunk(_home: Home, trunk: str, tap: str, precision: str, size: str) -> Prices:
    from mammo.estimates.trunk_prices import trunk_prices

    return trunk_prices(trunk, tap, precision, int(size))


MEASURES: dict[str, Callable[..., Prices]] = {
    "start": _start,
    "heads": _heads,
    "tail": _tail,
    "pictures": _pictures,
    "trunk": _trunk,
}
"""How the price of each kind of work is found; further words of the kind are what is measured."""


ATTENDED = "--attended"
"""Before the home on the command line: the process ends once its standard input does, which another process holds."""


def measure(home: Home, work: Iterable[str]) -> None:
    """Measure kinds of work here and now and keep their prices, with the load by others meanwhile.

    Those are passed over that are known by then, unless they were measured when the machine was clearly busier, or long
    ago.
    Raises MammoError where another process measures, or something cannot run on this machine.
    """
    with folder_lock(home.path / "measuring", "measuring this machine"):
        for kind in sorted(work, key=lambda kind: kind != "start"):  # before anything else has loaded anything
            name, *words = kind.split()
            if recall(home, kind) is None or stale(home, [kind], load_now):
                watch = LoadMeter()
                prices = pick(MEASURES, name, "kind of work")(home, *words)
                remember(home, kind, prices, watch.load())
            elif renewable(home, kind):
                sought(home, kind)


def measuring(home: Home) -> bool:
    """Whether a process measures at this moment."""
    try:
        with folder_lock(home.path / "measuring", "measuring this machine"):
            return False
    except MammoError:
        return True


def can_measure() -> bool:
    """Whether what is measured could run here at all: a host that only shows results has no torch."""
    return find_spec("torch") is not None


def begin(home: Home, work: Iterable[str]) -> subprocess.Popen[str]:
    """Measure in a process of its own, which ends with this one; what goes wrong is a line in its standard error."""
    command = [sys.executable, "-m", "mammo.estimates.measuring", ATTENDED, str(home.path), *work]
    reader, writer = os.pipe()
    try:
        process = subprocess.Popen(command, stdin=reader, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    except BaseException:
        os.close(writer)
        raise
    finally:
        os.close(reader)
    threading.Thread(target=_hold, args=(process, writer), daemon=True).start()
    return process


def _hold(process: subprocess.Popen[str], pipe: int) -> None:
    """Hold the pipe whose end the process waits for, for as long as both live, whoever forgets the process."""
    process.wait()
    os.close(pipe)


def complete(home: Home, work: Iterable[str]) -> None:
    """Measure what is not known well yet, in a process of its own, and wait for it; raises MammoError on failure."""
    lacking = [kind for kind in work if renewable(home, kind)]
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
    attended = sys.argv[1:2] == [ATTENDED]
    if attended:
        end_with_pipe(sys.stdin.fileno())
    sys.exit(main(sys.argv[2:] if attended else sys.argv[1:]))
