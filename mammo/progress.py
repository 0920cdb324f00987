"""Progress of long work: slow functions are generators that yield `Progress`."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any, TypeVar

Result = TypeVar("Result")


@dataclass(frozen=True)
class Progress:
    """A report of long work: `done` of `total` units are finished in a stage.

    `live` holds values to watch while the work runs, such as every head's validation AUC; they must be JSON.
    """

    stage: str
    done: int
    total: int
    unit: str = "images"
    live: dict[str, Any] = field(default_factory=dict)


Work = Generator[Progress, None, Result]
"""A slow function: it yields `Progress` and returns its result."""


MIN_WINDOW, MAX_WINDOW = 1.0, 60.0
"""Shortest and longest window, in seconds, over which the rate is measured."""
SHARE_OF_STAGE = 0.2
"""The window as a share of the time since the stage began."""
MIN_STEPS = 3
"""Smallest number of steps over which the rate is measured, however long they take."""


class RecentRate:
    """The recent speed of a stage: the estimate of the time left follows when the work becomes slower or faster."""

    def __init__(self) -> None:
        self._steps: deque[tuple[float, int]] = deque()
        self._start = 0.0

    def add(self, now: float, done: int) -> None:
        """Record how much is `done` at the time `now`, in seconds of a monotonic clock."""
        if not self._steps:
            self._start = now
        window = min(max((now - self._start) * SHARE_OF_STAGE, MIN_WINDOW), MAX_WINDOW)
        if len(self._steps) > MIN_STEPS and now - self._steps[-2][0] < window / 50:
            self._steps.pop()  # many short steps are merged into one
        self._steps.append((now, done))
        while len(self._steps) > MIN_STEPS + 1 and now - self._steps[1][0] >= window:
            self._steps.popleft()

    @property
    def rate(self) -> float:
        """Units per second, 0 as long as it is unknown."""
        if len(self._steps) < 2:
            return 0.0
        (start, done_before), (end, done_now) = self._steps[0], self._steps[-1]
        return max(done_now - done_before, 0) / (end - start) if end > start else 0.0

    def seconds_left(self, total: int) -> float | None:
        """Return the seconds until `total` units are done, None as long as it is unknown."""
        if not self._steps or not self.rate:
            return None
        return max(total - self._steps[-1][1], 0) / self.rate


def duration(seconds: float | None) -> str:
    """Return a duration as text, in seconds, minutes or hours; None is "unknown"."""
    if seconds is None:
        return "unknown"
    if seconds < 90:
        return f"{max(round(seconds), 1)} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def finish(work: Work[Result]) -> Result:
    """Run slow work to its end without showing progress; return its result."""
    while True:
        try:
            next(work)
        except StopIteration as stop:
            result: Result = stop.value
            return result
