"""Timing two ways of doing the same work in turn, so that both meet the same machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

Work = Callable[[], object]


@dataclass(frozen=True)
class Race:
    """Seconds that our way and the peer's took in each repeat."""

    ours: list[float]
    peer: list[float]

    @property
    def ratio(self) -> float:
        """The median over repeats of how many times faster we are."""
        return median(self.ratios)

    @property
    def ratios(self) -> list[float]:
        """How many times faster we are in each repeat."""
        return [peer / ours for ours, peer in zip(self.ours, self.peer, strict=True)]


def seconds(work: Work) -> float:
    """How long a piece of work takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def race(ours: Work, peer: Work, repeats: int, ours_times: int = 1) -> Race:
    """Warm both up, then time them in turn; `ours_times` repeats of ours make one, where one alone is too short."""
    ours()
    peer()
    times: list[tuple[float, float]] = []
    for _ in range(repeats):
        our_time = seconds(lambda: [ours() for _ in range(ours_times)]) / ours_times
        times.append((our_time, seconds(peer)))
    return Race([time_taken for time_taken, _ in times], [time_taken for _, time_taken in times])
