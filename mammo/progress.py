"""How long work speaks: slow verbs are generators that yield `Progress`."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

Result = TypeVar("Result")


@dataclass(frozen=True)
class Progress:
    """One step of long work: `done` of `total` `unit`s of `stage`.

    `live` carries numbers worth watching while the work runs, such as every head's
    validation AUC; it must be JSON.
    """

    stage: str
    done: int
    total: int
    unit: str = "images"
    live: dict[str, Any] = field(default_factory=dict)


Work = Generator[Progress, None, Result]
"""A slow verb: yields `Progress`, returns its result."""


def duration(seconds: float | None) -> str:
    """Seconds in words: whole ones, minutes or hours; None is unknown."""
    if seconds is None:
        return "unknown"
    if seconds < 90:
        return f"{max(round(seconds), 1)} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def finish(work: Work[Result]) -> Result:
    """Run slow work to its end without showing progress, and return its result."""
    while True:
        try:
            next(work)
        except StopIteration as stop:
            result: Result = stop.value
            return result


def counted(items: Iterable[Result], stage: str, total: int, unit: str = "images") -> Work[list[Result]]:
    """Collect `items` into a list while yielding a `Progress` after each."""
    collected: list[Result] = []
    yield Progress(stage, 0, total, unit)
    for item in items:
        collected.append(item)
        yield Progress(stage, len(collected), total, unit)
    return collected
