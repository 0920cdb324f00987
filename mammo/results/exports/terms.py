"""The data sets behind results, whose licences and attributions go with an export."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from mammo.data.dataset.dataset import Dataset
from mammo.data.dataset.licence import attribution_of
from mammo.errors import MammoError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mammo.runs.sweep import Sweep
    from mammo.specs import Home


def datasets_of(home: Home, sweeps: Iterable[Sweep]) -> dict[str, Dataset]:
    """The data sets of some sweeps by name; those that are gone or damaged are left out: scores do not need them."""
    opened: dict[str, Dataset] = {}
    for name in dict.fromkeys(str(sweep.about["dataset"]["name"]) for sweep in sweeps):
        with contextlib.suppress(MammoError):
            opened[name] = Dataset.open(home, name)
    return opened


def attributions(datasets: Iterable[Dataset]) -> list[str]:
    """The attributions that the sources of some data sets ask for, without repeats."""
    return list(dict.fromkeys(filter(None, (attribution_of(dataset.about) for dataset in datasets))))
