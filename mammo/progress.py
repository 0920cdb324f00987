"""How long work speaks: slow verbs are generators that yield `Progress`."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
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


LEAST_WINDOW, MOST_WINDOW = 1.0, 60.0
"""Seconds of the most recent work that a rate is taken from, at least and at most."""
SHARE_OF_STAGE = 0.2
"""That window as a share of the time that a stage has run."""
STEPS = 3
"""A rate is taken from so many steps at least, be they ever so long."""


class RecentRate:
    """How fast a stage goes of late, so that its estimate corrects itself when the work becomes slower or faster."""

    def __init__(self) -> None:
        self._steps: deque[tuple[float, int]] = deque()
        self._begun = 0.0

    def add(self, now: float, done: int) -> None:
        """Take in that so much is `done` at a time, in seconds of any clock that is never set."""
        if not self._steps:
            self._begun = now
        window = min(max((now - self._begun) * SHARE_OF_STAGE, LEAST_WINDOW), MOST_WINDOW)
        if len(self._steps) > STEPS and now - self._steps[-2][0] < window / 50:
            self._steps.pop()  # many small steps count as one
        self._steps.append((now, done))
        while len(self._steps) > STEPS + 1 and now - self._steps[1][0] >= window:
            self._steps.popleft()

    @property
    def rate(self) -> float:
        """Units a second, 0 while nobody knows."""
        if len(self._steps) < 2:
            return 0.0
        (first, before), (last, after) = self._steps[0], self._steps[-1]
        return max(after - before, 0) / (last - first) if last > first else 0.0

    def seconds_left(self, total: int) -> float | None:
        """Seconds until `total` is done, None while nobody knows."""
        if not self._steps or not self.rate:
            return None
        return max(total - self._steps[-1][1], 0) / self.rate


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
