"""The settings of runs in words, such as `GAP`, `hidden 128`, `3e-4`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mammo.runs.ensemble import SEVERAL
from mammo.runs.fusion import FUSIONS
from mammo.specs import PROBE, SOLVED

if TYPE_CHECKING:
    from numpy.typing import NDArray

NAMED_BY = (
    "members",
    "dataset",
    "kind",
    "trunk",
    "weights",
    "tap",
    "size",
    "resize",
    "preprocess",
    "augment",
    "pool",
    "hidden",
    "dropout",
    "optimizer",
    "finetune",
    "scoring",
    "labels",
    "fuse",
)
NUMBERS = (
    "lr",
    "tail_lr",
    "draws",
    "first_draws",
    "batch",
    "epochs",
    "patience",
    "seed",
    "protocol",
    "split_seed",
    "redraw",
    "arithmetic",
)


LABELS = {
    "pool": {"flatten": "Flatten", "gap": "GAP"},
    "optimizer": {"adam": "Adam", "nadam": "NAdam"},
    "preprocess": {"builtin": "built-in"},
}
"""Values of settings that people read otherwise than commands and files write them: as their registries label them."""


def label_of(setting: str, value: Any) -> str:
    """A value of a setting as people read it, such as `NAdam` for the optimizer `nadam`."""
    return LABELS.get(setting, {}).get(value, str(value))


def setting_words(runs: pd.DataFrame) -> dict[str, list[str]]:
    """The settings in which these runs differ, each with its words run by run.

    Nothing where the runs of an ensemble differ in it, or where a solved head has no such setting.
    """
    told = [name for name in (*NAMED_BY, *NUMBERS) if name in runs and runs[name].nunique(dropna=False) > 1]
    solved = (runs["optimizer"] == PROBE).to_numpy() if "optimizer" in runs else np.zeros(len(runs), dtype=bool)
    return {name: _words_of(runs[name], name, solved if name in SOLVED else np.zeros_like(solved)) for name in told}


def _words_of(values: pd.Series, name: str, blank: NDArray[np.bool_]) -> list[str]:
    codes, found = pd.factorize(values)
    words = [*(worded(name, value) for value in found), ""]  # the code of what is missing is -1
    return [words[code] for code in np.where(blank, -1, codes)]


def worded(setting: str, value: Any) -> str:
    """A setting in words; nothing where it is missing or the runs of an ensemble differ in it."""
    if pd.isna(value) or value == SEVERAL:
        return ""
    if setting in WORDS:
        return WORDS[setting](value)
    if setting in ("dropout", *NUMBERS) and setting != "protocol":
        return f"{setting.replace('_', ' ')} {value:g}"
    return label_of(setting, value)


WORDS: dict[str, Callable[[Any], str]] = {
    "members": lambda value: f"ensemble of {value}" if value > 1 else "",
    "fuse": lambda value: FUSIONS[value].label.lower(),
    "lr": lambda value: f"{value:.1e}".replace(".0e", "e").replace("e-0", "e-"),
    "finetune": lambda value: "frozen" if value == "none" else f"tuned {value}",
    "hidden": lambda value: f"hidden {value}" if value else "linear",
}
