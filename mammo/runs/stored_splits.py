"""A split of a data set: drawn, or, in a shared home, looked up in its sweeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mammo.data.splits.leakage import leakage
from mammo.data.splits.protocols import Parts, draw
from mammo.errors import MammoError
from mammo.runs.sweep import Sweep, sweeps
from mammo.specs import SHARED, Home, SplitSpec
from mammo.storage.json_files import read_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mammo.data.dataset.dataset import Dataset

SHUFFLED = "shuffled"
"""The key of `shared.json` for a home whose images have a new order, so that no split can be drawn again."""


def split_of(home: Home, dataset: Dataset, kind: str, spec: SplitSpec) -> tuple[Parts, dict[str, int | None]]:
    """The parts of a split of the images of `kind`, int8 (images,), and its leakage.

    A draw depends on the names and the order of images, which a shared home lacks: there the split is looked up in the
    sweeps. Raises MammoError where no sweep was trained on it, or where `draw` does.
    """
    table = dataset.table(kind)
    if not _is_shuffled(home):
        parts = draw(table, spec)
        return parts, leakage(table, parts)
    stored = list(_stored(home, dataset, kind))
    for sweep, row in stored:
        facts = sweep.about["splits"][row]
        if SplitSpec.from_json(facts["spec"]) == spec:
            position = sweep.images.reset_index(drop=True).reset_index().set_index("image")["index"]
            return np.asarray(sweep.parts[row])[position.loc[table["image"]].to_numpy()], dict(facts["leakage"])
    words = dict.fromkeys(_words(SplitSpec.from_json(sweep.about["splits"][row]["spec"])) for sweep, row in stored)
    raise MammoError(
        "A shared home tells only the splits that its sweeps were trained on, since others are drawn by names that are "
        f"not here; of these images it has: {', '.join(words) or 'none'}."
    )


def _is_shuffled(home: Home) -> bool:
    return home.shared and bool(read_json(home.path / SHARED, "shared home").get(SHUFFLED))


def _stored(home: Home, dataset: Dataset, kind: str) -> Iterator[tuple[Sweep, int]]:
    """Every split of the sweeps on images of `kind`, as the sweep and the row of the split."""
    for name in sweeps(home):
        sweep = Sweep.open(home, name)
        if sweep.about["dataset"]["name"] == dataset.name and str(sweep.runs["kind"].iloc[0]) == kind:
            yield from ((sweep, row) for row in range(len(sweep.parts)))


def _words(spec: SplitSpec) -> str:
    return f"{spec.protocol}, seed {spec.seed}, redraw {spec.redraw}, labels {spec.labels}"
