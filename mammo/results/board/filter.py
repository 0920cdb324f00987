"""A filter of runs: those that have one of the chosen values of every chosen setting."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mammo.results.setting_words import setting_words

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd
    from numpy.typing import NDArray

MOST = 40
"""A setting with more values than this, such as the seed of many starts, is no choice."""


class RunFilter:
    """The values, in words, of the settings in which runs differ, and the runs that have each value."""

    def __init__(self, runs: pd.DataFrame) -> None:
        self.size = len(runs)
        self.rows: dict[str, tuple[str, NDArray[np.bool_]]] = {}
        for name, words in setting_words(runs).items():
            column = np.array(words)
            values = [str(value) for value in dict.fromkeys(words) if value]
            for value in values if len(values) <= MOST else ():
                label = value if value not in self.rows else f"{name.replace('_', ' ')} {value}"
                self.rows[label] = name, column == value

    @property
    def choices(self) -> list[str]:
        """The values, setting by setting."""
        return list(self.rows)

    def matches(self, chosen: Iterable[str]) -> NDArray[np.bool_]:
        """Which runs, bool (R,), have a `chosen` value of every setting that has any; unknown values do not count."""
        masks: dict[str, NDArray[np.bool_]] = {}
        for value in chosen:
            if value in self.rows:
                name, having = self.rows[value]
                masks[name] = masks.get(name, np.zeros(self.size, dtype=bool)) | having
        return np.logical_and.reduce(list(masks.values())) if masks else np.ones(self.size, dtype=bool)
