"""The settings of runs in words, such as `GAP`, `hidden 128`, `3e-4`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mammo.axes import AXES
from mammo.heads.choices import CHOICES
from mammo.images.preprocess import PREPROCESSINGS
from mammo.runs.ensemble import SEVERAL
from mammo.runs.fusion import FUSIONS
from mammo.specs import NOT_IN_PROBES, PROBE

if TYPE_CHECKING:
    from numpy.typing import NDArray

FIRST = (
    "members", "dataset", "kind", "trunk", "weights", "tap", "size", "resize", "preprocess", "augment", "pool",
    "hidden", "dropout", "optimizer", "finetune", "scoring", "labels", "fuse",
)  # fmt: skip
"""The first settings of a run's name, in their order."""
NUMBERS = (
    "lr", "tail_lr", "draws", "first_draws", "batch", "epochs", "patience", "seed", "protocol", "split_seed", "redraw",
    "arithmetic",
)  # fmt: skip
"""The settings that follow `FIRST`; all other axes come after these, in the order of `AXES`."""
BY_NAME = ("finetune", "scoring")
"""Axes whose values have the same form in a run's name as in specs."""


def label_of(setting: str, value: Any) -> str:
    """The label of a value of a setting, such as `NAdam` for the optimiser `nadam`."""
    if setting == "preprocess" and value in PREPROCESSINGS:
        label = PREPROCESSINGS[value].label
        return label[:1].lower() + label[1:]
    if setting in CHOICES and setting not in BY_NAME and value in CHOICES[setting].entries and value != PROBE:
        return CHOICES[setting].entries[value].label
    return str(value)


def setting_words(runs: pd.DataFrame) -> dict[str, list[str]]:
    """The settings in which these runs differ, each with the text of its value in every run.

    The text is empty where the members of an ensemble differ in the setting, or where a probe has no such setting.
    """
    order = dict.fromkeys((*FIRST, *NUMBERS, *AXES))
    varied = [name for name in order if name in runs and runs[name].nunique(dropna=False) > 1]
    solved = (runs["optimizer"] == PROBE).to_numpy() if "optimizer" in runs else np.zeros(len(runs), dtype=bool)
    return {
        name: _words_of(runs[name], name, solved if name in NOT_IN_PROBES else np.zeros_like(solved)) for name in varied
    }


def _words_of(values: pd.Series, name: str, blank: NDArray[np.bool_]) -> list[str]:
    codes, distinct = pd.factorize(values)
    words = [*(setting_text(name, value) for value in distinct), ""]  # the code of a missing value is -1
    return [words[code] for code in np.where(blank, -1, codes)]


def setting_text(setting: str, value: Any) -> str:
    """The text of a value of a setting; empty where it is missing or the members of an ensemble differ in it."""
    if pd.isna(value) or value == SEVERAL:
        return ""
    if setting in WORDS:
        return WORDS[setting](value)
    if setting == "arithmetic" or (setting in AXES and AXES[setting].kind is not str and setting != "size"):
        return f"{setting.replace('_', ' ')} {value:g}"
    return label_of(setting, value)


WORDS: dict[str, Callable[[Any], str]] = {
    "members": lambda value: f"ensemble of {value}" if value > 1 else "",
    "fuse": lambda value: FUSIONS[value].label.lower(),
    "lr": lambda value: f"{value:.1e}".replace(".0e", "e").replace("e-0", "e-"),
    "finetune": lambda value: "frozen" if value == "none" else f"tuned {value}",
    "hidden": lambda value: f"hidden {value}" if value else "linear",
}


def short_names(runs: pd.DataFrame) -> dict[str, str]:
    """A short name for each run by its id: the settings in which the runs differ, and the id where these are equal."""
    columns = setting_words(runs).values()
    ids = runs["run"].astype(str).tolist()
    names = [" · ".join(filter(None, words)) for words in zip(*columns, strict=True)] if columns else [""] * len(ids)
    counts = Counter(names)
    pairs = zip(ids, names, strict=True)
    return {run: name if counts[name] == 1 and name else " · ".join(filter(None, (name, run))) for run, name in pairs}
