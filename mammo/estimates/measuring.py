"""Measure the speed of this machine, when an estimate first needs it, in a process of its own.

`python -m mammo.estimates.measuring HOME WORK…` measures kinds of work and stores their prices in the home.
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
from mammo.estimates.prices import Prices, note_attempt, recall, remember, renewable, stale
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

    dataset, _, kind, variant_names = words
    variants = [name.split("/") for name in variant_names.split(",")]
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
"""The function that measures each kind of work; the further words of the kind are its arguments."""

ATTENDED = "--attended"
"""Option of the command line, before the home: the process ends when its standard input is closed by its parent."""


def measure(home: Home, work: Iterable[str]) -> None:
    """Measure kinds of work in this process and store their prices, with the load of other processes meanwhile.

    Kinds that are already measured are skipped, unless the machine was clearly busier then or it was long ago. Raises
    MammoError where another process is measuring, or where a kind of work cannot run on this machine.
    """
    with folder_lock(home.path / "measuring", "measuring this machine"):
        # "start" times imports: it comes before all other work
        for kind in sorted(work, key=lambda kind: kind != "start"):
            name, *words = kind.split()
            if recall(home, kind) is None or stale(home, [kind], load_now):
                watch = LoadMeter()
                prices = pick(MEASURES, name, "kind of work")(home, *words)
                remember(home, kind, prices, watch.load())
            elif renewable(home, kind):
                note_attempt(home, kind)


def measuring(home: Home) -> bool:
    """Whether a process is measuring at this moment."""
    try:
        with folder_lock(home.path / "measuring", "measuring this machine"):
            return False
    except MammoError:
        return True


def can_measure() -> bool:
    """Whether the work can run on this machine at all: a host that only shows results has no torch."""
    return find_spec("torch") is not None


def begin(home: Home, work: Iterable[str]) -> subprocess.Popen[str]:
    """Start a process that measures and ends with this one; an error is a line in its standard error."""
    command = [sys.executable, "-m", "mammo.estimates.measuring", ATTENDED, str(home.path), *work]
    reader, writer = os.pipe()
    try:
        process = subprocess.Popen(command, stdin=reader, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    except BaseException:
        os.close(writer)
        raise
    finally:
        os.close(reader)
    threading.Thread(target=_keep_open, args=(process, writer), daemon=True).start()
    return process


def _keep_open(process: subprocess.Popen[str], pipe: int) -> None:
    """Keep the pipe open that the process watches, until the process ends, even if its Popen object is dropped."""
    process.wait()
    os.close(pipe)


def complete(home: Home, work: Iterable[str]) -> None:
    """Measure the kinds of work without good prices in another process, and wait; raises MammoError on failure."""
    unmeasured = [kind for kind in work if renewable(home, kind)]
    if unmeasured:
        process = begin(home, unmeasured)
        _, errors = process.communicate()
        if process.returncode:
            lines = errors.strip().splitlines() or ["This machine could not be measured."]
            raise MammoError(lines[-1])


def main(words: list[str]) -> int:
    """Measure, unless another process is measuring; return the exit code."""
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
